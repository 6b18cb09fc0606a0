"""Drawn connections follow their rules, and are the same on any number of ranks.

Bounds on statistics are 5 standard deviations; seeds are fixed, so a test passes always or never.
"""

import math

import numpy as np
import pytest

from eprop_core.model.synapses import WEIGHT, Columns, Synapses
from eprop_core.network import drawing
from eprop_core.network.connections import Connections, Range
from eprop_core.network.connectivity import draw, expand
from eprop_core.parameters import (
    AllToAll,
    Connectivity,
    FixedInDegree,
    InitialWeights,
    PairwiseBernoulli,
)

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
        name="recurrent",
        sources=sources,
        targets=targets,
        columns=Columns(n=3),
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


def test_all_to_all_connects_each_pair_once() -> None:
    assert np.all(matrix(drawn(ALL_TO_ALL, 7, 5), 7, 5) == 1)
    np.testing.assert_array_equal(matrix(drawn(ALL_TO_ALL, 6, 6, autapses=False), 6, 6), 1 - np.eye(6))


@pytest.mark.parametrize("in_degree", [0, 1, 10, 25, 26, 45, 49, 50])
def test_each_target_has_the_fixed_in_degree(in_degree: int) -> None:
    count = matrix(drawn(fixed(in_degree), 50, 400), 50, 400)
    assert np.all(count.sum(axis=1) == in_degree)
    assert count.max(initial=0) <= 1
    # Every source is drawn with the same probability.
    probability = in_degree / 50
    deviation = math.sqrt(400 * probability * (1.0 - probability))
    assert np.all(np.abs(count.sum(axis=0) - 400 * probability) <= 5.0 * deviation)


@pytest.mark.parametrize("in_degree", [1, 19, 20, 35, 38])
def test_a_fixed_in_degree_is_kept_without_autapses(in_degree: int) -> None:
    count = matrix(drawn(fixed(in_degree), 39, 39, autapses=False), 39, 39)
    assert np.all(count.sum(axis=1) == in_degree)
    assert count.max() == 1
    assert not count.diagonal().any()


def test_multapses_are_drawn_where_allowed() -> None:
    count = matrix(drawn(fixed(60, allow_multapses=True), 40, 200), 40, 200)
    assert np.all(count.sum(axis=1) == 60)
    # Each pair's number is binomial.
    expected = 200 * 40 * 60 / 40 * (1 - 1 / 40)
    assert abs(((count - 60 / 40) ** 2).sum() / expected - 1.0) < 5.0 * math.sqrt(2.0 / count.size)
    without_autapses = matrix(drawn(fixed(60, allow_multapses=True), 40, 40, autapses=False), 40, 40)
    assert np.all(without_autapses.sum(axis=1) == 60)
    assert not without_autapses.diagonal().any()


@pytest.mark.parametrize("probability", [0.001, 0.03, 0.5, 0.97])
def test_pairwise_bernoulli_draws_pairs_independently(probability: float) -> None:
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


def test_probability_one_connects_all_pairs_and_zero_none() -> None:
    assert len(drawn(bernoulli(0.0), 30, 40).source) == 0
    assert len(drawn(bernoulli(1e-300), 30, 40).source) == 0
    assert np.all(matrix(drawn(bernoulli(1.0), 30, 40), 30, 40) == 1)
    np.testing.assert_array_equal(matrix(drawn(bernoulli(1.0), 30, 30, autapses=False), 30, 30), 1 - np.eye(30))


def test_a_single_neuron_has_no_recurrent_synapses() -> None:
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
def test_ranks_draw_the_parts_of_the_same_network(rule: Connectivity, distribution: str, n_ranks: int) -> None:
    """To the bit, whether ranks divide the targets or, for connections onto readouts, the sources."""
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


@pytest.mark.parametrize("rule", [fixed(7), fixed(30), bernoulli(0.4), fixed(9, allow_multapses=True)], ids=repr)
def test_synapses_are_sorted_by_source_then_target(rule: Connectivity) -> None:
    synapses = drawn_between(rule, Range.whole(40), Range(10, 25, 40), autapses=False)
    assert synapses.indptr.dtype == np.int64
    assert synapses.target.dtype == np.int32
    assert synapses.values.shape == (len(synapses.target), 3)
    assert not synapses.values[:, WEIGHT + 1 :].any()
    assert synapses.indptr[0] == 0
    assert synapses.indptr[-1] == len(synapses.target) > 0
    for first, last in zip(synapses.indptr[:-1], synapses.indptr[1:], strict=True):
        assert np.all(np.diff(synapses.target[first:last]) >= 0)
    assert synapses.target.min() >= 0
    assert synapses.target.max() < 15


@pytest.mark.parametrize(("distribution", "fourth_moment"), [("normal", 3.0), ("uniform", 9.0 / 5.0)])
def test_weights_have_the_given_distribution(distribution: str, fourth_moment: float) -> None:
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


def test_constant_weights_are_divided() -> None:
    constant = InitialWeights(distribution="constant", scale=-3.0, divide_by="sqrt_in_degree")
    np.testing.assert_array_equal(drawn(fixed(16), 60, 20, constant).weight, np.full(320, -0.75))


@pytest.mark.parametrize("bits", [0, 1, 4])
def test_sorting_in_buckets_changes_nothing(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [ALL_TO_ALL, fixed(9), bernoulli(0.05), fixed(9, allow_multapses=True)]
    sources, targets = Range(20, 190, 200), Range(3, 30, 40)
    monkeypatch.setattr(drawing, "_BUCKETS", 1)
    expected = [drawn_between(rule, sources, targets) for rule in rules]
    monkeypatch.setattr(drawing, "LARGEST_BUCKET_BITS", bits)
    for rule, synapses in zip(rules, expected, strict=True):
        assert len(synapses.target) > 100
        for values, of_buckets in zip(synapses, drawn_between(rule, sources, targets), strict=True):
            np.testing.assert_array_equal(values, of_buckets)
