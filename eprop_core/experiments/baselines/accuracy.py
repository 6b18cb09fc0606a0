"""What simulators learn from the same samples, and the time that it takes them.

The learning rate of each simulator is chosen with the same budget: trainings with each of some factors, whose weights
answer samples that were held back. Whatever the simulator, this one answers with the weights it has learned: neurons
and readouts are the same, and so is the score.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.errors import NotFiniteError
from eprop_core.experiments.baselines.agreement import Arrays, read_outputs
from eprop_core.experiments.baselines.parameters import AccuracyParameters, SampleBaseline
from eprop_core.experiments.baselines.problem import Problem, load_connections, sample_problem
from eprop_core.experiments.baselines.result import Learned, Measurement, NotMeasured
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError
from eprop_core.progress import progress
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import task_of
from eprop_core.training.evaluation import evaluate

Train = Callable[[Path, Path], Measurement | NotMeasured]
"""Lets a simulator learn a problem, given its file and one for the weights, and returns its measurements."""

GROUP = 100
"""Samples that are answered in one run."""


class Samples(NamedTuple):
    """Samples by what they are for."""

    learned: EventDataset
    held_back: EventDataset
    test: EventDataset


def divide(train: EventDataset, test: EventDataset, parameters: AccuracyParameters, seed: int) -> Samples:
    """Return random training samples to be learned and others that are held back, and all test samples.

    Raises
    ------
    ParameterError
        There are fewer training samples.
    """
    n_learned, n_held_back = parameters.samples, parameters.samples_held_back
    if n_learned + n_held_back > len(train):
        raise ParameterError(
            f"accuracy: samples + samples_held_back = {n_learned + n_held_back}: must be at most {len(train)}, the "
            "training samples of the data set"
        )
    order = permutation(len(train), seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=0)
    return Samples(train.subset(order[:n_learned]), train.subset(order[n_learned:][:n_held_back]), test)


def compare(
    simulators: dict[str, Train],
    baseline: SampleBaseline,
    task: TaskParameters,
    train: EventDataset,
    test: EventDataset,
) -> dict[str, Learned]:
    """Return what each of several simulators learns, by label; those that cannot simulate the network are left out.

    Parameters
    ----------
    simulators
        What lets each of them learn, by label.
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
    """Return what a simulator learns with the best of several learning rates, or None if it does not take part."""
    tried: dict[float, float] = {}
    for factor in progress(parameters.learning_rate_factors, f"{label}, learning rates"):
        problem = _problem(task, samples.learned, seed, parameters.tuning_samples, factor)
        trained = _train(label, simulator, problem)
        if trained is None:
            return None
        tried[factor] = _accuracy(problem, trained.weights, task, samples.held_back)
    best = max(tried, key=lambda factor: (tried[factor], -factor))
    problem = _problem(task, samples.learned, seed, parameters.samples, best)
    trained = _train(label, simulator, problem)
    if trained is None:
        return None
    return Learned(
        accuracy=_accuracy(problem, trained.weights, task, samples.test),
        test_samples=len(samples.test),
        samples=parameters.samples,
        learning_rate_factor=best,
        tried=list(tried.items()),
        seconds=trained.measured.seconds,
        processor_s=trained.measured.processor_s,
        synaptic_events=trained.measured.synaptic_events,
    )


class _Trained(NamedTuple):
    measured: Measurement
    weights: dict[str, Connections]


def _problem(task: TaskParameters, samples: EventDataset, seed: int, n_shown: int, factor: float) -> Problem:
    """Return the training on the first ``n_shown`` samples of a random order, with multiplied learning rates."""
    problem = sample_problem(task, samples, seed, 0, n_shown)
    return replace(problem, network=with_learning_rates(problem.network, factor))


def with_learning_rates(network: Network, factor: float) -> Network:
    """Return a network with ``factor`` times the learning rates: that of all, and those that projections have."""

    def multiplied(rate: float | None) -> float | None:
        return None if rate is None else factor * rate

    optimizer = network.plasticity.optimizer
    optimizer = optimizer.model_copy(update={"learning_rate": multiplied(optimizer.learning_rate)})
    changes: dict[str, object] = {"plasticity": network.plasticity.model_copy(update={"optimizer": optimizer})}
    for name in LEARNING_PROJECTIONS:
        projection = getattr(network, name)
        changes[name] = projection.model_copy(update={"learning_rate": multiplied(projection.learning_rate)})
    return network.model_copy(update=changes)


def _train(label: str, simulator: Train, problem: Problem) -> _Trained | None:
    with tempfile.TemporaryDirectory(prefix="accuracy.") as directory:
        file, outputs = Path(directory) / "problem.npz", Path(directory) / "outputs.npz"
        problem.save(file)
        measured = simulator(file, outputs)
        if isinstance(measured, NotMeasured):
            return None
        return _Trained(measured, learned_connections(load_connections(file), read_outputs(outputs, label), label))


def learned_connections(before: dict[str, Connections], outputs: Arrays, label: str) -> dict[str, Connections]:
    """Return the connections of a problem with the weights that a simulator has written.

    Raises
    ------
    SimulatorError
        It has written none, or not one per synapse.
    """
    after = dict(before)
    for name in LEARNING_PROJECTIONS:
        weight = outputs.get(f"{name}_weight")
        if weight is None:
            raise SimulatorError(f"{label}, training: its outputs lack {name}_weight")
        if weight.shape != before[name].weight.shape:
            raise SimulatorError(
                f"{label}, training: {name}_weight has shape {weight.shape}; expected {before[name].weight.shape}"
            )
        after[name] = before[name]._replace(weight=weight.astype(float))
    return after


def _accuracy(
    problem: Problem, connections: dict[str, Connections], task: TaskParameters, samples: EventDataset
) -> float:
    """Return the share of samples that a network answers correctly; 0 where the training has diverged."""
    try:
        simulation = answering(problem, connections)
        classification = task_of(samples, task.training.learning_window, problem.network.readout.loss)
        score, _ = evaluate(simulation, classification, np.arange(len(samples)), GROUP)
    except NotFiniteError:
        return 0.0
    assert score.accuracy is not None  # the configuration has been checked
    return score.accuracy


def answering(problem: Problem, connections: dict[str, Connections]) -> Simulation:
    """Return the network of a problem with weights that others have learned, which may be beyond its bounds.

    Raises
    ------
    NotFiniteError
        A weight is not finite.
    """
    if not all(np.isfinite(own.weight).all() for own in connections.values()):
        raise NotFiniteError("a weight that was learned is not finite")
    network = problem.network
    # Bounds are for weights that learn.
    static = {name: getattr(network, name).model_copy(update={"plastic": False}) for name in LEARNING_PROJECTIONS}
    return Simulation(network.model_copy(update=static), seed=problem.seed, connections=connections)
