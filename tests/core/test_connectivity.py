"""Drawn and explicit connections: what the rules promise, on any number of ranks.

Bounds on statistics are 5 standard deviations; seeds are fixed, so a test passes always or never.
"""

import math

import numpy as np
import pytest

from eprop_core.connectivity import Connections, Range, compress, draw, expand, mean_in_degree
from eprop_core.parameters import AllToAll, Connectivity, FixedInDegree, InitialWeights, PairwiseBernoulli, ParameterError
from eprop_core.random import Purpose
from eprop_core.synapses import WEIGHT, Synapses

ALL_TO_ALL = AllToAll(rule="all_to_all")
NORMAL = InitialWeights(divide_by="nothing")


def fixed(in_degree: int, allow_multapses: bool = False) -> FixedInDegree:
    return FixedInDegree(rule="fixed_in_degree", in_degree=in_degree, allow_multapses=allow_multapses)


def bernoulli(probability: float) -> PairwiseBernoulli:
    return PairwiseBernoulli(rule="pairwise_bernoulli", probability=probability)


def drawn_between(
    rule: Connectivity,
    sources: Range,
    targets: Range,
    weights: InitialWeights = NORMAL,
    *,
    seed: int = 1,
    autapses: bool = True,
) -> Synapses:
    return draw(
        rule,
        weights,
        seed=seed,
        source_purpose=Purpose.RECURRENT_SOURCES,
        weight_purpose=Purpose.RECURRENT_WEIGHTS,
        sources=sources,
        targets=targets,
        n_columns=3,
        autapses=autapses,
    )


def drawn(rule: Connectivity, n_sources: int, n_targets: int, *weights: InitialWeights, **keywords: int) -> Connections:
    sources, targets = Range.whole(n_sources), Range.whole(n_targets)
    return expand(drawn_between(rule, sources, targets, *weights, **keywords), sources, targets)


def matrix(connections: Connections, n_sources: int, n_targets: int) -> np.ndarray:
    """Number of connections of each pair, int (n_targets, n_sources)."""
    count = np.zeros((n_targets, n_sources), np.int64)
    np.add.at(count, (connections.target, connections.source), 1)
    return count


def test_all_to_all() -> None:
    assert np.all(matrix(drawn(ALL_TO_ALL, 7, 5), 7, 5) == 1)
    np.testing.assert_array_equal(matrix(drawn(ALL_TO_ALL, 6, 6, autapses=False), 6, 6), 1 - np.eye(6))


@pytest.mark.parametrize("in_degree", [0, 1, 10, 25, 26, 45, 49, 50])
def test_fixed_in_degree(in_degree: int) -> None:
    count = matrix(drawn(fixed(in_degree), 50, 400), 50, 400)
    assert np.all(count.sum(axis=1) == in_degree)
    assert count.max(initial=0) <= 1
    # Every source is drawn with the same probability.
    probability = in_degree / 50
    deviation = math.sqrt(400 * probability * (1.0 - probability))
    assert np.all(np.abs(count.sum(axis=0) - 400 * probability) <= 5.0 * deviation)


@pytest.mark.parametrize("in_degree", [1, 19, 20, 35, 38])
def test_fixed_in_degree_without_autapses(in_degree: int) -> None:
    count = matrix(drawn(fixed(in_degree), 39, 39, autapses=False), 39, 39)
    assert np.all(count.sum(axis=1) == in_degree)
    assert count.max() == 1
    assert not count.diagonal().any()


def test_multapses_where_allowed() -> None:
    count = matrix(drawn(fixed(60, allow_multapses=True), 40, 200), 40, 200)
    assert np.all(count.sum(axis=1) == 60)
    # Each pair's number is binomial.
    expected = 200 * 40 * 60 / 40 * (1 - 1 / 40)
    assert abs(((count - 60 / 40) ** 2).sum() / expected - 1.0) < 5.0 * math.sqrt(2.0 / count.size)
    without_autapses = matrix(drawn(fixed(60, allow_multapses=True), 40, 40, autapses=False), 40, 40)
    assert np.all(without_autapses.sum(axis=1) == 60)
    assert not without_autapses.diagonal().any()


@pytest.mark.parametrize("probability", [0.001, 0.03, 0.5, 0.97])
def test_pairwise_bernoulli(probability: float) -> None:
    count = matrix(drawn(bernoulli(probability), 300, 400), 300, 400)
    assert count.max() == 1
    variance = probability * (1.0 - probability)
    assert abs(count.mean() - probability) < 5.0 * math.sqrt(variance / count.size)
    for axis in (0, 1):
        degrees, n = count.sum(axis=axis), count.shape[axis]
        # The estimated variance of binomial numbers has the relative variance 2/k + excess kurtosis/k.
        relative = math.sqrt((2.0 + max(0.0, (1.0 - 6.0 * variance) / (n * variance))) / len(degrees))
        assert abs(degrees.var() / (n * variance) - 1.0) < 5.0 * relative
        assert np.all(np.abs(degrees - n * probability) < 6.0 * math.sqrt(n * variance) + 6.0)


