"""Networks of one kind run the same compiled code: the types of the loop's arguments depend only on the kind."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from eprop_core.experiments.compile import network_of
from eprop_core.model import loop
from eprop_core.model.neurons import FINITE
from eprop_core.network.connections import Connections
from eprop_core.network.features import kind
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.poisson import PoissonStimulus
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus

KINDS = (
    "plain",
    "two_filters",
    "adaptive",
    "own_decay",
    "stepwise",
    "dense",
    "two_filters-adaptive-own_decay-stepwise",
    "two_filters-adaptive-own_decay-dense",
)
N_STEPS = 12

STATIC = {name: {"plastic": False} for name in ("input", "recurrent", "output")}
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "static": STATIC,
    "symmetric feedback": {"feedback": {"kind": "symmetric"}},
    "adaptive feedback": {"feedback": {"kind": "adaptive"}},
    "delays": {"recurrent": {"delay": 3}, "output": {"delay": 2}, "feedback": {"delay": 2}},
    "cutoff": {"plasticity": {"cutoff": 5}},
    "resets": {"plasticity": {"reset_at_samples": True}},
    "bounds": {"neuron": {"V_min": -5, "V_reset": 0, "t_ref": 2}},
    "drawn thresholds": {"neuron": {"V_th": {"low": 9, "high": 11}}},
    "spikes that are given": {"neuron": {"ignore_and_fire": {"rate": 50}}},
    "cross-entropy": {"readout": {"loss": "cross_entropy"}},
}


def network(name: str, changes: dict[str, Any]) -> Network:
    def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        return values | {
            key: merged(values[key], value) if isinstance(value, dict) and isinstance(values[key], dict) else value
            for key, value in changes.items()
        }

    sizes = {"n_input": 4, "n_recurrent": 40 if "dense" in name else 6, "n_readout": 2}
    return parse(Network, merged(network_of(name).model_dump() | sizes, changes))


def stimulus(target: np.ndarray | None = None, learning_window: np.ndarray | None = None) -> Stimulus:
    target = np.zeros((N_STEPS, 2)) if target is None else target
    learning_window = np.ones(N_STEPS, np.bool_) if learning_window is None else learning_window
    return Stimulus(N_STEPS, np.arange(N_STEPS), np.arange(N_STEPS) % 4, target, learning_window, n_samples=3)


def poisson_stimulus(seed: int) -> PoissonStimulus:
    return PoissonStimulus(N_STEPS, np.ones(4), np.zeros((N_STEPS, 2)), np.ones(N_STEPS, np.bool_), 3, seed=seed)


def read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@pytest.fixture
def types_of_calls(monkeypatch: pytest.MonkeyPatch) -> set[tuple[Any, ...]]:
    """Replace the loop by one that computes nothing; return the types of its arguments, which later calls add."""
    types: set[tuple[Any, ...]] = set()

    def note(rank: Any, run: Any, first_step: int, last_step: int, *others: Any) -> tuple[int, int]:
        types.add(tuple(map(numba.typeof, (rank, run, first_step, last_step, *others))))
        return last_step, FINITE

    monkeypatch.setattr(loop, "run_steps", note)
    return types


@pytest.mark.parametrize("name", KINDS)
def test_networks_of_a_kind_run_the_same_code(types_of_calls: set[tuple[Any, ...]], name: str) -> None:
    for changes in CHANGES.values():
        changed = network(name, changes)
        assert kind(changed) == name
        simulation = Simulation(changed)
        simulation.run(stimulus())
        simulation.frozen().run(stimulus())
        simulation.run(poisson_stimulus(seed=1))
        simulation.run(poisson_stimulus(seed=2**64 - 1))
        if changed.firing_period:
            Simulation(changed, dry_run=(1, 2)).run(stimulus())
    assert len(types_of_calls) == 1


def test_updates_by_sample_and_at_spikes_run_the_same_code(types_of_calls: set[tuple[Any, ...]]) -> None:
    for plasticity in ({}, {"update": "sample", "batch_size": 2}):
        Simulation(network("plain", {"plasticity": plasticity})).run(stimulus())
    assert len(types_of_calls) == 1


def test_each_kind_runs_its_own_code(types_of_calls: set[tuple[Any, ...]]) -> None:
    for name in KINDS:
        Simulation(network(name, {})).run(stimulus())
    assert len(types_of_calls) == len(KINDS)


def strided() -> Simulation:
    values = {"V_th": read_only(np.full(12, 10.0))[::2]}
    return Simulation(network("plain", CHANGES["drawn thresholds"]), neuron_values=values)


def with_connections() -> Simulation:
    ids = read_only(np.arange(8, dtype=np.int32))[::2]
    connections = {"input": Connections(ids // 2, ids // 2, read_only(np.ones(8, np.float32))[::2])}
    return Simulation(network("plain", {}), connections=connections)


@pytest.mark.parametrize("build", [strided, with_connections])
def test_layout_and_types_of_arrays_do_not_change_the_code(
    types_of_calls: set[tuple[Any, ...]], build: Callable[[], Simulation]
) -> None:
    Simulation(network("plain", {})).run(stimulus())
    build().run(stimulus())
    build().run(stimulus(read_only(np.zeros((N_STEPS, 2))), read_only(np.ones(N_STEPS, np.bool_))))
    build().run(stimulus(np.zeros((N_STEPS, 2), int, order="F"), np.ones(2 * N_STEPS, np.bool_)[::2]))
    assert len(types_of_calls) == 1
