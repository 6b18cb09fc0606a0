"""Features of a network that decide what is compiled and what is computed, read from its parameters alone."""

import math
import re
from collections.abc import Mapping
from typing import Any

from eprop_core.model.blocks import has_longer_blocks
from eprop_core.network.bundles import n_bundles, onto_neurons
from eprop_core.network.degrees import reaches_all
from eprop_core.network.projections import Role, projections
from eprop_core.parameters import (
    ARROW,
    PLUG_IN_SURROGATE_GRADIENTS,
    Network,
    PairParameters,
    Plasticity,
    ProjectionParameters,
    differs,
    extent,
    optimizer_of,
)
from eprop_core.parsing import ParameterError, parse


def follows_output(network: Network) -> bool:
    """Return whether feedback goes along the output connections, instead of connections of its own."""
    return network.feedback.kind != "random"


def signals_differ(network: Network) -> bool:
    """Return whether the learning signal and the rate regularization meet different eligibilities."""
    return network.plasticity.kappa != kappa_reg(network)


def may_lack_filter(network: Network) -> bool:
    """Return whether synapses onto neurons have no filter at kappa = 0, instead of one that is close to 0."""
    return not is_stepwise(network) and has_longer_blocks(smallest_decay(network))


def has_two_filters(network: Network) -> bool:
    """Return whether synapses onto neurons keep two filtered eligibilities."""
    kappas = network.plasticity.kappa, kappa_reg(network)
    return signals_differ(network) and not (may_lack_filter(network) and 0.0 in kappas)


def kappa_reg(network: Network) -> float:
    """Return the decay per step of the eligibilities that the rate regularization acts on; 1 where they are summed."""
    return 1.0 if network.plasticity.rate_average == "sample" else network.plasticity.kappa_reg


def decay(network: Network, time_constant: float) -> float:
    """Return exp(-dt / ``time_constant``), the decay per step; the time constant is in ms."""
    return math.exp(-network.dt / time_constant)


def smallest_decay(network: Network) -> float:
    """Return the smallest decay per step of a membrane or an adaptation that any neuron of the network may have."""
    neuron = network.neuron
    alpha = decay(network, extent(network, "tau_m")[0])
    if neuron.adaptation is None:
        return alpha
    rho = decay(network, neuron.adaptation.tau)
    return min(alpha, rho - extent(network, "beta")[1] * extent(network, "surrogate_height")[1])


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
    """Return whether synapses onto neurons process each step, instead of the time between two spikes at once.

    All of them do if the optimizer of some needs it, since they have the same sums or values of the neurons.
    """
    parts = [*(network.input.targets or {}).values(), *(network.recurrent.pairs or {}).values()]
    return _needs_steps(network, network.input, network.recurrent, *parts)


def output_is_stepwise(network: Network) -> bool:
    """Return whether synapses onto readouts process each step."""
    return _needs_steps(network, network.output)


def _needs_steps(network: Network, *projections: Any) -> bool:
    optimizers = (optimizer_of(network, own) for own in projections)
    return network.plasticity.update == "spike" and not all(optimizer.is_linear for optimizer in optimizers)


def has_spike_timing(network: Any) -> bool:
    """Return whether any projection has spike-timing-dependent plasticity.

    ``network`` is a :class:`Network`, or one that lacks sizes.
    """
    given = [(network.input, network.input.targets), (network.recurrent, network.recurrent.pairs)]
    connections = [own for all_, parts in given for own in _parts(all_, parts)]
    return any(own.plastic and own.stdp is not None for own in connections)


def _parts(projection: ProjectionParameters, parts: Mapping[str, PairParameters] | None) -> list[ProjectionParameters]:
    """Return the parameters of a projection, or of those between groups that it consists of."""
    return [projection] if parts is None else [part.within(projection) for part in parts.values()]


def shortest_interval(network: Network) -> int:
    """Return the steps between two spikes of a neuron at the least."""
    return max(1, round(network.extent("t_ref")[0] / network.dt), network.firing_period)


SHORTEST_ROW = 16
"""Neurons of a rank from which on synapses are stored in rows."""


def projections_in_rows(
    network: Network, n_targets: int, given: Mapping[str, tuple[int, bool]] | None = None
) -> set[str]:
    """Return the names of the bundles whose synapses a rank stores in rows instead of lists (``network/rows.py``).

    Rows and lists need the running sums in different order. So a rank has rows only if most of its synapses are in
    them.

    Parameters
    ----------
    network
        Parameters of the network.
    n_targets
        Recurrent neurons of the rank.
    given
        Number of synapses on the rank, and whether they connect each source to all targets, by name of the bundle,
        where these do not follow from the rule.
    """
    if is_stepwise(network) or n_targets < SHORTEST_ROW:
        return set()
    sizes: dict[str, float] = {}
    full = set()
    for bundle in onto_neurons(network):
        by_rule = bundle.n_synapses * n_targets / network.n_recurrent, bundle.is_full
        sizes[bundle.name], is_full = (given or {}).get(bundle.name, by_rule)
        if is_full and bundle.first.spike_timing is None:
            full.add(bundle.name)
    return full if 2 * sum(sizes[name] for name in full) >= sum(sizes.values()) > 0 else set()


