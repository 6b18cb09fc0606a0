"""Features of a network that decide what is compiled and what is computed, read from its parameters alone."""

import math

from eprop_core.network.projections import Role, projections
from eprop_core.parameters import Adam, Network, Uniform


def follows_output(network: Network) -> bool:
    """Return whether feedback goes along the output connections, instead of connections of its own."""
    return network.feedback.kind != "random"


def has_two_filters(network: Network) -> bool:
    """Return whether the rate regularization filters eligibilities with a decay of its own."""
    return network.plasticity.kappa != kappa_reg(network)


def kappa_reg(network: Network) -> float:
    """Return the decay per step of the eligibilities that the rate regularization acts on; 1 where they are summed."""
    return 1.0 if network.plasticity.rate_average == "sample" else network.plasticity.kappa_reg


def decay(network: Network, time_constant: float) -> float:
    """Return exp(-dt / ``time_constant``), the decay per step; the time constant is in ms."""
    return math.exp(-network.dt / time_constant)


def smallest_decay(network: Network) -> float:
    """Return the smallest decay per step of a membrane or an adaptation that any neuron of the network may have."""
    neuron = network.neuron
    alpha = decay(network, neuron.tau_m.low if isinstance(neuron.tau_m, Uniform) else neuron.tau_m)
    if neuron.adaptation is None:
        return alpha
    rho = decay(network, neuron.adaptation.tau)
    return min(alpha, rho - neuron.adaptation.beta * neuron.surrogate_gradient.height)


def signal_delay(network: Network) -> int:
    """Return the steps from a spike to the arrival of the learning signal that it causes."""
    return network.output.delay + network.feedback.delay


def communication_interval(network: Network) -> int:
    """Return the steps that a rank can compute without the others: the smallest delay of what ranks exchange.

    Ranks exchange recurrent spikes and the input of the readouts. Feedback along the output connections is read with
    the weights of the step in which an error arrives. All changes of these weights in an interval are made before it,
    so no error may be sent and arrive in the same interval.
    """
    exchanged = {Role.RECURRENT, Role.OUTPUT, *([Role.FEEDBACK] if follows_output(network) else [])}
    return min(projection.parameters.delay for projection in projections(network) if projection.role in exchanged)


def is_stepwise(network: Network) -> bool:
    """Return whether synapses process each step, instead of the time between two spikes at once."""
    return isinstance(network.plasticity.optimizer, Adam) and network.plasticity.update == "spike"


def kind(network: Network) -> str:
    """Return the name of what is compiled for a network: networks of one kind run the same code."""
    features = {
        "two_filters": has_two_filters(network),
        "adaptive": network.neuron.adaptation is not None,
        "own_decay": isinstance(network.neuron.tau_m, Uniform),
        "stepwise": is_stepwise(network),
    }
    return "-".join(name for name, there in features.items() if there) or "plain"
