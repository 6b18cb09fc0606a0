"""The initial weights of a projection before they are drawn: their scale, their extent, and bounds that exclude some.

Whether drawn weights are within the bounds of plasticity depends on the seed. So that no run fails where another one
succeeds, parameters of experiments must have bounds within which all weights are but in one of a million networks.
"""

import math
from decimal import ROUND_CEILING, Context
from statistics import NormalDist
from typing import Any, NamedTuple

from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.projections import ProjectionSpec, Role, spiking_projections
from eprop_core.parameters import (
    ARROW,
    PARTS,
    Connectivity,
    Distribution,
    InitialWeights,
    Network,
    ProjectionParameters,
    whole_of,
)
from eprop_core.parsing import ParameterError

ONE_IN_A_MILLION = 1e-6
"""Share of networks in which a weight may be outside of bounds that are accepted."""


def largest_draw(distribution: Distribution, n: float) -> float:
    """Return the size that ``n`` draws exceed, before they are scaled, in one of a million networks at most."""
    if distribution == "normal":
        return -NormalDist().inv_cdf(ONE_IN_A_MILLION / max(1.0, n))
    return math.sqrt(3.0) if distribution == "uniform" else 1.0


def weight_scale(weights: InitialWeights, connectivity: Connectivity, n_sources: int, n_targets: int) -> float:
    """Return the factor of the random draws of a projection's weights, pA."""
    divisor = {
        "nothing": 1.0,
        "sqrt_sources": max(1.0, float(n_sources)),
        "sqrt_in_degree": max(1.0, mean_in_degree(connectivity, n_sources)),
        "sqrt_mean_fan": max(1.0, (n_sources + n_targets) / 2.0),
    }[weights.divide_by]
    return weights.scale / float(math.sqrt(divisor))


def extent(network: Network, projection: ProjectionSpec) -> tuple[float, float]:
    """Return the smallest and the largest initial weight, pA, that a projection onto neurons or readouts may have."""
    own = projection.parameters
    assert isinstance(own, ProjectionParameters)
    n_sources = projection.n_sources if projection.autapses else projection.n_sources - 1
    scale = weight_scale(own.weights, projection.connectivity, n_sources, projection.n_targets)
    is_constant = own.weights.distribution == "constant"
    size = largest_draw(own.weights.distribution, projection.synapses_per_rank()) * abs(scale)
    excitatory = network.excitatory_sources(projection.name)
    if excitatory is None:
        return (scale, scale) if is_constant else (-size, size)
    n_excitatory, least = _number_among(projection, excitatory), size if is_constant else 0.0
    extents = []
    if n_excitatory > 0:
        extents.append((least, size))
    if n_excitatory < projection.n_sources:
        factor = own.weights.inhibitory_factor
        extents.append((-factor * size, -factor * least))
    return min(low for low, _ in extents), max(high for _, high in extents)


def _number_among(projection: ProjectionSpec, excitatory: float | list[int]) -> int:
    """Return how many of the sources that are connected are excitatory: a share of the population, or given ids."""
    if isinstance(excitatory, list):
        return sum(i in part for part in projection.source_ids for i in excitatory)
    n = round(excitatory * projection.source.size)
    return sum(len(range(part.start, min(part.stop, n))) for part in projection.source_ids)


def check_initial_weights(network: Network, *, sizes_are_known: bool = True) -> None:
    """Check that plastic weights are drawn within their bounds.

    Parameters
    ----------
    network
        Parameters of the network.
    sizes_are_known
        Whether ``n_input`` and ``n_readout`` are those of the data. If not, weights that are scaled by them are left
        out.

    Raises
    ------
    ParameterError
        A bound within which not all weights are that may be drawn; the message begins with its key.
    """
    largest: dict[str, _Limit] = {}
    smallest: dict[str, _Limit] = {}
    for projection in spiking_projections(network):
        own, name = projection.parameters, projection.name
        assert isinstance(own, ProjectionParameters)
        has_weights = mean_in_degree(projection.connectivity, projection.n_sources) > 0.0
        is_known = sizes_are_known or projection.role is Role.RECURRENT or own.weights.divide_by == "nothing"
        if not (own.plastic and has_weights and is_known):
            continue
        (low, high), stdp = extent(network, projection), projection.spike_timing
        if stdp is not None:
            _add(
                largest,
                f"{_with_value(network, name, ('stdp',))}.weight_max",
                _Limit(max(-low, high), stdp.weight_max, name),
            )
        else:
            optimizer = network.optimizer(name)
            _add(largest, _key_of_optimizer(network, name, "weight_max"), _Limit(high, optimizer.weight_max, name))
            _add(smallest, _key_of_optimizer(network, name, "weight_min"), _Limit(-low, -optimizer.weight_min, name))
    for limits, sign, least, extreme in ((largest, 1, "least", "largest"), (smallest, -1, "most", "smallest")):
        for key, limit in limits.items():
            if limit.size > limit.bound:
                allowed = f"at {least} {sign * _rounded_up(limit.size):g}"
                raise ParameterError(
                    f"{key} = {sign * limit.bound}: must be {allowed}, the {extreme} initial weight that may be drawn "
                    f"for {limit.name}"
                )


class _Limit(NamedTuple):
    """The largest size that weights may have in a direction, their bound there, and the projection that has them."""

    size: float
    bound: float
    name: str


def _add(limits: dict[str, _Limit], key: str, limit: _Limit) -> None:
    """Keep the largest size of all projections that have the same bound."""
    limits[key] = max(limits.get(key, limit), limit)


def _rounded_up(size: float) -> float:
    """Return a number of at least ``size`` with four digits."""
    return float(Context(prec=4, rounding=ROUND_CEILING).create_decimal(repr(size)))


def _key_of_optimizer(network: Network, name: str, key: str) -> str:
    """Return the key of the value of an optimizer that counts for a projection."""
    found = _with_value(network, name, (key, "optimizer")) or "network.plasticity.optimizer"
    return f"{found}.{key}" if found.endswith(".optimizer") else found


def _with_value(network: Network, name: str, keys: tuple[str, ...]) -> str:
    """Return the first key that has a value: of the pair of groups, then of the whole projection; empty if none has."""
    whole = whole_of(name)
    own = getattr(network, whole)
    sections: dict[str, Any] = {f"network.{whole}": own}
    if whole != name:
        parts, key = PARTS[whole], name.removeprefix(f"input{ARROW}")
        sections = {f"network.{whole}.{parts}.{key}": getattr(own, parts)[key], **sections}
    places = ((f"{path}.{key}", getattr(section, key)) for path, section in sections.items() for key in keys)
    return next((path for path, value in places if value is not None), "")
