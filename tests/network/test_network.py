"""Networks: projections, estimates of memory, and values that differ between neurons."""

import pytest
from numba import typeof

from eprop_core.errors import InsufficientMemoryError
from eprop_core.network.connections import Range
from eprop_core.network.features import kind
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.network.projections import projections, spiking_projections, without_plasticity
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from state_size import bytes_of_arrays

SMALL = {"n_input": 100, "n_recurrent": 500, "n_readout": 10}
SPARSE = {
    "n_input": 100,
    "n_recurrent": 10_000,
    "n_readout": 10,
    "input": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.1}},
    "recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 20}},
}


def test_projections_connect_the_populations() -> None:
    network = parse(Network, SMALL)
    sizes = {spec.name: (spec.source.size, spec.target.size) for spec in projections(network)}
    assert sizes == {"input": (100, 500), "recurrent": (500, 500), "output": (500, 10), "feedback": (10, 500)}
    assert tuple(sizes) == PROJECTIONS
    assert [spec.name for spec in projections(network) if not spec.autapses] == ["recurrent"]
    assert tuple(spec.name for spec in spiking_projections(network)) == LEARNING_PROJECTIONS
    own = Range(50, 60, 500)
    assert [spec.ranges(own) for spec in projections(network)] == [
        (Range.whole(100), own),
        (Range.whole(500), own),
        (own, Range.whole(10)),
        (Range.whole(10), own),
    ]


def test_a_network_without_plasticity_differs_in_nothing_else() -> None:
    network = parse(Network, SMALL | {"input": {"delay": 3, "plastic": False}})
    assert [spec.plastic for spec in projections(network)] == [False, True, True, False]
    static = without_plasticity(network)
    assert not any(spec.plastic for spec in projections(static))
    values, expected = static.model_dump(), network.model_dump()
    for name in LEARNING_PROJECTIONS:
        expected[name]["plastic"] = False
    assert values == expected


@pytest.mark.parametrize(
    "values",
    [
        SMALL,
        SMALL | {"plasticity": {"kappa": 0.5}},
        SPARSE,
        SMALL | {"plasticity": {"kappa": 0.9, "optimizer": {"algorithm": "adam"}}, "input": {"delay": 2}},
        SPARSE | {"neuron": {"adaptation": {"beta": 0.1, "tau": 100.0}}, "plasticity": {"kappa": 0.5}},
        SPARSE | {"output": {"delay": 10}, "feedback": {"delay": 10}},
        SPARSE | {"recurrent": {"plastic": False, "connectivity": {"rule": "fixed_in_degree", "in_degree": 20}}},
    ],
)
@pytest.mark.needs_compiler
def test_the_estimate_of_memory_is_close_to_what_a_network_holds(values: dict) -> None:
    network = parse(Network, values)
    assert estimate_memory(network) == pytest.approx(bytes_of_arrays(Simulation(network)._rank), rel=0.2)


def test_the_estimate_of_memory_is_close_to_what_a_rank_holds() -> None:
    network = parse(Network, SPARSE | {"neuron": {"ignore_and_fire": {"rate": 10.0}}})
    held = bytes_of_arrays(Simulation(network, dry_run=(2, 8))._rank)
    assert estimate_memory(network, 8) == pytest.approx(held, rel=0.2)


def test_the_estimate_of_memory_counts_explicit_connections() -> None:
    network = parse(Network, SMALL | {"n_recurrent": 10**5})
    projections = ("input", "recurrent", "output", "feedback")
    assert estimate_memory(network) > 1e11
    assert estimate_memory(network, n_connections=dict.fromkeys(projections, 1000)) < 1e8


def test_a_network_may_have_a_single_neuron() -> None:
    assert Simulation(parse(Network, SMALL | {"n_recurrent": 1})).counts["recurrent_synapses"] == 0


def test_too_little_memory_is_reported_before_building() -> None:
    network = parse(Network, SMALL | {"n_recurrent": 10**7})
    with pytest.raises(InsufficientMemoryError, match=r"the network needs about [\d.]+ GB .* are available") as caught:
        Simulation(network)
    assert "\n" not in str(caught.value)


@pytest.mark.needs_compiler
def test_networks_of_one_kind_run_the_same_code() -> None:
    """Delays, plasticity and the kind of feedback do not change the compiled code."""
    changes: list[dict] = [
        {},
        {"input": {"delay": 3}, "recurrent": {"delay": 2}},
        {"output": {"delay": 4}, "feedback": {"delay": 5}},
        {"input": {"plastic": False}},
        {"recurrent": {"plastic": False, "connectivity": {"rule": "fixed_in_degree", "in_degree": 3}}},
        {"output": {"plastic": False}},
        {"feedback": {"kind": "symmetric"}},
        {"feedback": {"kind": "adaptive"}},
        {"plasticity": {"update": "sample", "reset_at_samples": True, "cutoff": None}},
    ]
    networks = [parse(Network, SMALL | changed) for changed in changes]
    assert {kind(network) for network in networks} == {"dense"}
    assert len({typeof(Simulation(network)._rank) for network in networks}) == 1
