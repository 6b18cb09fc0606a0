"""Drawing the connections that a rule describes, target by target, and sorting them by source.

The connections of a target come from a stream of their own, so they can be drawn again. Sorting uses this. First the
connections are counted by source. Then they are drawn again and written into buckets of neighbouring sources, at the
place of their synapses. Finally each bucket is sorted. Every access is in sequence or to a small piece of memory, and
sorting needs two bytes per connection beside a copy of one bucket.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import allocating_kernel
from eprop_core.compiled.random import philox, to_deviate, to_integer, to_normals, to_uniform
from eprop_core.model.synapse_records import new_records, targets_in, values_in
from eprop_core.model.synapses import NO_TARGET, WEIGHT, Columns, Synapses

ALL_TO_ALL, FIXED_IN_DEGREE, FIXED_IN_DEGREE_MULTAPSES, BERNOULLI = range(4)
NORMAL, UNIFORM, CONSTANT = range(3)

_BUCKETS = 64
"""Number of buckets that are written in turn; there are more only if each holds 2**LARGEST_BUCKET_BITS sources."""
LARGEST_BUCKET_BITS = 14
"""Most bits of a source's number within its bucket."""


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
    """Whether the two populations are the same, and no neuron is connected to itself."""
    first_source: int
    last_source: int
    n_sources: int
    first_target: int
    last_target: int


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
        # For more than half of all sources it is faster to draw those that are left out.
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
def _draw_connections(rule, target, taken, sources, weights):
    """Write sources and weights of all connections of a target; return their number."""
    n = _draw_sources(rule, target, taken, sources)
    _draw_weights(rule, target, n, weights)
    return n


@allocating_kernel
def _count(rule, count):
    """Count the connections of each source, int64 (n_sources,)."""
    taken, drawn = _room(rule)
    for j in range(rule.first_target, rule.last_target):
        for k in range(_draw_sources(rule, j, taken, drawn)):
            i = _own_source(rule, drawn[k], j)
            if i >= 0:
                count[i] += 1


@allocating_kernel
def _fill_buckets(rule, bits, position, source, records):
    """Draw all connections and append each to its bucket of 2**``bits`` sources.

    ``position`` holds the next place of each bucket; ``source`` receives the number of a source within its bucket.
    """
    taken, drawn = _room(rule)
    weights = np.empty(len(drawn), np.float64)
    target, values = targets_in(records), values_in(records)
    for j in range(rule.first_target, rule.last_target):
        for k in range(_draw_connections(rule, j, taken, drawn, weights)):
            i = _own_source(rule, drawn[k], j)
            if i >= 0:
                bucket = i >> bits
                place = position[bucket]
                position[bucket] = place + 1
                source[place] = i - (bucket << bits)
                target[place] = j - rule.first_target
                values[place, WEIGHT] = weights[k]


@allocating_kernel
def _room(rule):
    """Space for the sources of one target: which of them are taken, and a list of them."""
    available = rule.n_sources - 1 if rule.no_self else rule.n_sources
    n = rule.in_degree if rule.kind == FIXED_IN_DEGREE_MULTAPSES else available
    return np.zeros(available, np.bool_), np.empty(n, np.int64)


@allocating_kernel
def _own_source(rule, drawn, target):
    """Number of a drawn source within the rule's range, or -1 if it is outside."""
    source = drawn + 1 if rule.no_self and drawn >= target else drawn
    return source - rule.first_source if rule.first_source <= source < rule.last_source else -1


@allocating_kernel
def _sort(offset, width, source, records):
    """Sort the connections of each bucket by source; the connections of one source keep their order."""
    target, values = targets_in(records), values_in(records)
    n_sources = len(offset) - 1
    longest = 0
    for first in range(0, n_sources, width):
        longest = max(longest, offset[min(first + width, n_sources)] - offset[first])
    targets, weights, position = np.empty(longest, np.int32), np.empty(longest), np.empty(width, np.int64)
    for first in range(0, n_sources, width):
        begin, last = offset[first], min(first + width, n_sources)
        n = offset[last] - begin
        for k in range(n):
            targets[k] = target[begin + k]
            weights[k] = values[begin + k, WEIGHT]
        for i in range(first, last):
            position[i - first] = offset[i]
        for k in range(n):
            i = source[begin + k]
            place = position[i]
            position[i] = place + 1
            target[place] = targets[k]
            values[place, WEIGHT] = weights[k]


@allocating_kernel
def _fill_rows(rule, rows):
    """Draw the connections of all targets into rows, float64 (n_sources, n_columns, n_targets)."""
    taken, drawn = _room(rule)
    weights = np.empty(len(drawn), np.float64)
    for j in range(rule.first_target, rule.last_target):
        for k in range(_draw_connections(rule, j, taken, drawn, weights)):
            i = _own_source(rule, drawn[k], j)
            if i >= 0:
                rows[i, WEIGHT, j - rule.first_target] = weights[k]


def draw_rows(rule: Rule, columns: Columns) -> Synapses:
    """Draw the synapses of a rule that connects each source to all targets but itself, in rows.

    All values but the weights are 0.
    """
    n_targets = rule.last_target - rule.first_target
    source = np.arange(rule.first_source, rule.last_source, dtype=np.int32)
    rows = np.zeros((len(source), columns.n, n_targets))
    _fill_rows(rule, rows)
    lacks_itself = rule.no_self & (source >= rule.first_target) & (source < rule.last_target)
    indptr = np.concatenate(([0], np.cumsum(n_targets - lacks_itself)))
    absent = np.where(lacks_itself, source - rule.first_target, NO_TARGET).astype(np.int32)
    return Synapses(indptr, new_records(0, columns.n), columns, source - rule.first_source, rows, absent)


def draw_synapses(rule: Rule, columns: Columns) -> Synapses:
    """Draw the synapses between the two ranges of a rule; all values but the weights are 0."""
    n_sources = rule.last_source - rule.first_source
    offset = np.zeros(n_sources + 1, np.int64)
    _count(rule, offset[1:])
    np.cumsum(offset, out=offset)
    n = int(offset[-1])
    # numpy allocates the array, since it asks for large pages: with ordinary ones a spike waits for address look-ups.
    synapses = Synapses(offset, new_records(n, columns.n), columns)
    bits = min(max(0, (-(-n_sources // _BUCKETS) - 1).bit_length()), LARGEST_BUCKET_BITS)
    source = np.empty(n, np.uint16)
    _fill_buckets(rule, bits, offset[: -1 : 1 << bits].copy(), source, synapses.records)
    _sort(offset, 1 << bits, source, synapses.records)
    return synapses
