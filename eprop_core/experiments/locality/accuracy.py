"""Train a task by one method with tuned learning rates, and write its test accuracy to a result file.

Every method tries the same learning rates: each in a training on part of the samples, evaluated on held-out training
samples. The best are used for a training on all training samples. All methods start from the same weights, see the same
samples in the same order, and are evaluated in this simulator.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.answers import accuracy_of, answering, learned_connections
from eprop_core.experiments.baselines.problem import Problem, sample_problem
from eprop_core.experiments.locality import bptt
from eprop_core.experiments.locality.parameters import (
    METHODS,
    AccuracyParameters,
    LearningRates,
    LearningRateSearch,
    Method,
    check_task,
)
from eprop_core.experiments.locality.result import AccuracyResult
from eprop_core.files.text import read_json
from eprop_core.interoperability.simulators import InstalledSimulator
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.simulation import Simulation

Learn = Callable[[EventDataset, EventDataset, int, LearningRates], float]
"""Trains on the first samples, for a number of epochs, with some learning rates; returns the accuracy on the second
samples."""


class Found(NamedTuple):
    """Result of a search: the chosen learning rates, those that were tried with their accuracies, the test accuracy."""

    factor: float
    output_factor: float
    tried: list[tuple[float, float, float]]
    accuracy: float


def search(
    learn: Learn,
    rates: list[LearningRates],
    parameters: LearningRateSearch,
    epochs: int,
    train: EventDataset,
    test: EventDataset,
    seed: int,
) -> Found:
    """Return the test accuracy after a training of ``epochs`` with the best ``rates``; of equally good the smallest.

    Raises
    ------
    ParameterError
        There are too few samples.
    """
    n_validation = parameters.validation_samples
    if n_validation >= len(train):
        raise ParameterError(
            f"search.validation_samples = {n_validation}: must be below {len(train)}, the training samples"
        )
    order = permutation(len(train), seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=0)
    validation, shown = train.subset(order[:n_validation]), train.subset(order[n_validation:])
    found = {
        one: learn(shown, validation, parameters.epochs, one) for one in progress(rates, "learning rates", len(rates))
    }
    best = max(sorted(found), key=lambda one: found[one])  # the first of equally good ones
    return Found(*best, [(*one, accuracy) for one, accuracy in found.items()], learn(train, test, epochs, best))


def learner(method: Method, parameters: AccuracyParameters, seed: int, installed: InstalledSimulator | None) -> Learn:
    """Return the function that trains by a method; only backpropagation through time needs ``installed``."""
    if method == "event_counts":
        return fit_event_counts
    if method == "bptt":
        if installed is None:
            raise ParameterError("--simulator: needed for backpropagation through time")
        train = _by_backpropagation(installed, parameters.batch_size)
    else:
        train = _by_eprop(method)
    task = parameters.task

    def learn(samples: EventDataset, others: EventDataset, epochs: int, rates: LearningRates) -> float:
        problem = sample_problem(task, samples, seed, 0, epochs * len(samples))
        problem = replace(problem, network=rates.of(problem.network))
        return accuracy_of(lambda: train(problem), task, others)

    return learn


def fit_event_counts(samples: EventDataset, others: EventDataset, _epochs: int, rates: LearningRates) -> float:
    """Fit a linear readout of event counts, which ignores the times of events, to convergence."""
    if np.ptp(samples.labels) == 0:
        raise ParameterError(f"the {len(samples)} samples to learn from are all of one class; at least two are needed")
    model = LogisticRegression(C=rates.factor, max_iter=10_000)
    model.fit(event_counts(samples), samples.labels)
    return float(model.score(event_counts(others), others.labels))


def event_counts(samples: EventDataset) -> np.ndarray:
    """Return the number of events of each sample and channel, float64 (n_samples, n_channels)."""
    counts = [np.bincount(channels, minlength=samples.n_channels) for _, channels in samples.samples()]
    return np.array(counts, float)


def _by_eprop(feedback: str) -> Callable[[Problem], Simulation]:
    def train(problem: Problem) -> Simulation:
        of_kind = problem.network.feedback.model_copy(update={"kind": feedback})
        simulation = Simulation(problem.network.model_copy(update={"feedback": of_kind}), seed=problem.seed)
        simulation.run(problem.stimulus)
        return simulation

    return train


def _by_backpropagation(installed: InstalledSimulator, batch_size: int) -> Callable[[Problem], Simulation]:
    def train(problem: Problem) -> Simulation:
        written = bptt.train(problem.save, installed, batch_size)
        return answering(problem, learned_connections(problem.connections(), written, installed.label))

    return train


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.locality.accuracy", __doc__)
    parser.add_argument("parameters", type=Path, help="JSON file with task and search")
    parser.add_argument("--data", type=Path, required=True, help="directory made by eprop_core.datasets.prepare")
    parser.add_argument("--method", choices=METHODS, required=True, help="training method")
    parser.add_argument("--simulator", type=Path, help="file that eprop_core.interoperability.simulators wrote")
    parser.add_argument("--seed", type=command_line.seed, default=1, help="seed of everything random (default: 1)")
    options = parser.parse_args()
    parameters = parse(AccuracyParameters, read_json(options.parameters), f"{options.parameters}: ")
    check_task(parameters.task, parameters.search)
    installed = None
    if options.simulator is not None:
        installed = parse(InstalledSimulator, read_json(options.simulator), f"{options.simulator}: ")
    train, test = (EventDataset.load(options.data / f"{split}.npz") for split in ("train", "test"))
    learn = learner(options.method, parameters, options.seed, installed)
    rates = parameters.search.learning_rates(options.method)
    found = search(learn, rates, parameters.search, parameters.task.training.epochs, train, test, options.seed)
    AccuracyResult(
        provenance=provenance(),
        parameters=parameters,
        method=options.method,
        seed=options.seed,
        test_samples=len(test),
        **found._asdict(),
    ).write(options.output)


if __name__ == "__main__":
    command_line.run(main)
