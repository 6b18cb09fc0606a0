"""Compare simulators by their test accuracy after training on the same samples, and by the time of this training.

The learning rate of each simulator is chosen with the same budget: it is trained with several learning rates on part of
the samples, and the one with the highest accuracy on held-out training samples is kept. All trained weights are
evaluated in this simulator, whichever simulator has trained them, since neurons and readouts are the same.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.baselines.agreement import read_outputs
from eprop_core.experiments.baselines.answers import accuracy_of, answering, best_factor, learned_connections
from eprop_core.experiments.baselines.parameters import AccuracyParameters, SampleBaseline
from eprop_core.experiments.baselines.problem import Problem, load_connections, sample_problem
from eprop_core.experiments.baselines.result import Learned, Measurement, NotMeasured
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.network.connections import Connections
from eprop_core.parsing import ParameterError
from eprop_core.progress import progress
from eprop_core.simulation import Simulation

Train = Callable[[Path, Path], Measurement | NotMeasured]
"""Trains a simulator on the problem in the first file, writes the weights to the second, and returns measurements."""


class Samples(NamedTuple):
    """Samples by what they are for."""

    learned: EventDataset
    validation: EventDataset
    test: EventDataset


def divide(train: EventDataset, test: EventDataset, parameters: AccuracyParameters, seed: int) -> Samples:
    """Draw the training samples and the held-out samples; all test samples are used.

    Raises
    ------
    ParameterError
        There are fewer training samples.
    """
    n_learned, n_validation = parameters.samples, parameters.validation_samples
    if n_learned + n_validation > len(train):
        raise ParameterError(
            f"accuracy: samples + validation_samples = {n_learned + n_validation}: must be at most {len(train)}, the "
            "training samples of the data set"
        )
    order = permutation(len(train), seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=0)
    return Samples(train.subset(order[:n_learned]), train.subset(order[n_learned:][:n_validation]), test)


def compare(
    simulators: dict[str, Train],
    baseline: SampleBaseline,
    task: TaskParameters,
    train: EventDataset,
    test: EventDataset,
) -> dict[str, Learned]:
    """Train several simulators, and return their results by label; those that cannot simulate the network are left out.

    Parameters
    ----------
    simulators
        Functions that train them, by label.
    baseline
        The comparison, with ``accuracy``.
    task
        The task that is learned.
    train, test
        Its samples.

    Raises
    ------
    ParameterError
        There are too few training samples.
    SimulatorError
        A simulator writes no weights, or not one per synapse.
    """
    assert baseline.accuracy is not None
    samples = divide(train, test, baseline.accuracy, baseline.seed)
    learned = {}
    for label, simulator in simulators.items():
        result = _learn(label, simulator, baseline.accuracy, baseline.seed, task, samples)
        if result is not None:
            learned[label] = result
    return learned


def _learn(
    label: str, simulator: Train, parameters: AccuracyParameters, seed: int, task: TaskParameters, samples: Samples
) -> Learned | None:
    """Train a simulator with the best of several learning rates; return None if it cannot simulate the network."""
    tried = []
    for factor in progress(parameters.learning_rate_factors, f"{label}, learning rates"):
        trained = _train(label, simulator, _problem(task, samples.learned, seed, parameters.tuning_samples, factor))
        if trained is None:
            return None
        tried.append((factor, accuracy_of(trained.answering, task, samples.validation)))
    best = best_factor(tried)
    trained = _train(label, simulator, _problem(task, samples.learned, seed, parameters.samples, best))
    if trained is None:
        return None
    return Learned(
        accuracy=accuracy_of(trained.answering, task, samples.test),
        test_samples=len(samples.test),
        samples=parameters.samples,
        learning_rate_factor=best,
        tried=tried,
        seconds=trained.measured.seconds,
        processor_s=trained.measured.processor_s,
        synaptic_events=trained.measured.synaptic_events,
    )


class _Trained(NamedTuple):
    problem: Problem
    measured: Measurement
    connections: dict[str, Connections]

    def answering(self) -> Simulation:
        return answering(self.problem, self.connections)


def _problem(task: TaskParameters, samples: EventDataset, seed: int, n_shown: int, factor: float) -> Problem:
    """Return a training on the first ``n_shown`` samples of a random order, with scaled learning rates."""
    problem = sample_problem(task, samples, seed, 0, n_shown)
    return replace(problem, network=problem.network.with_scaled_learning_rates(factor))


def _train(label: str, simulator: Train, problem: Problem) -> _Trained | None:
    with tempfile.TemporaryDirectory(prefix="accuracy.") as directory:
        file, outputs = Path(directory) / "problem.npz", Path(directory) / "outputs.npz"
        problem.save(file)
        measured = simulator(file, outputs)
        if isinstance(measured, NotMeasured):
            return None
        connections = learned_connections(load_connections(file), read_outputs(outputs, label), label)
        return _Trained(problem, measured, connections)
