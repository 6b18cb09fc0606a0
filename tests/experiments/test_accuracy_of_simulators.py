"""Simulators learn the same samples, each with the learning rate that suits it, and are judged alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.experiments.baselines import measure, simulator
from eprop_core.experiments.baselines.accuracy import compare, divide
from eprop_core.experiments.baselines.parameters import AccuracyParameters, SampleBaseline
from eprop_core.experiments.baselines.problem import Problem, load_connections
from eprop_core.experiments.baselines.result import Measurement, NotMeasured
from eprop_core.interoperability import simulators
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from live_nest import NEST_PYTHON, needs_nest
from small_results import PROJECT

TRAIN, TEST = small.dataset(660), small.dataset(50, seed=2)
RATE = small.task().network_for(100, 10).plasticity.optimizer.learning_rate


def baseline(**accuracies: Any) -> SampleBaseline:
    values = {"samples": 600, "tuning_samples": 500, "validation_samples": 50, "learning_rate_factors": [1.0, 10.0]}
    given = {"tasks": ["digits"], "samples": 5, "samples_warm_up": 1, "training_samples": 5}
    return parse(SampleBaseline, given | {"accuracy": values | accuracies})


def learn(file: Path, outputs: Path) -> Measurement:
    """Learn as this simulator does."""
    measured, weights = simulator.train(file)
    np.savez(outputs, **weights)
    return measured


def learn_nothing(file: Path, outputs: Path) -> Measurement:
    weights = {f"{name}_weight": load_connections(file)[name].weight for name in LEARNING_PROJECTIONS}
    np.savez(outputs, **weights)
    return simulator.train(file)[0]


def test_what_was_learned_answers_better_than_what_was_not() -> None:
    learned = compare({"learns": learn, "rests": learn_nothing}, baseline(), small.task(), TRAIN, TEST)
    assert learned["learns"].accuracy > 0.5 > 2 * learned["rests"].accuracy
    for one in learned.values():  # where both are equally good, too
        assert one.learning_rate_factor == 1.0
    for one in learned.values():
        assert [factor for factor, _ in one.tried] == [1.0, 10.0]
        assert (one.samples, one.test_samples) == (600, 50)
        assert one.processor_s > 0
        assert one.synaptic_events > 0


def test_the_accuracy_is_that_of_a_training_by_hand() -> None:
    """The chosen learning rate, all samples in the order of the problem, and frozen weights on the test samples."""
    found = compare({"learns": learn}, baseline(), small.task(), TRAIN, TEST)["learns"]
    shown: list[Problem] = []

    def keep(file: Path, outputs: Path) -> Measurement:
        shown.append(Problem.load(file))
        return learn(file, outputs)

    compare({"learns": keep}, baseline(), small.task(), TRAIN, TEST)
    assert [problem.stimulus.n_steps for problem in shown] == [n * small.N_STEPS for n in (500, 500, 600)]
    simulation = Simulation(shown[-1].network, seed=1)
    simulation.run(shown[-1].stimulus)
    n_correct = 0
    frozen = simulation.frozen()
    for (steps, channels), label in zip(TEST.samples(), TEST.labels, strict=True):
        silent = shown[-1].stimulus.part(0, small.N_STEPS)
        sample = type(silent)(small.N_STEPS, steps, channels, 0 * silent.target, silent.learning_window)
        n_correct += int(frozen.run(sample).readout[-small.WINDOW :].mean(axis=0).argmax() == label)
        frozen = simulation.frozen()
    # Here each sample begins at rest, and there with what the sample before has left in the readouts.
    assert found.accuracy == pytest.approx(n_correct / len(TEST), abs=0.1)


def test_no_sample_is_both_learned_and_judged() -> None:
    accuracies = baseline().accuracy
    assert accuracies is not None
    samples = divide(TRAIN, TEST, accuracies, seed=1)
    keys = [{tuple(map(bytes, sample)) for sample in part.samples()} for part in samples]
    assert [len(part) for part in keys] == [600, 50, 50]
    assert len(keys[0] | keys[1] | keys[2]) == 700
    other = divide(TRAIN, TEST, accuracies, seed=2)
    assert list(other.learned.labels) != list(samples.learned.labels)


def test_all_learning_rates_are_multiplied() -> None:
    own = {"output": {"learning_rate": 0.25}, "recurrent": {"optimizer": {"algorithm": "adam", "learning_rate": 0.5}}}
    network = parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1, **own})
    faster = network.with_scaled_learning_rates(4.0)
    for name in LEARNING_PROJECTIONS:
        assert faster.optimizer(name).learning_rate == 4.0 * network.optimizer(name).learning_rate
    assert faster.output.learning_rate == 1.0
    assert faster.optimizer("recurrent").learning_rate == 2.0
    assert faster.with_scaled_learning_rates(0.25) == network


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_training_that_diverges_has_learned_nothing(weight: float) -> None:
    def diverge(file: Path, outputs: Path) -> Measurement:
        measured, weights = simulator.train(file)
        rate = Problem.load(file).network.plasticity.optimizer.learning_rate
        if rate > RATE:
            weights["output_weight"][3] = weight
        np.savez(outputs, **weights)
        return measured

    found = compare({"diverges": diverge}, baseline(), small.task(), TRAIN, TEST)["diverges"]
    assert found.tried[1] == (10.0, 0.0)
    assert found.learning_rate_factor == 1.0


def test_simulators_may_learn_weights_beyond_the_bounds() -> None:
    """Output weights that are all multiplied leave every answer as it is."""

    def exceed(file: Path, outputs: Path) -> Measurement:
        measured, weights = simulator.train(file)
        factor = 2000.0 / np.abs(weights["output_weight"]).max()
        np.savez(outputs, **weights | {"output_weight": factor * weights["output_weight"]})
        return measured

    one_rate = baseline(learning_rate_factors=[1.0])
    found = compare({"exceeds": exceed, "learns": learn}, one_rate, small.task(), TRAIN, TEST)
    assert found["exceeds"].accuracy == found["learns"].accuracy > 0.5


def test_a_simulator_that_cannot_simulate_the_network_is_left_out() -> None:
    refused = NotMeasured(not_measured="no memory")
    assert compare({"none": lambda file, outputs: refused}, baseline(), small.task(), TRAIN, TEST) == {}


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        ({}, "own, training: its outputs lack input_weight"),
        ({"input_weight": np.zeros(3)}, r"own, training: input_weight has shape \(3,\); expected"),
    ],
)
def test_missing_weights_get_one_line(weights: dict[str, np.ndarray], line: str) -> None:
    def forget(file: Path, outputs: Path) -> Measurement:
        np.savez(outputs, **weights)
        return simulator.train(file)[0]

    with pytest.raises(SimulatorError, match=f"^{line}"):
        compare({"own": forget}, baseline(), small.task(), TRAIN, TEST)


def test_too_few_samples_get_one_line() -> None:
    accuracies = baseline(samples=650).accuracy
    assert accuracies is not None
    with pytest.raises(ParameterError, match=r"^accuracy: samples \+ validation_samples = 700: must be at most 660"):
        divide(TRAIN, TEST, accuracies, seed=1)
    with pytest.raises(ParameterError, match="tuning_samples = 60: must be at most samples = 50"):
        parse(AccuracyParameters, {"samples": 50, "tuning_samples": 60, "validation_samples": 5})


@needs_nest
def test_nest_learns_the_same_from_a_few_samples(tmp_path: Path) -> None:
    TRAIN.save(tmp_path / "train.npz")
    TEST.save(tmp_path / "test.npz")
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    few = baseline(samples=20, tuning_samples=10, learning_rate_factors=[0.3, 1.0])
    learned = measure.compare_accuracy(few, small.task(), tmp_path, [nest])
    assert learned["NEST"].accuracy == learned["eprop_core"].accuracy
    # From more samples, the rounding of a weight sooner or later changes a spike.
    assert learned["NEST"].tried == learned["eprop_core"].tried
    assert learned["NEST"].synaptic_events == learned["eprop_core"].synaptic_events > 0
