"""Train a network on a task and test it on samples it has never seen; write one result file.

Beside the result, the trained network is kept (.h5). A run that is ended by SIGTERM, SIGUSR1 or worse leaves
checkpoints there (.checkpoints), from which the same command goes on, on any number of ranks.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.studies ... --ranks 2
"""

import functools
import math
import operator
import warnings
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.compiled.random import Purpose, permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.folds import fold
from eprop_core.errors import NotFiniteError
from eprop_core.experiments import command_line
from eprop_core.experiments.compile import run_briefly
from eprop_core.experiments.studies.continuation import Checkpoints, Progress
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import (
    Answer,
    CurvePoint,
    FinalScore,
    Operations,
    RankRecord,
    SampleNumbers,
    StudyResult,
)
from eprop_core.experiments.studies.rewiring import rewire
from eprop_core.interrupts import DeferredTermination
from eprop_core.measurement import operations
from eprop_core.measurement import process as measurement
from eprop_core.measurement.results import Counts, Phases
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.tasks.classification import DatasetClassification
from eprop_core.tasks.generate import generate
from eprop_core.tasks.parameters import Generated
from eprop_core.tasks.task import Samples, Score, Task

_VALIDATION_SPLIT = 0
"""Identifier of the order that the validation samples are drawn from; those of the epochs are 1, 2, ..."""

_DIVERGED = 100.0
"""Multiple of the loss of the best constant answer at which a warning is due."""


class DivergenceWarning(UserWarning):
    """A loss so large that the network's scales cannot fit the task."""


