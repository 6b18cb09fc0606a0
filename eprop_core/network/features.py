"""Features of a network that decide what is compiled and what is computed, read from its parameters alone."""

from eprop_core.parameters import Adam, Network, Uniform


def follows_output(network: Network) -> bool:
    """Whether feedback goes along the output connections, instead of connections of its own."""
    return network.feedback.kind != "random"


def has_two_filters(network: Network) -> bool:
    """Whether the rate regularization filters eligibilities by a decay of its own."""
    return network.plasticity.kappa != kappa_reg(network)


def kappa_reg(network: Network) -> float:
    """Decay of the eligibilities that the rate regularization acts on; over a sample, they are summed."""
    return 1.0 if network.plasticity.rate_average == "sample" else network.plasticity.kappa_reg


def communication_interval(network: Network) -> int:
    """Steps that a rank can compute without news of the others: the smallest delay of what travels between ranks.

    These are recurrent spikes, and what spikes add to the readouts. Feedback along the output connections meets the
    weights of the step in which an error arrives; all that happens to them in an interval is known before it, so no
    error may be sent and arrive in the same one.
    """
    interval = min(network.recurrent.delay, network.output.delay)
    return min(interval, network.feedback.delay) if follows_output(network) else interval


def is_stepwise(network: Network) -> bool:
    """Whether synapses walk through each step, instead of crossing the time between two spikes at once."""
    return isinstance(network.plasticity.optimizer, Adam) and network.plasticity.update == "spike"


def kind(network: Network) -> str:
    """Name of what is compiled for a network: networks of one kind run the same code."""
    features = {
        "two_filters": has_two_filters(network),
        "adaptive": network.neuron.adaptation is not None,
        "own_decay": isinstance(network.neuron.tau_m, Uniform),
        "stepwise": is_stepwise(network),
    }
    return "-".join(name for name, there in features.items() if there) or "plain"
