"""Ranges of ranks, scales of weights, and explicit connections."""

import math

import numpy as np
import pytest

from eprop_core.model.synapses import Columns
from eprop_core.network.connections import Connections, Range
from eprop_core.network.connectivity import compress, expand
from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.initial_weights import weight_scale
from eprop_core.parameters import AllToAll, FixedInDegree, InitialWeights, PairwiseBernoulli
from eprop_core.parsing import ParameterError

ALL_TO_ALL = AllToAll(rule="all_to_all")
FIXED = FixedInDegree(rule="fixed_in_degree", in_degree=12)
BERNOULLI = PairwiseBernoulli(rule="pairwise_bernoulli", probability=0.25)


@pytest.mark.parametrize(("size", "n_ranks"), [(10, 1), (10, 3), (3, 3), (1000, 7)])
def test_ranks_share_neurons_evenly(size: int, n_ranks: int) -> None:
    ranges = [Range.of_rank(size, rank, n_ranks) for rank in range(n_ranks)]
    assert [r.first for r in ranges] == [0, *(r.last for r in ranges[:-1])]
    assert ranges[-1].last == size
    sizes = [r.last - r.first for r in ranges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("divide_by", "divisor"),
    [("nothing", 1.0), ("sqrt_sources", 48.0), ("sqrt_in_degree", 12.0), ("sqrt_mean_fan", (48.0 + 20.0) / 2.0)],
)
def test_the_scale_of_weights_is_divided_by_the_root_of_a_degree(divide_by: str, divisor: float) -> None:
    for rule in (FIXED, BERNOULLI):
        weights = InitialWeights(scale=-3.0, divide_by=divide_by)
        assert weight_scale(weights, rule, 48, 20) == pytest.approx(-3.0 / math.sqrt(divisor), rel=4e-16)


def test_the_mean_in_degree_follows_from_the_rule() -> None:
    assert mean_in_degree(ALL_TO_ALL, 30) == 30.0
    assert mean_in_degree(FIXED, 30) == 12.0
    assert mean_in_degree(BERNOULLI, 30) == 7.5


EXPLICIT = Connections(
    source=np.array([2, 0, 2, 1, 2, 2]),
    target=np.array([1, 0, 0, 3, 1, 3]),
    weight=np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
)
"""Four targets and three sources; the pair (2, 1) comes twice."""


def test_explicit_connections_are_listed_sorted() -> None:
    sources, targets = Range.whole(3), Range.whole(4)
    synapses = compress(EXPLICIT, "input", sources, targets, Columns(n=3))
    assert synapses.indptr.tolist() == [0, 1, 2, 6]
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
    expected = compress(Connections(source, target, weight), "input", sources, targets, Columns())
    for _ in range(5):
        order = rng.permutation(len(source))
        shuffled = compress(
            Connections(source[order], target[order], weight[order]), "input", sources, targets, Columns()
        )
        for a, b in zip(shuffled, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(expand(expected, sources, targets), (source, target, weight), strict=True):
        np.testing.assert_array_equal(a, b)


def test_explicit_connections_are_divided_among_ranks() -> None:
    sources, parts = Range.whole(3), [Range(0, 1, 4), Range(1, 4, 4)]
    listed = [expand(compress(EXPLICIT, "input", sources, part, Columns()), sources, part) for part in parts]
    assert [len(part.source) for part in listed] == [2, 4]
    whole = expand(compress(EXPLICIT, "input", sources, Range.whole(4), Columns()), sources, Range.whole(4))
    for expected, *pieces in zip(whole, *listed, strict=True):
        np.testing.assert_array_equal(np.concatenate(pieces), expected)


def test_an_empty_list_of_connections_makes_no_synapses() -> None:
    none = np.empty(0, np.int64)
    synapses = compress(Connections(none, none, np.empty(0)), "input", Range.whole(3), Range.whole(4), Columns(n=2))
    assert synapses.indptr.tolist() == [0, 0, 0, 0]
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
def test_wrong_connections_are_reported_in_one_line(change: dict, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        compress(EXPLICIT._replace(**change), "input", Range.whole(3), Range.whole(4), Columns(n=3))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
