"""Kinds of networks: the names by which the simulator is compiled."""

from itertools import combinations

import pytest

from eprop_core.network.features import _FEATURES, kind, network_of
from eprop_core.parsing import ParameterError


@pytest.mark.parametrize("features", [f for n in range(5) for f in combinations(_FEATURES, n)], ids="-".join)
def test_a_network_of_a_kind_is_of_that_kind(features: tuple[str, ...]) -> None:
    name = "-".join(features) or "plain"
    assert kind(network_of(name)) == name


def test_unknown_kind() -> None:
    with pytest.raises(ParameterError, match="kind = 'fast': plain, or some of two_filters, adaptive"):
        network_of("fast")
