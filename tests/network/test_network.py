"""Networks: projections, estimates of memory, and values that differ between neurons."""

import numpy as np
import pytest
from numba import typeof

from eprop_core.errors import InsufficientMemoryError
from eprop_core.network.connections import Range
from eprop_core.network.features import kind
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.network.neuron_values import neuron_values
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import projections, spiking_projections, without_plasticity
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
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


DIFFERING = {
    "neuron": {
        "tau_m": {"low": 5.0, "high": 30.0},
        "C_m": {"low": 1.0, "high": 3.0},
        "V_th": {"low": 0.5, "high": 1.5},
        "adaptation": {"beta": {"low": 0.1, "high": 0.3}, "tau": 100.0},
        "ignore_and_fire": {"rate": 10.0},
    },
    "plasticity": {"c_reg": {"low": 0.0, "high": 2.0}, "f_target": {"low": 5.0, "high": 20.0}},
}


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 7])
def test_values_of_neurons_are_the_same_on_any_number_of_ranks(n_ranks: int) -> None:
    network = parse(Network, SMALL | DIFFERING)
    whole = neuron_values(network, 5, Range.whole(500))
    shares = []
    for name in PER_NEURON:
        (low, high), values = network.extent(name), getattr(whole, name)
        assert len(np.unique(values)) == 500
        assert low <= values.min() < values.max() < high
        # The mean of 500 uniform numbers, within 5 of its standard deviations.
        assert abs(values.mean() - (low + high) / 2.0) < 5.0 * (high - low) / np.sqrt(12 * 500)
        shares.append((values - low) / (high - low))
    # All are drawn independently: correlations of 500 pairs, within 5 of their standard deviations.
    assert np.abs(np.corrcoef(shares) - np.eye(len(shares))).max() < 5.0 / np.sqrt(500)
    parts = [neuron_values(network, 5, Range.of_rank(500, rank, n_ranks)) for rank in range(n_ranks)]
    for values, *of_ranks in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate(of_ranks), values)
    other = neuron_values(network, 6, Range.whole(500))
    for name in PER_NEURON:
        assert not np.any(getattr(other, name) == getattr(whole, name))


def test_a_single_value_is_that_of_all_neurons() -> None:
    values = neuron_values(parse(Network, SMALL | {"neuron": {"tau_m": 7.0, "V_th": 0.5}}), 5, Range(100, 104, 500))
    assert values.tau_m.tolist() == [7.0] * 4
    assert values.V_th.tolist() == [0.5] * 4
    assert len(values.phase) == 0


def test_explicit_values_replace_drawn_ones() -> None:
    network = parse(Network, SMALL | DIFFERING)
    explicit = np.linspace(1.0, 2.0, 500)
    drawn = neuron_values(network, 5, Range(100, 104, 500))
    values = neuron_values(network, 5, Range(100, 104, 500), {"V_th": explicit, "c_reg": explicit})
    for name in PER_NEURON:
        expected = explicit[100:104] if name in ("V_th", "c_reg") else getattr(drawn, name)
        assert getattr(values, name).tolist() == expected.tolist()
    # No decision depends on these, so the parameters need not say that they differ.
    values = neuron_values(parse(Network, SMALL), 5, Range(100, 104, 500), {"C_m": explicit, "f_target": explicit})
    assert values.C_m.tolist() == values.f_target.tolist() == explicit[100:104].tolist()


@pytest.mark.parametrize(
    ("explicit", "message"),
    [
        ({"tau_m": np.full(499, 6.0)}, r"neuron_values\['tau_m'\]: must be n_recurrent = 500 values of 5 ms or more"),
        ({"tau_m": np.full(500, 4.9)}, r"neuron_values\['tau_m'\]: must be n_recurrent = 500 values of 5 ms or more"),
        ({"V_th": np.append(np.ones(499), 0.0)}, r"neuron_values\['V_th'\]: must be n_recurrent = 500 values above 0"),
        ({"V_th": np.full(500, np.inf)}, r"neuron_values\['V_th'\]: must be n_recurrent = 500 values above 0"),
        ({"C_m": np.append(np.ones(499), 0.0)}, r"neuron_values\['C_m'\]: must be .* = 500 values above 0 pF"),
        ({"beta": np.full(500, 0.31)}, r"neuron_values\['beta'\]: must be .* = 500 values from 0 to 0.3 mV"),
        ({"c_reg": np.full(500, np.nan)}, r"neuron_values\['c_reg'\]: must be .* = 500 values of 0 or more"),
        ({"f_target": np.ones((500, 1))}, r"neuron_values\['f_target'\]: must be .* = 500 values of 0 or more"),
        ({"t_ref": np.ones(500)}, r"neuron_values\['t_ref'\]: must be one of tau_m, V_th, C_m, beta, c_reg, f_target$"),
    ],
)
def test_wrong_explicit_values_are_refused(explicit: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Simulation(parse(Network, SMALL | DIFFERING), neuron_values=explicit)


@pytest.mark.parametrize("name", ["tau_m", "V_th", "beta"])
def test_explicit_values_need_an_extent_where_that_decides_what_is_built(name: str) -> None:
    message = (
        rf"\['{name}'\]: must be one of C_m, c_reg, f_target; tau_m, V_th, beta only where the network's parameters"
    )
    with pytest.raises(ParameterError, match=message):
        Simulation(parse(Network, SMALL), neuron_values={name: np.ones(500)})


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
