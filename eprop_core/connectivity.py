"""Connectivity: from rules or explicit lists to the compressed synapses that one rank owns.

Connections are drawn target by target from streams keyed by the target's global id, so that a network does not
depend on how it is divided among ranks. The result is compressed by source: the synapses of one source lie side by
side, their targets ascending, which is the order in which a spike visits them.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compilation import allocating_kernel
from eprop_core.parameters import (
    AllToAll,
    Connectivity,
    FixedInDegree,
    InitialWeights,
    ParameterError,
)
from eprop_core.random import Purpose, philox, to_deviate, to_integer, to_normals, to_uniform
from eprop_core.synapses import WEIGHT, Synapses


class Connections(NamedTuple):
    """Connections as a list: arrays of equal length."""

    source: np.ndarray
    """int64 (n,), ids within the source population."""
    target: np.ndarray
    """int64 (n,), ids within the target population."""
    weight: np.ndarray
    """float64 (n,), pA."""


class Range(NamedTuple):
    """The ids first .. last - 1 of a population of ``size``."""

    first: int
    last: int
    size: int

    @property
    def n(self) -> int:
        """Number of ids in the range."""
        return self.last - self.first

    @classmethod
    def whole(cls, size: int) -> "Range":
        """All ids of a population."""
        return cls(0, size, size)

    @classmethod
    def of_rank(cls, size: int, rank: int, n_ranks: int) -> "Range":
        """The contiguous part that a rank owns; parts differ by one id at most."""
        return cls(size * rank // n_ranks, size * (rank + 1) // n_ranks, size)


class _Rule(NamedTuple):
    """A projection's rule and weights as numbers, for compiled code."""

    kind: int
    in_degree: int
    probability: float
    distribution: int
    scale: float
    seed: int
    source_purpose: int
    weight_purpose: int


_ALL_TO_ALL, _FIXED_IN_DEGREE, _FIXED_IN_DEGREE_MULTAPSES, _BERNOULLI = range(4)
_NORMAL, _UNIFORM, _CONSTANT = range(3)
_DISTRIBUTION = {"normal": _NORMAL, "uniform": _UNIFORM, "constant": _CONSTANT}


@allocating_kernel
def _draw_distinct(available, n, seed, purpose, identifier, taken, drawn):
    """Write ``n`` distinct integers below ``available`` to ``drawn``; ``taken`` is all False before and after."""
    found, block, word = 0, 0, 4
    words = philox(seed, purpose, identifier, 0)
    while found < n:
        if word == 4:
            words = philox(seed, purpose, identifier, block)
            block += 1
            word = 0
        candidate = to_integer(words[word], available)
        word += 1
        if not taken[candidate]:
            taken[candidate] = True
            drawn[found] = candidate
            found += 1
    for k in range(n):
        taken[drawn[k]] = False


