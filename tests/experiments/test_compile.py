"""Kinds of networks, for each of which the simulator is compiled once."""

from itertools import combinations

import pytest

from eprop_core.experiments.compile import run_briefly
from eprop_core.network.features import _FEATURES, kind, network_of
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse

# Synapses that are stepwise onto neurons and readouts are one feature, and those onto neurons are always in lists.
APART = ({"stepwise", "stepwise_neurons", "dense"}, {"stepwise", "stepwise_neurons", "stepwise_readouts"})
COMBINATIONS = [
    features
    for n in range(len(_FEATURES))
    for features in combinations(_FEATURES, n)
    if all(len(apart & {*features}) <= 1 for apart in APART)
]


@pytest.mark.parametrize("features", COMBINATIONS, ids="-".join)
def test_network_of_makes_a_network_of_the_named_kind(features: tuple[str, ...]) -> None:
    name = "-".join(features) or "plain"
    assert kind(network_of(name)) == name


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ParameterError, match="kind = 'fast': plain, or some of two_filters, adaptive"):
        network_of("fast")


def test_a_network_is_compiled_whatever_it_would_learn() -> None:
    """With these learning rates, only bounds keep weights finite, which are made for another number of sources."""
    values = {"n_input": 10, "n_recurrent": 10, "n_readout": 1, "neuron": {"V_th": 0.03}}
    optimizer = {"learning_rate": 1e300, "weight_min": -5.0, "weight_max": 5.0}
    run_briefly(parse(Network, values | {"plasticity": {"optimizer": optimizer}}))
    run_briefly(parse(Network, values | {"output": {"learning_rate": 1e300}, "input": {"optimizer": optimizer}}))