def measure(
    parameters: TaskParameters,
    learnt: Task,
    tested: Task | None,
    seed: int,
    communicator: Communicator = SINGLE_RANK,
    checkpoints: Checkpoints | None = None,
    network_file: Path | None = None,
) -> StudyResult:
    """Train a network; return its learning curve, test score, counts, times and memory. Collective.

    The samples of ``tested`` are shown once, after training, and influence nothing. The validation samples, held back
    from ``learnt``, draw the learning curve, and end training where ``training.stop_at_accuracy`` says so; nothing is
    learned from them. A task of which nothing is held out has no test score.

    Warns once (:class:`DivergenceWarning`) of a loss that, after the first group of samples, is at least 100 times that
    of the best constant answer.

    With ``checkpoints``, it goes on from the latest if there is one, with the same result, and a signal that ends it
    raises :class:`Terminated <eprop_core.interrupts.Terminated>` after the group of samples that is being shown. The
    trained network is saved to the ``network_file``.
    """
    stopwatch = measurement.Stopwatch()
    network = parameters.network_for(learnt.n_input, learnt.n_readout)
    training = parameters.training
    learning, validation = _split(learnt.n_samples, training.validation_share, seed)
    _check_batch_size(network, training.epochs * len(learning))

    run_briefly(network, communicator=communicator)  # loads what is compiled, which is not to be timed
    with stopwatch.measure("build"):
        continued = None if checkpoints is None else checkpoints.latest()
        simulation, done = continued or (Simulation(network, seed=seed, communicator=communicator), Progress())
    for phase, seconds in done.times_s.items():
        stopwatch.seconds[phase] = stopwatch.seconds.get(phase, 0.0) + seconds
    groups = [
        (epoch, group)
        for epoch in range(1, training.epochs + 1)
        for group in _groups(learning[_order(len(learning), seed, epoch)], training.samples_per_group)
    ]
    groups_per_validation = training.groups_per_validation or len(groups) // training.epochs
    curve, replaced = list(done.curve), Counter(done.replaced_synapses)
    n_seen, n_seen_at_rewiring, diverged = done.samples, done.samples_at_rewiring, done.diverged
    with DeferredTermination() if checkpoints is not None else nullcontext() as termination:
        left = _shown(groups[done.groups :], f"training, seed {seed}", communicator)
        for number, (epoch, group) in enumerate(left, start=done.groups + 1):
            if training.rewiring is not None and number > 1 and (number - 1) % training.rewiring.groups == 0:
                with stopwatch.measure("training"):
                    replaced.update(rewire(simulation, training.rewiring, n_seen - n_seen_at_rewiring, number))
                n_seen_at_rewiring = n_seen
            spikes_before = simulation.counts["spikes"]
            with stopwatch.measure("training"):
                recording = simulation.run(learnt.stimulus(group))
                score = learnt.score(group, recording)
            if not math.isfinite(score.loss):
                raise NotFiniteError(
                    f"epoch {epoch}: the loss is not finite; the likely cause is a learning rate too large"
                )
            n_seen += len(group)
            if number > 1 and not diverged and score.loss >= _DIVERGED * learnt.loss_of_best_constant > 0:
                diverged = True
                if communicator.rank == 0:
                    warnings.warn(_divergence(n_seen, score.loss, learnt), DivergenceWarning, stacklevel=2)
            n_spikes = sum(communicator.allgather(int(simulation.counts["spikes"] - spikes_before)))
            duration = len(group) * learnt.n_steps * network.dt * 1e-3  # s
            unseen = None
            if len(validation) and number % groups_per_validation == 0:
                with stopwatch.measure("validation"):
                    unseen, _ = evaluate(simulation, learnt, validation, training.samples_per_group, communicator)
            point = CurvePoint(
                epoch=epoch,
                samples=n_seen,
                training_time_s=stopwatch.seconds["training"],
                training_loss=score.loss,
                training_accuracy=score.accuracy,
                rate_hz=n_spikes / duration / network.n_recurrent,
                validation_loss=None if unseen is None else unseen.loss,
                validation_accuracy=None if unseen is None else unseen.accuracy,
            )
            curve.append(point)
            if _good_enough(point.validation_accuracy, training.stop_at_accuracy):
                break
            if checkpoints is not None and termination is not None and number < len(groups):
                progress = Progress(
                    groups=number,
                    samples=n_seen,
                    samples_at_rewiring=n_seen_at_rewiring,
                    diverged=diverged,
                    replaced_synapses=dict(replaced),
                    curve=curve,
                    times_s=stopwatch.seconds,
                )
                with stopwatch.measure("checkpoints"):
                    checkpoints.write_if_due(simulation, progress, termination)
    if network_file is not None:
        network_file.parent.mkdir(parents=True, exist_ok=True)
        simulation.save(
            network_file, {"learning_window": learnt.learning_window, "task": parameters.model_dump(mode="json")}
        )
    shown, samples = (learnt, learning) if tested is None else (tested, np.arange(tested.n_samples))
    with stopwatch.measure("test"):
        test, n_operations = evaluate(simulation, shown, samples, training.samples_per_group, communicator)

    return StudyResult(
        seed=seed,
        parameters=parameters,
        provenance=provenance(communicator),
        chance=learnt.chance,
        loss=learnt.loss,
        loss_of_best_constant=learnt.loss_of_best_constant,
        curve=curve,
        test=None
        if tested is None
        else FinalScore(samples=test.n_samples, correct=test.n_correct, accuracy=test.accuracy, loss=test.loss),
        samples=SampleNumbers(
            training=len(learning),
            validation=len(validation),
            test=0 if tested is None else tested.n_samples,
            shown=n_seen,
        ),
        last_answer=_last_answer(learnt, group, recording) if tested is None else None,
        rate_hz=curve[-1].rate_hz,
        counts=Counts(**measurement.total(communicator, simulation.counts)),
        replaced_synapses=dict(replaced),
        operations_per_sample=Operations(
            effective_accumulates=n_operations / test.n_samples,
            dense=operations.dense_operations(network, shown.n_steps),
        ),
        times_s=stopwatch.seconds,
        training_time_per_sample_s=stopwatch.seconds["training"] / n_seen,
        per_rank=communicator.allgather(
            RankRecord(times_s=Phases(**simulation.times), peak_memory_bytes=measurement.peak_memory())
        ),
    )


def _good_enough(accuracy: float | None, goal: float | None) -> bool:
    return accuracy is not None and goal is not None and accuracy >= goal


def _divergence(n_seen: int, loss: float, task: Task) -> str:
    reference = task.loss_of_best_constant
    return (
        f"after {n_seen} training samples the loss is {loss:.3g}, {loss / reference:.3g} times that of the best "
        f"constant answer, {reference:.3g}; likely causes: a learning rate too large, or weights of the wrong scale "
        "(numbers from NEST's Bellec models need factors 1 - kappa and 1 - alpha: config/README.md, Settings from NEST)"
    )


def _last_answer(task: Task, samples: Samples, recording: Recording) -> Answer:
    """Return the target of the last of ``samples``, and the readout."""
    target = task.targets(samples[-1:])[0, -task.learning_window :]
    return Answer(target=target.tolist(), readout=task.readout(samples, recording)[-1].tolist())


