"""Train a network on a task and test it on samples it has never seen; write one result file.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.train ... --ranks 2
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line, measurement, ranks, results
from eprop_core.experiments.configuration import Task
from eprop_core.experiments.provenance import provenance
from eprop_core.parameters import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.random import Purpose, permutation
from eprop_core.simulation import NotFiniteError, Simulation
from eprop_core.tasks.classification import Classification, Score

Samples = npt.NDArray[np.int64]

_VALIDATION_SPLIT = 0
"""Identifier of the order that the validation samples are drawn from; those of the epochs are 1, 2, ..."""


def train(
    task: Task, training_set: EventDataset, test_set: EventDataset, seed: int, communicator: ranks.Communicator = None
) -> dict[str, Any]:
    """Return what training gives: learning curve, test score, counts, times and memory; collective.

    The test samples are shown once, after the last epoch; the validation samples, held back from the training set,
    draw the learning curve and influence nothing.
    """
    stopwatch = measurement.Stopwatch()
    network = task.network_for(training_set.n_channels, training_set.n_classes)
    window, group_size = task.training.learning_window, task.training.samples_per_group
    learnt, tested = Classification(training_set, window), Classification(test_set, window)
    learning, validation = _split(len(learnt), task.training.validation_share, seed)

    with stopwatch.measure("build"):
        simulation = ranks.together(communicator, lambda: Simulation(network, seed=seed, communicator=communicator))
    groups = [
        (epoch, group)
        for epoch in range(1, task.training.epochs + 1)
        for group in _groups(learning[_order(len(learning), seed, epoch)], group_size)
    ]
    curve: list[dict[str, Any]] = []
    n_seen = 0
    for position, (epoch, group) in enumerate(_shown(groups, f"training, seed {seed}", communicator)):
        spikes_before = simulation.counts["spikes"]
        with stopwatch.measure("training"):
            score = learnt.score(group, simulation.run(learnt.stimulus(group)))
        if not math.isfinite(score.loss):
            raise NotFiniteError(
                f"epoch {epoch}: the loss is not finite; the likely cause is a learning rate too large"
            )
        n_seen += len(group)
        n_spikes = sum(ranks.gather(communicator, int(simulation.counts["spikes"] - spikes_before)))
        duration = len(group) * training_set.n_steps * network.dt * 1e-3  # s
        point = {
            "epoch": epoch,
            "samples": n_seen,
            "training_loss": score.loss,
            "training_accuracy": score.accuracy,
            "rate_hz": n_spikes / duration / network.n_recurrent,
            "validation_loss": None,
            "validation_accuracy": None,
        }
        last_of_epoch = position + 1 == len(groups) or groups[position + 1][0] != epoch
        if last_of_epoch and len(validation):
            with stopwatch.measure("validation"):
                unseen = evaluate(simulation, learnt, validation, group_size)
            point |= {"validation_loss": unseen.loss, "validation_accuracy": unseen.accuracy}
        curve.append(point)
    with stopwatch.measure("test"):
        test = evaluate(simulation, tested, np.arange(len(tested)), group_size)

    return {
        "classes": training_set.n_classes,
        "curve": curve,
        "test": {
            "samples": test.n_samples,
            "correct": test.n_correct,
            "accuracy": test.accuracy,
            "loss": test.loss,
        },
        "samples": {"training": len(learning), "validation": len(validation), "test": len(tested), "shown": n_seen},
        "rate_hz": curve[-1]["rate_hz"],
        "counts": measurement.total(communicator, simulation.counts),
        "times_s": stopwatch.seconds,
        "training_time_per_sample_s": stopwatch.seconds["training"] / n_seen,
        "per_rank": measurement.per_rank(communicator, simulation.times),
    }


def evaluate(simulation: Simulation, task: Classification, samples: Samples, group_size: int) -> Score:
    """Return the score of the network as it is now, which stays as it is, on ``samples``; collective."""
    frozen = simulation.frozen()
    scores = (task.score(group, frozen.run(task.stimulus(group))) for group in _groups(samples, group_size))
    return sum(scores, start=Score(0, 0, 0.0))


def _split(n_samples: int, validation_share: float, seed: int) -> tuple[Samples, Samples]:
    n_validation = round(validation_share * n_samples)
    if n_samples <= n_validation:
        raise ParameterError(f"training.validation_share = {validation_share}: leaves none of {n_samples} samples")
    order = _order(n_samples, seed, _VALIDATION_SPLIT)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def _order(n: int, seed: int, identifier: int) -> Samples:
    return permutation(n, seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=identifier)


def _groups(samples: Samples, size: int) -> list[Samples]:
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def _shown(groups: list[tuple[int, Samples]], description: str, communicator: ranks.Communicator) -> Any:
    return progress(groups, description) if ranks.rank_of(communicator) == 0 else groups


def _read(task_file: Path, directory: Path) -> tuple[Task, EventDataset, EventDataset]:
    task = parse(Task, command_line.read_json(task_file), f"{task_file}: ")
    return task, EventDataset.load(directory / "train.npz"), EventDataset.load(directory / "test.npz")


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.train", __doc__)
    parser.add_argument("task", type=Path, help="JSON file with dataset, network and training (config/README.md)")
    parser.add_argument("--data", type=Path, required=True, help="directory made by eprop_core.datasets.prepare")
    command_line.add_run_options(parser)
    options = parser.parse_args()

    communicator = ranks.join(options.ranks, oversubscribe=options.oversubscribe)
    task, training_set, test_set = ranks.together(communicator, lambda: _read(options.task, options.data))
    result = {
        "experiment": "training",
        "seed": options.seed,
        "parameters": task.model_dump(mode="json"),
        "provenance": provenance(communicator),
        **train(task, training_set, test_set, options.seed, communicator),
    }
    if ranks.rank_of(communicator) == 0:
        results.write(options.output, result)


if __name__ == "__main__":
    command_line.run(main)