_FEATURES: dict[str, dict[str, Any]] = {
    "two_filters": {"plasticity": {"kappa_reg": 0.5 * Plasticity().kappa}},
    "adaptive": {"neuron": {"adaptation": {"beta": 0.1, "tau": 100.0}}},
    "own_decay": {"neuron": {"tau_m": {"low": 10.0, "high": 20.0}}},
    "stepwise": {"plasticity": {"optimizer": {"algorithm": "adam"}}},
    **{
        f"stepwise_{name}": {part: {"optimizer": {"algorithm": "adam"}}}
        for name, part in (("neurons", "recurrent"), ("readouts", "output"))
    },
    "dense": {"n_recurrent": SHORTEST_ROW},
    "stdp": {"n_input": 2 * SHORTEST_ROW, "recurrent": {"stdp": {}}},  # connections with it are in lists
    **{
        f"surrogate_{name}": {"neuron": {"surrogate_gradient": {"function": name}}}
        for name in PLUG_IN_SURROGATE_GRADIENTS
    },
}
"""Features that are compiled separately, with parameters of networks that have them."""

_PROJECTIONS = re.compile(r"projections_(\d{1,3})_(\d{1,3})")
"""The feature of networks with several bundles of projections from the inputs, or between the neurons."""


def _has_rows(network: Network) -> bool:
    """Whether a single rank stores synapses in rows."""
    if hasattr(network, "n_input"):
        return bool(projections_in_rows(network, network.n_recurrent))
    # The data of a task decide the number of input channels. Usually there are more of them than neurons.
    targets = network.input.targets
    parts = [own.within(network.input) for own in targets.values()] if targets else [network.input]
    reaches_groups = targets is None or (len(targets) == len(network.groups or ()) and n_bundles(network)[0] == 1)
    input_is_full = reaches_groups and all(reaches_all(own.connectivity, 2**30) for own in parts)
    return input_is_full and network.n_recurrent >= SHORTEST_ROW and not is_stepwise(network)


def kind(network: Network) -> str:
    """Return the name of what is compiled for a network: networks of one kind run the same code."""
    surrogate = network.neuron.surrogate_gradient
    features = {
        "two_filters": has_two_filters(network),
        "adaptive": network.neuron.adaptation is not None,
        "own_decay": differs(network, "tau_m"),
        "stepwise": is_stepwise(network) and output_is_stepwise(network),
        "stepwise_neurons": is_stepwise(network) and not output_is_stepwise(network),
        "stepwise_readouts": output_is_stepwise(network) and not is_stepwise(network),
        "dense": _has_rows(network),
        "stdp": has_spike_timing(network),
        f"surrogate_{surrogate.function}": surrogate.implementation is not None,
        _name_of_projections(network): n_bundles(network) != (1, 1),
    }
    return "-".join(name for name, there in features.items() if there) or "plain"


def network_of(kind: str) -> Network:
    """Return a small network of a kind.

    Parameters
    ----------
    kind
        A name that :func:`kind` returns.

    Raises
    ------
    ParameterError
        An unknown kind.
    """
    values: dict[str, Any] = {"n_input": 1, "n_recurrent": 1, "n_readout": 1}
    for feature in kind.split("-") if kind != "plain" else []:
        if numbers := _PROJECTIONS.fullmatch(feature):
            values |= _with_groups(values["n_recurrent"], *map(int, numbers.groups()))
            values["plasticity"] = values.get("plasticity", {}) | {"cutoff": None}
            continue
        if feature not in _FEATURES:
            raise ParameterError(f"kind = {kind!r}: {kinds()}")
        for part, changes in _FEATURES[feature].items():
            values[part] = values.get(part, {}) | changes if isinstance(changes, dict) else changes
    return parse(Network, values)


def kinds() -> str:
    """Return the kinds in words."""
    return f"plain, or some of {', '.join(_FEATURES)}, projections_INPUT_RECURRENT joined by -"


def _name_of_projections(network: Network) -> str:
    return "projections_{}_{}".format(*n_bundles(network))


def _with_groups(n_recurrent: int, n_onto: int, n_pairs: int) -> dict[str, Any]:
    """Return parameters of a network with some numbers of bundles from the inputs and between groups."""
    names = [f"group_{n}" for n in range(max(n_onto, math.isqrt(n_pairs - 1) + 1))]
    pairs = [f"{source}{ARROW}{target}" for source in names for target in names]
    none = {"rule": "pairwise_bernoulli", "probability": 0.0}
    # Each with a delay of its own, so that none is bundled with another one.
    onto = {names[n]: {"delay": n + 1} for n in range(n_onto)}
    between = {pairs[n]: {"delay": n + 1} for n in range(n_pairs)}
    return {
        "n_recurrent": max(n_recurrent, len(names)),
        "groups": {name: {"size": max(1, n_recurrent - len(names) + 1) if name == names[0] else 1} for name in names},
        "input": {"targets": onto} if n_onto > 1 else {},
        "recurrent": {"connectivity": none, "pairs": between} if n_pairs > 1 else {},
    }
