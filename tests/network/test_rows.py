"""Projections in rows compute, to the bit, what the same synapses in lists compute."""

from typing import Any

import numpy as np
import pytest

from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.experiments.studies.parameters import TaskNetwork
from eprop_core.model.synapses import NO_TARGET, WEIGHT, Columns, Synapses
from eprop_core.network import assembly
from eprop_core.network.connections import Connections
from eprop_core.network.features import kind
from eprop_core.network.rows import absent_targets, in_rows
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus

N_SAMPLES, SAMPLE_LENGTH = 6, 100

BASE: dict[str, Any] = {
    "n_input": 30,
    "n_recurrent": 21,
    "n_readout": 3,
    "neuron": {"tau_m": 20.0, "V_th": 0.6},
    "input": {"weights": {"scale": 2.0}},
    "plasticity": {"kappa": 0.9, "kappa_reg": 0.9, "cutoff": 20, "optimizer": {"learning_rate": 1e-4}},
}
BATCH = {"update": "sample", "batch_size": 2, "reset_at_samples": True}
MANY_FEATURES = {"neuron": {"adaptation": {"beta": 0.1, "tau": 50.0}, "tau_m": {"low": 15.0, "high": 25.0}}}
VARIANTS: dict[str, dict[str, Any]] = {
    "updates at spikes": {},
    "delays": {"input": {"delay": 3}, "recurrent": {"delay": 2}, "output": {"delay": 2}},
    "static recurrent weights": {"recurrent": {"plastic": False}},
    "sparse recurrent weights": {"recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 5}}},
    "fixed signs": {"plasticity": {"optimizer": {"learning_rate": 1e-3, "fixed_signs": True, "weight_max": 2.0}}},
    "no cutoff": {"plasticity": {"cutoff": None}},
    "no filter": {"plasticity": {"kappa": 0.0, "kappa_reg": 0.0}},
    "one filter of two": {"plasticity": {"kappa": 0.0}},
    "batches": {"plasticity": BATCH},
    "batches with Adam": {"plasticity": BATCH | {"optimizer": {"algorithm": "adam", "learning_rate": 1e-3}}},
    "many features": MANY_FEATURES | {"plasticity": {"kappa_reg": 0.8}},
    "many features, batches": MANY_FEATURES | {"plasticity": {"kappa_reg": 0.8} | BATCH},
}


def network_of(changes: dict[str, Any]) -> Network:
    merged = {
        name: value | changes.get(name, {}) if isinstance(value, dict) else changes.get(name, value)
        for name, value in BASE.items()
    }
    return parse(Network, changes | merged)


def stimulus(network: Network) -> Stimulus:
    """Return samples, and targets that are far from what the readouts do."""
    n_steps = N_SAMPLES * SAMPLE_LENGTH
    drawn = poisson_stimulus(network, 30.0, seed=4, first_step=0, n_steps=n_steps)
    target = np.sin(np.arange(n_steps * network.n_readout) / 50.0).reshape(n_steps, network.n_readout)
    return Stimulus(
        n_steps, drawn.input_steps, drawn.input_channels, target, np.ones(n_steps, np.bool_), n_samples=N_SAMPLES
    )


def outcome(network: Network, connections: dict[str, Connections] | None = None) -> dict[str, np.ndarray]:
    simulation = Simulation(network, seed=2, connections=connections)
    recording = simulation.run(stimulus(network))
    found = {f"{name} weights": simulation.frozen().weights(name).weight for name in ("input", "recurrent", "output")}
    found |= {"counts": np.array(list(simulation.counts.values())), "readout": recording.readout}
    before = Simulation(network, seed=2, connections=connections)
    assert len(recording.spike_steps) > 100
    assert not np.array_equal(before.weights("input").weight, found["input weights"])
    found["initial weights"] = before.weights("recurrent").weight
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_and_lists_give_the_same_bits(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(VARIANTS[variant])
    assert "dense" in kind(network)
    in_rows = outcome(network)
    monkeypatch.setattr(assembly, "projections_in_rows", lambda *arguments: set())
    for name, values in outcome(network).items():
        np.testing.assert_array_equal(in_rows[name], values, err_msg=name)


def test_explicit_connections_are_stored_in_rows_if_they_are_full() -> None:
    network = network_of({})
    simulation = Simulation(network, seed=2)
    connections = {name: simulation.weights(name) for name in ("input", "recurrent")}
    given = Simulation(network, seed=3, connections=connections)
    for name, drawn in connections.items():
        assert given._synapses(name).rows is not None
        assert len(given._synapses(name).target) == 0
        for array, expected in zip(given.weights(name), drawn, strict=True):
            np.testing.assert_array_equal(array, expected)
    sparse = {name: Connections(*(array[1:-1] for array in drawn)) for name, drawn in connections.items()}
    mostly_full = Simulation(network, seed=3, connections=sparse | {"input": connections["input"]})
    assert mostly_full._synapses("input").rows.any()
    sparse["input"] = Connections(*(array[40:] for array in connections["input"]))
    assert Simulation(network, seed=3, connections=sparse)._synapses("input").rows is None


def test_a_value_in_rows_takes_eight_bytes_and_no_target() -> None:
    assert Simulation(network_of({})).synapse_bytes["input"] == 24


def listed(*targets: list[int]) -> Synapses:
    indptr = np.concatenate(([0], np.cumsum([len(of_source) for of_source in targets])))
    values = np.arange(2.0 * indptr[-1]).reshape(-1, 2)
    return Synapses.listed(indptr, np.concatenate(targets).astype(np.int32), values, Columns(n=2))


def test_a_source_may_lack_one_target() -> None:
    synapses = listed([0, 1, 2], [0, 2], [1, 2])
    absent = absent_targets(synapses, 3)
    assert absent is not None
    assert absent.tolist() == [NO_TARGET, 1, 0]
    rows = in_rows(synapses, absent, 3)
    assert rows.rows is not None
    assert rows.rows[1].tolist() == [[6.0, 0.0, 8.0], [7.0, 0.0, 9.0]]
    assert rows.targets().tolist() == synapses.target.tolist()
    assert rows.column(WEIGHT).tolist() == synapses.column(WEIGHT).tolist()
    assert rows.n == synapses.n == 7


@pytest.mark.parametrize(
    "targets", [([0, 1, 2], [0]), ([0, 1, 1], [0, 1, 2]), ([0, 1, 2, 2], [0, 1, 2]), ([0, 0], [0, 1, 2])]
)
def test_other_synapses_stay_in_lists(targets: tuple[list[int], ...]) -> None:
    assert absent_targets(listed(*targets), 3) is None


@pytest.mark.parametrize(("probability", "expected"), [(1.0, "dense"), (0.99, "plain")])
def test_the_kind_of_a_task_without_a_number_of_input_channels(probability: float, expected: str) -> None:
    values = {"n_recurrent": 20, "input": {"connectivity": {"rule": "pairwise_bernoulli", "probability": probability}}}
    assert kind(parse(TaskNetwork, values)) == expected
    with_stdp = kind(parse(TaskNetwork, values | {"recurrent": {"stdp": {}}}))
    assert with_stdp == ("stdp" if expected == "plain" else f"{expected}-stdp")