def evaluate(
    simulation: Simulation,
    task: Task,
    samples: Samples,
    group_size: int,
    communicator: Communicator,
    description: str | None = None,
) -> tuple[Score, int]:
    """Return score and effective accumulates of the network as it is now, which stays as it is; collective.

    Progress is shown with a ``description``.
    """
    frozen = simulation.frozen()
    counter = operations.OperationCounter(frozen, communicator)
    scores, counts = [], []
    groups = _groups(samples, group_size)
    for group in groups if description is None else _shown(groups, description, communicator):
        stimulus = task.stimulus(group)
        recording = frozen.run(stimulus)
        scores.append(task.score(group, recording))
        counts.append(counter.count(stimulus, recording))
    return functools.reduce(operator.add, scores), sum(counts)


def _split(n_samples: int, validation_share: float, seed: int) -> tuple[Samples, Samples]:
    n_validation = round(validation_share * n_samples)
    if n_samples <= n_validation:
        raise ParameterError(f"training.validation_share = {validation_share}: leaves none of {n_samples} samples")
    order = _order(n_samples, seed, _VALIDATION_SPLIT)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def _check_batch_size(network: Network, n_shown: int) -> None:
    """An incomplete batch at the end of training counts when the network is tested; but one must be completed."""
    plasticity = network.plasticity
    if plasticity.update == "sample" and plasticity.batch_size > n_shown:
        raise ParameterError(
            f"network.plasticity.batch_size = {plasticity.batch_size}: must not exceed the {n_shown} samples that "
            "training shows in all epochs, or nothing would be learned"
        )


def _order(n: int, seed: int, identifier: int) -> Samples:
    return permutation(n, seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=identifier)


def _groups(samples: Samples, size: int) -> list[Samples]:
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def _shown(groups: list[Any], description: str, communicator: Communicator) -> Any:
    return progress(groups, description) if communicator.rank == 0 else groups


def read_task(task_file: Path, directory: Path | None, seed: int) -> tuple[TaskParameters, Task, Task | None]:
    """Return the parameters of a task, what is learned and what is tested."""
    parameters = parse(TaskParameters, command_line.read_json(task_file), f"{task_file}: ")
    if isinstance(parameters.dataset, Generated):
        network, window = parameters.network_for(*parameters.dataset.sizes), parameters.training.learning_window
        samples = generate(
            parameters.dataset, dt=network.dt, seed=seed, learning_window=window, loss=network.readout.loss
        )
        return parameters, *samples
    if directory is None:
        raise ParameterError(f"{task_file}: dataset.name = {parameters.dataset.name!r} needs --data")
    training_set, test_set = (EventDataset.load(directory / f"{split}.npz") for split in ("train", "test"))
    return parameters, *divided(parameters, training_set, test_set, seed)


def divided(
    parameters: TaskParameters, training_set: EventDataset, test_set: EventDataset, seed: int
) -> tuple[DatasetClassification, DatasetClassification]:
    """Return what is learned and what is tested of a data set.

    For cross-validation the two sets are joined and divided into folds; the seed chooses the fold that is tested.
    """
    training = parameters.training
    if training.folds is not None:
        training_set, test_set = fold(training_set.joined(test_set), training.folds, seed % training.folds)
    loss = parameters.network_for(training_set.n_channels, training_set.n_classes).readout.loss
    learnt, tested = (
        DatasetClassification(split, training.learning_window, loss) for split in (training_set, test_set)
    )
    return learnt, tested


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.studies", __doc__)
    parser.add_argument("task", type=Path, help="JSON file with dataset, network and training (config/README.md)")
    parser.add_argument(
        "--data", type=Path, help="directory made by eprop_core.datasets.prepare, where the task has a data set"
    )
    command_line.add_run_options(parser)
    options = parser.parse_args()

    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe)
    parameters, learnt, tested = raising_on_all_ranks(
        communicator, lambda: read_task(options.task, options.data, options.seed)
    )
    checkpoints, minutes = None, parameters.training.checkpoint_minutes
    if minutes is not None:
        training = {"task": parameters.model_dump(mode="json"), "seed": options.seed}
        checkpoints = Checkpoints(options.output.with_suffix(".checkpoints"), minutes, training, communicator)
    network_file = options.output.with_suffix(".h5") if parameters.training.keep_network else None
    result = measure(parameters, learnt, tested, options.seed, communicator, checkpoints, network_file)
    if communicator.rank == 0:
        result.write(options.output)
    if checkpoints is not None:
        checkpoints.remove()