def test_certain_and_impossible_pairs() -> None:
    assert len(drawn(bernoulli(0.0), 30, 40).source) == 0
    assert len(drawn(bernoulli(1e-300), 30, 40).source) == 0
    assert np.all(matrix(drawn(bernoulli(1.0), 30, 40), 30, 40) == 1)
    np.testing.assert_array_equal(matrix(drawn(bernoulli(1.0), 30, 30, autapses=False), 30, 30), 1 - np.eye(30))


def test_a_single_neuron_has_no_recurrence() -> None:
    for rule in (ALL_TO_ALL, fixed(0), bernoulli(1.0)):
        assert len(drawn(rule, 1, 1, autapses=False).source) == 0


def test_draws_depend_on_the_seed() -> None:
    one, same, other = (drawn(fixed(5), 30, 40, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one.source, other.source)
    assert not np.isin(one.weight, other.weight).any()


@pytest.mark.parametrize("n_ranks", [2, 3, 5])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(
    "rule", [ALL_TO_ALL, fixed(4), fixed(19), fixed(9, allow_multapses=True), bernoulli(0.3)], ids=repr
)
def test_parts_make_the_same_network(rule: Connectivity, distribution: str, n_ranks: int) -> None:
    """To the bit, whether ranks divide the targets or, as onto the readouts, the sources."""
    weights = InitialWeights(distribution=distribution)
    n = 23
    for autapses in (True, False):
        whole = Range.whole(n)
        expected = expand(drawn_between(rule, whole, whole, weights, autapses=autapses), whole, whole)
        assert len(expected.source) > 50
        ranges = [Range.of_rank(n, rank, n_ranks) for rank in range(n_ranks)]
        for parts in ([(whole, own) for own in ranges], [(own, whole) for own in ranges]):
            listed = [expand(drawn_between(rule, *part, weights, autapses=autapses), *part) for part in parts]
            source, target, weight = (np.concatenate(arrays) for arrays in zip(*listed, strict=True))
            order = np.lexsort((source, target))
            np.testing.assert_array_equal(source[order], expected.source)
            np.testing.assert_array_equal(target[order], expected.target)
            np.testing.assert_array_equal(weight[order], expected.weight)


@pytest.mark.parametrize(("size", "n_ranks"), [(10, 1), (10, 3), (3, 3), (1000, 7)])
def test_ranks_share_evenly(size: int, n_ranks: int) -> None:
    ranges = [Range.of_rank(size, rank, n_ranks) for rank in range(n_ranks)]
    assert [r.first for r in ranges] == [0, *(r.last for r in ranges[:-1])]
    assert ranges[-1].last == size
    sizes = [r.last - r.first for r in ranges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("rule", [fixed(7), fixed(30), bernoulli(0.4), fixed(9, allow_multapses=True)], ids=repr)
def test_synapses_are_sorted_by_source_then_target(rule: Connectivity) -> None:
    synapses = drawn_between(rule, Range.whole(40), Range(10, 25, 40), autapses=False)
    assert synapses.offset.dtype == np.int64
    assert synapses.target.dtype == np.int32
    assert synapses.values.shape == (len(synapses.target), 3)
    assert not synapses.values[:, WEIGHT + 1 :].any()
    assert synapses.offset[0] == 0
    assert synapses.offset[-1] == len(synapses.target) > 0
    for first, last in zip(synapses.offset[:-1], synapses.offset[1:], strict=True):
        assert np.all(np.diff(synapses.target[first:last]) >= 0)
    assert synapses.target.min() >= 0
    assert synapses.target.max() < 15


@pytest.mark.parametrize(
    ("distribution", "fourth_moment"), [("normal", 3.0), ("uniform", 9.0 / 5.0)]
)
def test_distribution_of_weights(distribution: str, fourth_moment: float) -> None:
    weights = InitialWeights(distribution=distribution, scale=2.0, divide_by="nothing")
    weight = drawn(ALL_TO_ALL, 100, 400, weights).weight / 2.0
    n = len(weight)
    assert abs(weight.mean()) < 5.0 / math.sqrt(n)
    assert abs(weight.var() - 1.0) < 5.0 * math.sqrt((fourth_moment - 1.0) / n)
    # Of a uniform number's fourth power the variance is 9 - (9/5)^2, of a normal one's 96.
    assert abs((weight**4).mean() - fourth_moment) < 5.0 * math.sqrt(96.0 / n)
    # Neither neighbours of one target nor those of one source are correlated.
    by_target = weight.reshape(400, 100)
    for products in (by_target[:, 1:] * by_target[:, :-1], by_target[1:] * by_target[:-1]):
        assert abs(products.mean()) < 5.0 / math.sqrt(products.size)
    if distribution == "uniform":
        assert np.abs(weight).max() <= math.sqrt(3.0)
        assert np.abs(weight).max() > 1.7


@pytest.mark.parametrize(
    ("divide_by", "divisor"),
    [("nothing", 1.0), ("sqrt_sources", 60.0), ("sqrt_in_degree", 12.0), ("sqrt_mean_fan", (60.0 + 20.0) / 2.0)],
)
def test_division_of_weights(divide_by: str, divisor: float) -> None:
    for rule in (fixed(12), bernoulli(0.2)):
        constant = InitialWeights(distribution="constant", scale=-3.0, divide_by=divide_by)
        weight = drawn(rule, 60, 20, constant).weight
        assert weight.size > 0
        np.testing.assert_array_equal(weight, -3.0 / math.sqrt(divisor))


def test_mean_in_degree() -> None:
    assert mean_in_degree(ALL_TO_ALL, 30) == 30.0
    assert mean_in_degree(fixed(4), 30) == 4.0
    assert mean_in_degree(bernoulli(0.25), 30) == 7.5


EXPLICIT = Connections(
    source=np.array([2, 0, 2, 1, 2, 2]), target=np.array([1, 0, 0, 3, 1, 3]), weight=np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
)
"""Four targets and three sources; the pair (2, 1) comes twice."""


def test_explicit_connections_come_back_sorted() -> None:
    sources, targets = Range.whole(3), Range.whole(4)
    synapses = compress(EXPLICIT, "input", sources, targets, 3)
    assert synapses.offset.tolist() == [0, 1, 2, 6]
    assert synapses.target.tolist() == [0, 3, 0, 1, 1, 3]
    assert synapses.values.shape == (6, 3)
    listed = expand(synapses, sources, targets)
    assert listed.source.tolist() == [0, 2, 2, 2, 1, 2]
    assert listed.target.tolist() == [0, 0, 1, 1, 3, 3]
    assert listed.weight.tolist() == [0.2, 0.3, 0.1, 0.5, 0.4, 0.6]


def test_order_of_explicit_connections_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    sources, targets = Range.whole(9), Range.whole(8)
    target, source = np.nonzero(rng.random((8, 9)) < 0.6)
    weight = rng.normal(size=len(source))
    expected = compress(Connections(source, target, weight), "input", sources, targets, 1)
    for _ in range(5):
        order = rng.permutation(len(source))
        shuffled = compress(Connections(source[order], target[order], weight[order]), "input", sources, targets, 1)
        for a, b in zip(shuffled, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(expand(expected, sources, targets), (source, target, weight), strict=True):
        np.testing.assert_array_equal(a, b)


def test_explicit_connections_are_divided_among_ranks() -> None:
    sources, parts = Range.whole(3), [Range(0, 1, 4), Range(1, 4, 4)]
    listed = [expand(compress(EXPLICIT, "input", sources, part, 1), sources, part) for part in parts]
    assert [len(part.source) for part in listed] == [2, 4]
    whole = expand(compress(EXPLICIT, "input", sources, Range.whole(4), 1), sources, Range.whole(4))
    for expected, *pieces in zip(whole, *listed, strict=True):
        np.testing.assert_array_equal(np.concatenate(pieces), expected)


def test_no_explicit_connections() -> None:
    none = np.empty(0)
    synapses = compress(Connections(none, none, none), "input", Range.whole(3), Range.whole(4), 2)
    assert synapses.offset.tolist() == [0, 0, 0, 0]
    assert synapses.values.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": np.array([2, 0, 3, 1, 2, 2])}, "connections['input'].source[2] = 3: allowed are 0 to 2"),
        ({"source": np.array([2, 0, 2, 1, -1, 2])}, "connections['input'].source[4] = -1: allowed are 0 to 2"),
        ({"target": np.array([1, 4, 0, 3, 1, 3])}, "connections['input'].target[1] = 4: allowed are 0 to 3"),
        ({"weight": np.array([0, 0, 0, np.nan, 0, 0])}, "connections['input'].weight[3] = nan: must be finite"),
        ({"weight": np.array([0, np.inf, 0, 0, 0, 0])}, "connections['input'].weight[1] = inf: must be finite"),
        ({"weight": np.zeros(5)}, "source, target, weight must be vectors of one length, not (6,), (6,), (5,)"),
        ({"target": np.zeros((6, 1), int)}, "must be vectors of one length, not (6,), (6, 1), (6,)"),
    ],
)
def test_bad_connections_are_told_in_one_line(change: dict, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        compress(EXPLICIT._replace(**change), "input", Range.whole(3), Range.whole(4), 3)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_must_be_whole_numbers() -> None:
    with pytest.raises(ParameterError, match=r"connections\['input'\]\.source"):
        compress(EXPLICIT._replace(source=EXPLICIT.source + 0.5), "input", Range.whole(4), Range.whole(4), 3)