@allocating_kernel
def _draw_sources(rule, available, target, taken, sources):
    """Write the sources of one target to ``sources``; return their number."""
    kind, in_degree, probability = rule.kind, rule.in_degree, rule.probability
    seed, purpose = rule.seed, rule.source_purpose
    if kind == _ALL_TO_ALL:
        for i in range(available):
            sources[i] = i
        return available
    if kind == _FIXED_IN_DEGREE_MULTAPSES:
        for k in range(in_degree):
            words = philox(seed, purpose, target, k // 4)
            sources[k] = to_integer(words[k % 4], available)
        return in_degree
    if kind == _FIXED_IN_DEGREE:
        if 2 * in_degree <= available:
            _draw_distinct(available, in_degree, seed, purpose, target, taken, sources)
            return in_degree
        # Above half of all sources it is quicker to draw those that are left out.
        left_out = available - in_degree
        _draw_distinct(available, left_out, seed, purpose, target, taken, sources)
        for k in range(left_out):
            taken[sources[k]] = True
        n = 0
        for i in range(available):
            if taken[i]:
                taken[i] = False
            else:
                sources[n] = i
                n += 1
        return n
    # Bernoulli: the gaps between chosen sources are geometrically distributed.
    n, k, position = 0, 0, -1
    if probability == 0.0:
        return 0
    scale = np.log1p(-probability) if probability < 1.0 else -np.inf
    words = philox(seed, purpose, target, 0)
    while True:
        if k % 4 == 0:
            words = philox(seed, purpose, target, k // 4)
        gap = np.log(1.0 - to_uniform(words[k % 4])) / scale
        k += 1
        if gap >= available - position - 1:
            return n
        position += 1 + int(gap)
        sources[n] = position
        n += 1


@allocating_kernel
def _draw_weights(rule, target, n, weights):
    """Write the initial weights of a target's ``n`` connections to ``weights``."""
    for k in range(0, n, 4):
        words = philox(rule.seed, rule.weight_purpose, target, k // 4)
        if rule.distribution == _NORMAL:
            draws = to_normals(words[0], words[1]) + to_normals(words[2], words[3])
        elif rule.distribution == _UNIFORM:
            draws = (to_deviate(words[0]), to_deviate(words[1]), to_deviate(words[2]), to_deviate(words[3]))
        else:
            draws = (1.0, 1.0, 1.0, 1.0)
        for i in range(min(4, n - k)):
            weights[k + i] = rule.scale * draws[i]


@allocating_kernel
def _draw_onto(rule, sources, targets, no_self, position, target, values):
    """Draw all connections between two ranges, target by target.

    ``position`` holds one place per source. Where ``target`` is empty, connections are counted there; else it is where
    the next one goes, and ``target`` and the first column of ``values`` are filled.
    """
    first_source, last_source, n_sources = sources
    first_target, last_target, _ = targets
    available = n_sources - 1 if no_self else n_sources
    taken = np.zeros(available, np.bool_)
    drawn = np.empty(available if rule.kind != _FIXED_IN_DEGREE_MULTAPSES else rule.in_degree, np.int64)
    weights = np.empty(len(drawn), np.float64)
    filling = len(target) > 0
    for j in range(first_target, last_target):
        n = _draw_sources(rule, available, j, taken, drawn)
        if filling:
            _draw_weights(rule, j, n, weights)
        for k in range(n):
            source = drawn[k]
            if no_self and source >= j:
                source += 1
            if first_source <= source < last_source:
                i = source - first_source
                if filling:
                    target[position[i]] = j - first_target
                    values[position[i], WEIGHT] = weights[k]
                position[i] += 1


def mean_in_degree(connectivity: Connectivity, n_sources: int) -> float:
    """Expected number of sources per target."""
    if isinstance(connectivity, AllToAll):
        return float(n_sources)
    if isinstance(connectivity, FixedInDegree):
        return float(connectivity.in_degree)
    return connectivity.probability * n_sources


def weight_scale(weights: InitialWeights, connectivity: Connectivity, n_sources: int, n_targets: int) -> float:
    """Factor of the random draws of a projection's weights, pA."""
    divisor = {
        "nothing": 1.0,
        "sqrt_sources": float(n_sources),
        "sqrt_in_degree": max(1.0, mean_in_degree(connectivity, n_sources)),
        "sqrt_mean_fan": max(1.0, (n_sources + n_targets) / 2.0),
    }[weights.divide_by]
    return weights.scale / float(np.sqrt(divisor))


def draw(
    connectivity: Connectivity,
    weights: InitialWeights,
    *,
    seed: int,
    source_purpose: Purpose,
    weight_purpose: Purpose,
    sources: Range,
    targets: Range,
    n_columns: int,
    autapses: bool = True,
) -> Synapses:
    """Draw the synapses from ``sources`` onto ``targets`` that a rule describes.

    Each synapse gets room for ``n_columns`` values, of which the weight is the first. With ``autapses`` False the
    populations are the same, and no neuron is connected to itself.
    """
    if isinstance(connectivity, AllToAll):
        kind, in_degree, probability = _ALL_TO_ALL, 0, 0.0
    elif isinstance(connectivity, FixedInDegree):
        kind = _FIXED_IN_DEGREE_MULTAPSES if connectivity.allow_multapses else _FIXED_IN_DEGREE
        in_degree, probability = connectivity.in_degree, 0.0
    else:
        kind, in_degree, probability = _BERNOULLI, 0, connectivity.probability
    n_sources = sources.size if autapses else sources.size - 1
    rule = _Rule(
        kind=kind,
        in_degree=in_degree,
        probability=probability,
        distribution=_DISTRIBUTION[weights.distribution],
        scale=weight_scale(weights, connectivity, n_sources, targets.size),
        seed=seed,
        source_purpose=source_purpose,
        weight_purpose=weight_purpose,
    )
    # The arrays are numpy's, which asks for large pages: with ordinary ones a spike's visit waits for address look-ups.
    count = np.zeros(sources.n, np.int64)
    nothing = Synapses(count, np.empty(0, np.int32), np.empty((0, n_columns)))
    _draw_onto(rule, tuple(sources), tuple(targets), not autapses, *nothing)
    offset = np.concatenate(([0], np.cumsum(count)))
    synapses = Synapses(offset, np.empty(offset[-1], np.int32), np.zeros((offset[-1], n_columns)))
    _draw_onto(rule, tuple(sources), tuple(targets), not autapses, offset[:-1].copy(), *synapses[1:])
    return synapses


def compress(connections: Connections, name: str, sources: Range, targets: Range, n_columns: int) -> Synapses:
    """Compress an explicit list of connections, keeping those between the two ranges.

    Raises :class:`ParameterError` where arrays differ in length, an id is out of range or a weight is not finite.
    """
    source = np.asarray(connections.source, np.int64)
    target = np.asarray(connections.target, np.int64)
    weight = np.asarray(connections.weight, np.float64)
    if not (source.shape == target.shape == weight.shape and source.ndim == 1):
        shapes = f"{source.shape}, {target.shape}, {weight.shape}"
        raise ParameterError(
            f"connections[{name!r}]: source, target, weight must be vectors of one length, not {shapes}"
        )
    for what, ids, size in (("source", source, sources.size), ("target", target, targets.size)):
        wrong = np.flatnonzero((ids < 0) | (ids >= size))
        if wrong.size:
            raise ParameterError(
                f"connections[{name!r}].{what}[{wrong[0]}] = {ids[wrong[0]]}: allowed are 0 to {size - 1}"
            )
    wrong = np.flatnonzero(~np.isfinite(weight))
    if wrong.size:
        raise ParameterError(f"connections[{name!r}].weight[{wrong[0]}] = {weight[wrong[0]]}: must be finite")
    own = (source >= sources.first) & (source < sources.last) & (target >= targets.first) & (target < targets.last)
    source, target, weight = source[own] - sources.first, target[own] - targets.first, weight[own]
    order = np.lexsort((target, source))
    offset = np.zeros(sources.n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=sources.n), out=offset[1:])
    values = np.zeros((len(target), n_columns))
    values[:, WEIGHT] = weight[order]
    return Synapses(offset, target[order].astype(np.int32), values)


def expand(synapses: Synapses, sources: Range, targets: Range) -> Connections:
    """List of the synapses with global ids, sorted by (target, source)."""
    source = np.repeat(np.arange(sources.first, sources.last), np.diff(synapses.offset))
    order = np.lexsort((source, synapses.target))
    target = synapses.target[order].astype(np.int64) + targets.first
    return Connections(source[order], target, synapses.values[order, WEIGHT])
