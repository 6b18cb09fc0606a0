"""Kinds of networks, for each of which the simulator is compiled once."""

from itertools import combinations

import pytest

from eprop_core.network.features import _FEATURES, kind, network_of
from eprop_core.parsing import ParameterError

COMBINATIONS = [features for n in range(len(_FEATURES)) for features in combinations(_FEATURES, n)]


# Stepwise synapses are always in lists.
@pytest.mark.parametrize("features", [f for f in COMBINATIONS if not {"stepwise", "dense"} <= {*f}], ids="-".join)
def test_network_of_makes_a_network_of_the_named_kind(features: tuple[str, ...]) -> None:
    name = "-".join(features) or "plain"
    assert kind(network_of(name)) == name


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ParameterError, match="kind = 'fast': plain, or some of two_filters, adaptive"):
        network_of("fast")
