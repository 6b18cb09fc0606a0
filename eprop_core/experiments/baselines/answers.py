"""Evaluate trained weights in this simulator, whichever simulator has trained them."""

from collections.abc import Callable

import numpy as np

from eprop_core.datasets.events import EventDataset
from eprop_core.errors import NotFiniteError
from eprop_core.experiments.baselines.agreement import Arrays
from eprop_core.experiments.baselines.problem import Problem
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.network.connections import Connections
from eprop_core.network.projections import without_plasticity
from eprop_core.parameters import LEARNING_PROJECTIONS
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import task_of
from eprop_core.training.evaluation import evaluate

GROUP = 100
"""Samples per run of an evaluation."""


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


def answering(problem: Problem, connections: dict[str, Connections]) -> Simulation:
    """Return the static network of a problem with trained weights, which may exceed the bounds of its optimizers.

    Raises
    ------
    NotFiniteError
        A weight is not finite.
    """
    if not all(np.isfinite(own.weight).all() for own in connections.values()):
        raise NotFiniteError("a trained weight is not finite")
    return Simulation(without_plasticity(problem.network), seed=problem.seed, connections=connections)


def accuracy_of(trained: Callable[[], Simulation], task: TaskParameters, samples: EventDataset) -> float:
    """Return the fraction of ``samples`` that a trained network classifies correctly.

    ``trained`` returns the network. If it or the evaluation raises a :class:`NotFiniteError`, the training has
    diverged, and the accuracy is 0.
    """
    try:
        simulation = trained()
        classification = task_of(samples, task.training.learning_window, simulation.network.readout.loss)
        score, _ = evaluate(simulation, classification, np.arange(len(samples)), GROUP)
    except NotFiniteError:
        return 0.0
    assert score.accuracy is not None  # the configuration has been checked
    return score.accuracy


def best_factor(tried: list[tuple[float, float]]) -> float:
    """Return the factor with the highest accuracy; of equally good ones the smallest.

    ``tried`` are factors of a learning rate, each with its accuracy.
    """
    return max(tried, key=lambda one: (one[1], -one[0]))[0]
