"""Features of a network that decide what is compiled and what is computed, read from its parameters alone."""

from typing import Any

from eprop_core.parameters import PLUG_IN_SURROGATE_GRADIENTS, Network, Plasticity, Uniform
from eprop_core.parsing import ParameterError, parse


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
    return not network.plasticity.optimizer.is_linear and network.plasticity.update == "spike"


_FEATURES: dict[str, dict[str, dict[str, Any]]] = {
    "two_filters": {"plasticity": {"kappa_reg": 0.5 * Plasticity().kappa}},
    "adaptive": {"neuron": {"adaptation": {"beta": 0.1, "tau": 100.0}}},
    "own_decay": {"neuron": {"tau_m": {"low": 10.0, "high": 20.0}}},
    "stepwise": {"plasticity": {"optimizer": {"algorithm": "adam"}}},
    **{
        f"surrogate_{name}": {"neuron": {"surrogate_gradient": {"function": name}}}
        for name in PLUG_IN_SURROGATE_GRADIENTS
    },
}
"""Features that are compiled on their own, with parameters that have them."""


def kind(network: Network) -> str:
    """Name of what is compiled for a network: networks of one kind run the same code."""
    surrogate = network.neuron.surrogate_gradient
    features = {
        "two_filters": has_two_filters(network),
        "adaptive": network.neuron.adaptation is not None,
        "own_decay": isinstance(network.neuron.tau_m, Uniform),
        "stepwise": is_stepwise(network),
        f"surrogate_{surrogate.function}": surrogate.implementation is not None,
    }
    return "-".join(name for name, there in features.items() if there) or "plain"


def network_of(kind: str) -> Network:
    """Return a network of a kind, see :func:`kind`."""
    values: dict[str, Any] = {"n_input": 1, "n_recurrent": 1, "n_readout": 1}
    for feature in kind.split("-") if kind != "plain" else []:
        if feature not in _FEATURES:
            raise ParameterError(f"kind = {kind!r}: {kinds()}")
        for part, changes in _FEATURES[feature].items():
            values[part] = values.get(part, {}) | changes
    return parse(Network, values)


def kinds() -> str:
    """Return which kinds there are."""
    return f"plain, or some of {', '.join(_FEATURES)} joined by -"
