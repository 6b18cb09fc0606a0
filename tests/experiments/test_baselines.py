"""All simulators compute the same and count it correctly; measured times need only be positive."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.experiments.baselines import measure as baselines
from eprop_core.experiments.baselines import simulator
from eprop_core.experiments.baselines.parameters import PoissonBaseline
from eprop_core.experiments.baselines.problem import Problem, load_connections, poisson_problem, sample_problem
from eprop_core.experiments.baselines.result import Measurement
from eprop_core.interoperability import simulators
from eprop_core.interoperability.simulators import InstalledSimulator
from eprop_core.parameters import PROJECTIONS
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.time_driven.optimizers import OPTIMIZERS
from live_nest import NEST_PYTHON, needs_nest
from small_results import PROJECT

NETWORK = small.timing().network.model_dump(mode="json")
NETWORK["plasticity"]["optimizer"]["learning_rate"] = 1e-9  # static synapses see the same spikes
NEST = InstalledSimulator(
    label="NEST",
    computes="e-prop+",
    variants=["plastic", "static", "training"],
    version="3.10",
    python="python",
    script="measure.py",
)
BASELINE: dict[str, Any] = {
    "network": NETWORK,
    "input_rate": 100.0,
    "n_steps": 150,
    "n_steps_warm_up": 50,
    "repeats": 2,
    "time_driven_steps": 40,
}


@pytest.fixture(scope="module")
def problem() -> Problem:
    return poisson_problem(parse(PoissonBaseline, BASELINE))


@pytest.fixture(scope="module")
def file(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("baselines") / "events.npz"
    problem.save(path)
    return path


@pytest.fixture(scope="module")
def expected(problem: Problem) -> dict[str, int]:
    """Counts of the steps after the warm-up."""
    simulation = Simulation(problem.network, seed=problem.seed)
    simulation.run(problem.stimulus.part(0, 50))
    before = simulation.counts
    simulation.run(problem.stimulus.part(50, 200))
    return {name: count - before[name] for name, count in simulation.counts.items()}


def test_the_first_step_has_no_input_and_no_error(problem: Problem) -> None:
    assert problem.stimulus.input_steps.min() == 1
    assert not problem.stimulus.learning_window[0]
    assert problem.stimulus.learning_window[1:].all()


def test_a_problem_is_read_as_it_was_written(problem: Problem, file: Path) -> None:
    read = Problem.load(file)
    assert read.network == problem.network
    assert (read.seed, read.n_steps_warm_up) == (1, 50)
    for name in ("input_steps", "input_channels", "target", "learning_window"):
        np.testing.assert_array_equal(getattr(read.stimulus, name), getattr(problem.stimulus, name))


def test_saved_connections_are_those_that_the_network_draws(problem: Problem, file: Path) -> None:
    simulation = Simulation(problem.network, seed=problem.seed)
    for name, connections in load_connections(file).items():
        for listed, drawn in zip(connections, simulation.weights(name), strict=True):
            np.testing.assert_array_equal(listed, drawn)
    assert set(load_connections(file)) == set(PROJECTIONS)


def test_all_samples_are_shown_before_any_is_repeated(problem: Problem) -> None:
    shown = sample_problem(small.task(), small.dataset(20), seed=1, n_warm_up=5, n_timed=30)
    assert shown.stimulus.n_steps == 35 * small.N_STEPS
    assert shown.n_steps_warm_up == 5 * small.N_STEPS
    labels = shown.stimulus.target.reshape(35, small.N_STEPS, small.N_CLASSES)[:, 0].argmax(axis=1)
    assert sorted(labels[:20]) == sorted([*range(10)] * 2)  # all samples, before any is repeated


@pytest.mark.parametrize("variant", ["plastic", "static"])
def test_this_simulator_counts_its_spikes_and_synaptic_events(
    variant: str, file: Path, expected: dict[str, int]
) -> None:
    measured = simulator.MEASUREMENTS[variant](file, 40)
    assert measured.n_steps == 150
    assert measured.spikes == expected["spikes"] > 0
    assert measured.synaptic_events == expected["synaptic_events"] > 0
    assert measured.synapses == 60 * (20 + 10) + 2 * 30
    # Plastic: 4 bytes of the target are read, 3 values of 8 bytes are read and written.
    assert measured.bytes_moved_per_event == {"plastic": 4 + 2 * 24, "static": 4 + 8}[variant]
    assert measured.seconds > 0
    assert all(speed > 0 for _, speed in measured.machine)


def test_a_silent_network_moves_no_bytes_per_event(tmp_path: Path) -> None:
    silent = poisson_problem(parse(PoissonBaseline, BASELINE | {"input_rate": 0.0}))
    silent.save(tmp_path / "events.npz")
    measured = simulator.measure_static(tmp_path / "events.npz", 40)
    assert (measured.spikes, measured.synaptic_events, measured.bytes_moved_per_event) == (0, 0, None)


def test_the_time_driven_model_counts_the_same_synaptic_events(file: Path, problem: Problem) -> None:
    measured = simulator.measure_time_driven(file, 40)
    simulation = Simulation(problem.network, seed=problem.seed)
    simulation.run(problem.stimulus.part(0, 40))
    before = simulation.counts
    simulation.run(problem.stimulus.part(40, 80))
    assert measured.n_steps == 40
    assert measured.synaptic_events == simulation.counts["synaptic_events"] - before["synaptic_events"]


def test_a_training_run_is_counted_from_the_first_step(file: Path, problem: Problem) -> None:
    measured = simulator.measure_training(file, 40)
    simulation = Simulation(problem.network, seed=problem.seed)
    simulation.run(problem.stimulus)
    assert measured.spikes == simulation.counts["spikes"]
    assert measured.n_steps == 200


def test_large_dense_matrices_are_left_out(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "LARGEST_DENSE", 1e5)
    counts = {"neurons": 1, "synapses": 1, "n_steps": 1, "spikes": 1, "synaptic_events": 1}
    measured = Measurement(**counts, seconds=1.0, processor_s=1.0, memory_bytes=1, threads=1)
    monkeypatch.setattr(baselines, "run_once", lambda *_: measured)
    processes, left_out = baselines.compare({"events": problem}, baselines.simulators([NEST], 40), repeats=2)
    order = [(process.simulator, process.variant) for process in processes]
    once = [
        ("eprop_core", "plastic"),
        ("NEST", "plastic"),
        ("eprop_core", "static"),
        ("NEST", "static"),
    ]
    assert order == once * 2  # in turns, and no training without samples
    assert "GB" in left_out["eprop_core, time_driven"]


def test_a_simulator_that_fails_is_named(problem: Problem) -> None:
    failing = baselines.Simulator("NEST", "static", ["false"])
    with pytest.raises(baselines.SimulatorError, match="NEST, static: ended with exit code 1"):
        baselines.compare({"events": problem}, [failing], repeats=1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("recurrent.delay", 2),
        ("feedback.kind", "symmetric"),
        ("plasticity.update", "sample"),
        ("neuron.tau_m", {"low": 10.0, "high": 20.0}),
        ("neuron.adaptation", {"beta": {"low": 0.1, "high": 0.2}, "tau": 100.0}),
        ("plasticity.f_target", {"low": 10.0, "high": 20.0}),
    ],
)
def test_parameters_that_nest_lacks_are_refused(path: str, value: object) -> None:
    network = json.loads(json.dumps(BASELINE["network"]))
    group, key = path.split(".")
    network[group][key] = value
    with pytest.raises(ParameterError, match=f"{path}.*to be compared with NEST"):
        parse(PoissonBaseline, BASELINE | {"network": network})


def test_an_optimizer_that_the_time_driven_model_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for optimizer in tuple(OPTIMIZERS):
        monkeypatch.delitem(OPTIMIZERS, optimizer)
    with pytest.raises(ParameterError, match=r"optimizer\.algorithm = \w+: the time-driven model lacks it"):
        parse(PoissonBaseline, BASELINE)


@needs_nest
def test_nest_counts_the_same_spikes_and_synaptic_events(problem: Problem, expected: dict[str, int]) -> None:
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    taking_part = [one for one in baselines.simulators([nest], 40) if one.name == "NEST"]
    processes, _ = baselines.compare({"events": problem, "training": problem}, taking_part, repeats=1)
    measured = {process.variant: process for process in processes}
    for process in processes:
        assert process.synapses == 60 * (20 + 10) + 2 * 30
        assert process.build_s is not None and process.build_s > 0
    assert measured["plastic"].spikes == expected["spikes"]
    assert measured["plastic"].synaptic_events == expected["synaptic_events"]
    assert measured["training"].n_steps == 200
    assert measured["training"].synaptic_events > expected["synaptic_events"]


@needs_nest
def test_nest_agrees_in_spikes_readouts_and_weights(problem: Problem) -> None:
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    found = baselines.compare_outputs({"events": problem}, baselines.simulators([nest], 40))["NEST"]
    assert found.equal_spikes == 1.0
    assert found.readout_difference is not None and found.readout_difference < 1e-10
    assert found.weight_difference is not None and found.weight_difference < 1e-6  # of changes of 1e-9 of a weight
