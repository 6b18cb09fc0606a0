"""Parameters in which single neurons differ: drawn or given as arrays, the same on any number of ranks and in files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.network.connections import Range
from eprop_core.network.neuron_values import neuron_values
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from thread_ranks import on_thread_ranks

SMALL: dict[str, Any] = {"n_input": 2, "n_recurrent": 500, "n_readout": 1}
DIFFERING = {
    "neuron": {
        "tau_m": {"low": 5.0, "high": 30.0},
        "C_m": {"low": 1.0, "high": 3.0},
        "V_th": {"low": 0.5, "high": 1.5},
        "adaptation": {"beta": {"low": 0.1, "high": 0.3}, "tau": 100.0},
        "ignore_and_fire": {"rate": 10.0},
        "t_ref": {"low": 0.0, "high": 50.0},
        "surrogate_gradient": {"height": {"low": 0.2, "high": 0.5}, "width": {"low": 0.3, "high": 1.0}},
    },
    "plasticity": {"c_reg": {"low": 0.0, "high": 2.0}, "f_target": {"low": 5.0, "high": 20.0}},
}


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 7])
def test_values_of_neurons_are_the_same_on_any_number_of_ranks(n_ranks: int) -> None:
    network = parse(Network, SMALL | DIFFERING | {"dt": 1e-6})  # so that no two t_ref are the same number of steps
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
        (
            {"t_ref": np.full(500, 1.5)},
            r"\['t_ref'\]: must be .* of 0 or more that are multiples of dt = 1 ms",
        ),
        (
            {"t_ref": np.full(500, 101.0)},
            r"\['t_ref'\]: must be .* multiples of dt = 1 ms, at most 100 ms",
        ),
        ({"surrogate_height": np.full(500, 0.6)}, r"\['surrogate_height'\]: must be .* = 500 values from 0 to 0.5$"),
        ({"surrogate_width": np.zeros(500)}, r"\['surrogate_width'\]: must be .* = 500 values above 0 mV"),
        (
            {"I_e": np.ones(500)},
            r"neuron_values\['I_e'\]: must be one of tau_m, V_th, C_m, beta, c_reg, f_target, t_ref, surrogate_height, "
            "surrogate_width$",
        ),
    ],
)
def test_wrong_explicit_values_are_refused(explicit: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Simulation(parse(Network, SMALL | DIFFERING), neuron_values=explicit)


@pytest.mark.parametrize("name", ["tau_m", "V_th", "beta", "surrogate_height"])
def test_explicit_values_need_an_extent_where_that_decides_what_is_built(name: str) -> None:
    message = (
        rf"\['{name}'\]: must be one of C_m, c_reg, f_target, t_ref, surrogate_width; tau_m, V_th, beta, "
        "surrogate_height only where the network's parameters"
    )
    with pytest.raises(ParameterError, match=message):
        Simulation(parse(Network, SMALL), neuron_values={name: np.ones(500)})


SPARSE = {"rule": "pairwise_bernoulli", "probability": 0.7}
LEARNING: dict[str, Any] = {
    "n_input": 20,
    "n_recurrent": 25,
    "n_readout": 2,
    "neuron": {
        "tau_m": {"low": 10.0, "high": 30.0},
        "I_e": 0.02,
        "t_ref": {"low": 0.0, "high": 4.0},
        "surrogate_gradient": {"height": {"low": 0.2, "high": 0.6}, "width": 0.4},
        "adaptation": {"beta": {"low": 0.05, "high": 0.2}, "tau": 50.0, "share": 0.6},
    },
    "plasticity": {
        "kappa_reg": 0.9,
        "c_reg": 2.0,
        "f_target": {"low": 5.0, "high": 20.0},
        "optimizer": {"learning_rate": 1e-3},
    },
    "input": {"weights": {"scale": 1.5}, "connectivity": SPARSE},
    "recurrent": {"connectivity": SPARSE},
}
"""Neurons that differ in some parameters, and may in others by :data:`EXPLICIT`."""
EXPLICIT = {
    "C_m": np.linspace(0.5, 2.0, 25),
    "c_reg": np.linspace(0.0, 5.0, 25),
    "beta": np.linspace(0.2, 0.0, 25),
    "surrogate_width": np.linspace(0.1, 1.0, 25),
}


def learned(explicit: dict[str, np.ndarray] = EXPLICIT, path: Path | None = None, **arguments: Any) -> dict[str, Any]:
    """Return the number of spikes and what was learned; with ``path``, after the network went through that file."""
    simulation = Simulation(parse(Network, LEARNING), seed=3, neuron_values=explicit, **arguments)
    if path is not None:
        simulation.save(path)
        simulation = Simulation.load(path, **arguments)
    recording = simulation.run(poisson_stimulus(simulation.network, 0.05, seed=1, first_step=0, n_steps=300))
    return {name: simulation.weights(name) for name in ("input", "recurrent", "output")} | {
        "spikes": len(recording.spike_steps),
        "values": simulation.neuron_values(),
    }


def test_networks_learn_the_same_on_any_number_of_ranks_and_from_files(tmp_path: Path) -> None:
    alone = learned()
    assert alone["spikes"] > 100
    for name, values in EXPLICIT.items():
        assert alone["values"][name].tolist() == values.tolist()
    np.testing.assert_equal(learned(path=tmp_path / "network.h5"), alone)
    for n_ranks in (2, 3):
        path = tmp_path / f"{n_ranks}.h5"
        of_ranks = on_thread_ranks(n_ranks, lambda rank, path=path: learned(path=path, communicator=rank))
        for own in of_ranks:
            np.testing.assert_equal(own | {"spikes": alone["spikes"]}, alone)
        assert sum(own["spikes"] for own in of_ranks) == alone["spikes"]


@pytest.mark.parametrize("name", EXPLICIT)
def test_each_value_counts(name: str) -> None:
    without = learned({other: values for other, values in EXPLICIT.items() if other != name})
    assert np.any(without["input"].weight != learned()["input"].weight)


def test_a_value_that_is_not_allowed_ends_with_the_error_on_all_ranks() -> None:
    def refused(communicator: Any) -> str:
        with pytest.raises(ParameterError, match="values above 0 pF") as caught:
            learned({"C_m": np.append(np.ones(24), -1.0)}, communicator=communicator)
        return str(caught.value)

    assert len(set(on_thread_ranks(3, refused))) == 1
