"""Drawing the connections that a rule describes, target by target, and sorting them by source.

The connections of a target come from a stream of their own, so any part of them can be drawn again. Sorting makes use
of that: connections are counted by source; then, for one group of sources after the other, drawn again, cast into
buckets of neighbouring sources, and from each bucket put in their place. Every access is in sequence or to a small
piece of memory, and the buckets need little room, however large the network is.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compilation import allocating_kernel
from eprop_core.random import philox, to_deviate, to_integer, to_normals, to_uniform
from eprop_core.synapses import WEIGHT, Columns, Synapses

ALL_TO_ALL, FIXED_IN_DEGREE, FIXED_IN_DEGREE_MULTAPSES, BERNOULLI = range(4)
NORMAL, UNIFORM, CONSTANT = range(3)

GROUP_SIZE = 2**25
"""Connections that are sorted at once; each needs 16 bytes meanwhile."""

_BUCKETS = 64


class Rule(NamedTuple):
    """A projection's rule and weights as numbers, for compiled code."""

    kind: int
    in_degree: int
    probability: float
    distribution: int
    scale: float
    seed: np.uint64
    source_purpose: int
    weight_purpose: int
    no_self: bool
    """Populations are the same, and no neuron is connected to itself."""
    first_source: int
    last_source: int
    n_sources: int
    first_target: int
    last_target: int


class _Records(NamedTuple):
    """Connections on their way to their place."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray


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
def _draw_sources(rule, target, taken, sources):
    """Write the sources of one target to ``sources``; return their number."""
    kind, in_degree, probability = rule.kind, rule.in_degree, rule.probability
    seed, purpose, available = rule.seed, rule.source_purpose, len(taken)
    if kind == ALL_TO_ALL:
        for i in range(available):
            sources[i] = i
        return available
    if kind == FIXED_IN_DEGREE_MULTAPSES:
        for k in range(in_degree):
            words = philox(seed, purpose, target, k // 4)
            sources[k] = to_integer(words[k % 4], available)
        return in_degree
    if kind == FIXED_IN_DEGREE:
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
        if rule.distribution == NORMAL:
            draws = to_normals(words[0], words[1]) + to_normals(words[2], words[3])
        elif rule.distribution == UNIFORM:
            draws = (to_deviate(words[0]), to_deviate(words[1]), to_deviate(words[2]), to_deviate(words[3]))
        else:
            draws = (1.0, 1.0, 1.0, 1.0)
        for i in range(min(4, n - k)):
            weights[k + i] = rule.scale * draws[i]


@allocating_kernel
def _draw(rule, first, last, count, width, position, records):
    """Draw the connections of the sources ``first`` .. ``last - 1``, numbered from ``rule.first_source``.

    Where ``count`` has entries, connections are counted there by source. Else they are appended to ``records``, to the
    bucket of ``width`` sources that they belong to, whose next place is in ``position``.
    """
    available = rule.n_sources - 1 if rule.no_self else rule.n_sources
    room = rule.in_degree if rule.kind == FIXED_IN_DEGREE_MULTAPSES else available
    taken = np.zeros(available, np.bool_)
    drawn, weights = np.empty(room, np.int64), np.empty(room, np.float64)
    counting = len(count) > 0
    for j in range(rule.first_target, rule.last_target):
        n = _draw_sources(rule, j, taken, drawn)
        if not counting:
            _draw_weights(rule, j, n, weights)
        for k in range(n):
            source = drawn[k]
            if rule.no_self and source >= j:
                source += 1
            i = source - rule.first_source
            if first <= i < last:
                if counting:
                    count[i] += 1
                else:
                    bucket = (i - first) // width
                    place = position[bucket]
                    position[bucket] = place + 1
                    records.source[place] = i
                    records.target[place] = j - rule.first_target
                    records.weight[place] = weights[k]


@allocating_kernel
def _place(records, n, place, target, values):
    """Put ``n`` records where ``place`` says that their source's next synapse goes."""
    for k in range(n):
        i = records.source[k]
        target[place[i]] = records.target[k]
        values[place[i], WEIGHT] = records.weight[k]
        place[i] += 1


def draw_synapses(rule: Rule, columns: Columns) -> Synapses:
    """The synapses between the rule's two ranges; all values but the weight are 0."""
    n_sources = rule.last_source - rule.first_source
    # The arrays are numpy's, which asks for large pages: with ordinary ones a spike's visit waits for address look-ups.
    count = np.zeros(n_sources, np.int64)
    none = _Records(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    _draw(rule, 0, n_sources, count, 1, np.empty(0, np.int64), none)
    offset = np.concatenate(([0], np.cumsum(count)))
    synapses = Synapses(offset, np.empty(offset[-1], np.int32), np.zeros((offset[-1], columns.n)), columns)
    place = offset[:-1].copy()
    first = 0
    while first < n_sources:
        last = max(first + 1, int(np.searchsorted(offset, offset[first] + GROUP_SIZE, side="right")) - 1)
        n = int(offset[last] - offset[first])
        records = _Records(np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n))
        width = -(-(last - first) // _BUCKETS)
        position = offset[first:last:width] - offset[first]
        _draw(rule, first, last, count[:0], width, position, records)
        _place(records, n, place, synapses.target, synapses.values)
        first = last
    return synapses
