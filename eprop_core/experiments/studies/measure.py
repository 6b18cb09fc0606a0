"""Train a network on a task and test it on samples it has never seen; write one result file.

Beside the result, the trained network is kept (.h5), and networks in the course of training where the task says so
(.snapshots). A run that is ended by SIGTERM, SIGUSR1 or worse leaves checkpoints there (.checkpoints), from which the
same command goes on, on any number of ranks.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.studies ... --ranks 2
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.folds import fold
from eprop_core.datasets.prepared import load_together
from eprop_core.errors import printable
from eprop_core.experiments import command_line
from eprop_core.experiments.compile import run_briefly
from eprop_core.experiments.studies.parameters import TaskParameters, check_snapshots
from eprop_core.experiments.studies.result import (
    Answer,
    FinalScore,
    Operations,
    RankRecord,
    SampleNumbers,
    StudyResult,
)
from eprop_core.files.text import read_json
from eprop_core.measurement import operations
from eprop_core.measurement import process as measurement
from eprop_core.measurement.results import Counts, Phases, counts_by_role
from eprop_core.parsing import ParameterError, parse
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetTask, task_of
from eprop_core.tasks.generate import generate
from eprop_core.tasks.parameters import Generated
from eprop_core.tasks.task import Samples, Task
from eprop_core.training.continuation import Checkpoints, Progress
from eprop_core.training.evaluation import evaluate
from eprop_core.training.loop import train
from eprop_core.training.plan import Plan
from eprop_core.training.snapshots import Snapshots


class Kept(NamedTuple):
    """Where networks are kept."""

    network: Path | None = None
    """File of the trained network."""
    snapshots: Path | None = None
    """Directory of those in the course of training."""
    checkpoints: Checkpoints | None = None


NOTHING = Kept()


def measure(
    parameters: TaskParameters,
    learnt: Task,
    tested: Task | None,
    seed: int,
    communicator: Communicator = SINGLE_RANK,
    kept: Kept = NOTHING,
) -> StudyResult:
    """Train a network; return its learning curve, test score, counts, times and memory. Collective.

    The samples of ``tested`` are shown once, after training, and influence nothing. A task of which nothing is held out
    has no test score.

    With checkpoints, it goes on from the latest if there is one, with the same result, and a signal that ends it raises
    :class:`Terminated <eprop_core.interrupts.Terminated>` after the group of samples that is being shown.
    """
    stopwatch = measurement.Stopwatch()
    network = parameters.network_for(learnt.n_input, learnt.n_readout)
    training = parameters.training
    plan = Plan.of(network, learnt, training, seed)
    check_snapshots(training.snapshots, plan.n_shown)
    run_briefly(network, communicator=communicator)  # loads what is compiled, which is not to be timed
    checkpoints = kept.checkpoints
    with stopwatch.measure("build"):
        continued = None if checkpoints is None else checkpoints.latest()
        if continued is None:
            simulation = Simulation(network, seed=seed, communicator=communicator)
            continued = simulation, Progress.of(simulation)
    simulation, progress = continued
    for phase, seconds in progress.times_s.items():
        stopwatch.seconds[phase] = stopwatch.seconds.get(phase, 0.0) + seconds
    progress.times_s = stopwatch.seconds
    notes = {"learning_window": learnt.learning_window, "task": parameters.model_dump(mode="json")}
    snapshots = None
    if kept.snapshots is not None and training.snapshots:
        snapshots = Snapshots(kept.snapshots, training.snapshots, progress.samples, notes)
        snapshots.take(simulation, progress.samples)
    trained = train(
        simulation,
        learnt,
        training,
        callback=snapshots,
        description=f"training, seed {seed}",
        checkpoints=checkpoints,
        progress=progress,
    )
    if kept.network is not None:
        kept.network.parent.mkdir(parents=True, exist_ok=True)
        trained.kept.save(kept.network, notes)
    shown, samples = (learnt, plan.learned) if tested is None else (tested, np.arange(tested.n_samples))
    with stopwatch.measure("test"):
        test, n_operations = evaluate(trained.kept, shown, samples, training.samples_per_group)

    return StudyResult(
        seed=seed,
        parameters=parameters,
        provenance=provenance(communicator),
        chance=learnt.chance,
        loss=learnt.loss,
        loss_of_best_constant=learnt.loss_of_best_constant,
        curve=progress.curve,
        test=None
        if tested is None
        else FinalScore(samples=test.n_samples, correct=test.n_correct, accuracy=test.accuracy, loss=test.loss),
        samples=SampleNumbers(
            training=len(plan.learned),
            validation=len(plan.validation),
            test=0 if tested is None else tested.n_samples,
            shown=progress.samples,
            learned=trained.n_learned,
        ),
        last_answer=_last_answer(learnt, trained.last_group, trained.last_recording) if learnt.chance is None else None,
        rate_hz=progress.curve[-1].rate_hz,
        counts=Counts(**measurement.total(communicator, counts_by_role(network, simulation.counts))),
        replaced_synapses=progress.replaced_synapses,
        operations_per_sample=Operations(
            effective_accumulates=n_operations / test.n_samples,
            dense=operations.dense_operations(network, shown.n_steps),
        ),
        times_s=stopwatch.seconds,
        training_time_per_sample_s=stopwatch.seconds["training"] / progress.samples,
        per_rank=communicator.allgather(
            RankRecord(times_s=Phases(**simulation.times), peak_memory_bytes=measurement.peak_memory())
        ),
    )


def _last_answer(task: Task, samples: Samples, recording: Recording) -> Answer:
    """Return the target of the last of ``samples``, and the readout."""
    target = task.targets(samples[-1:])[0, -task.learning_window :]
    return Answer(target=target.tolist(), readout=task.readout(samples, recording)[-1].tolist())


def read_task(task_file: Path, directory: Path | None, seed: int) -> tuple[TaskParameters, Task, Task | None]:
    """Return the parameters of a task, what is learned and what is tested."""
    parameters = parse(TaskParameters, read_json(task_file), f"{task_file}: ")
    if isinstance(parameters.dataset, Generated):
        if directory is not None:
            place, name = printable(directory), parameters.dataset.name
            raise ParameterError(f"--data {place}: must be left out for {name}, whose samples are generated")
        network, window = parameters.network_for(*parameters.dataset.sizes), parameters.training.learning_window
        samples = generate(
            parameters.dataset, dt=network.dt, seed=seed, learning_window=window, loss=network.readout.loss
        )
        return parameters, *samples
    if directory is None:
        raise ParameterError(f"{printable(task_file)}: dataset.name = {parameters.dataset.name!r} needs --data")
    names = ("train", "test", *(["validation"] if parameters.dataset.has_validation else []))
    sets = load_together(directory / f"{name}.npz" for name in names)
    return parameters, *divided(parameters, sets["train"], sets["test"], seed, sets.get("validation"))


def divided(
    parameters: TaskParameters,
    training_set: EventDataset,
    test_set: EventDataset,
    seed: int,
    validation_set: EventDataset | None = None,
) -> tuple[DatasetTask, DatasetTask]:
    """Return what is learned and what is tested of a data set.

    For cross-validation the two sets are joined and divided into folds; the seed chooses the fold that is tested.
    """
    training = parameters.training
    if training.folds is not None:
        training_set, test_set = fold(training_set.joined(test_set), training.folds, seed % training.folds)
    loss = parameters.network_for(training_set.n_channels, training_set.n_readout).readout.loss
    return (
        task_of(training_set, training.learning_window, loss, validation_set),
        task_of(test_set, training.learning_window, loss),
    )


def add_task(options: argparse.ArgumentParser) -> None:
    """Add the arguments that :func:`read_task` needs, besides a seed."""
    options.add_argument(
        "task", type=Path, help="JSON file with dataset, network and training (docs/reference/configuration)"
    )
    options.add_argument(
        "--data", type=Path, help="directory made by eprop_core.datasets.prepare, where the task has a data set"
    )


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.studies", __doc__)
    add_task(parser)
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
    kept = Kept(network_file, options.output.with_suffix(".snapshots"), checkpoints)
    result = measure(parameters, learnt, tested, options.seed, communicator, kept)
    if communicator.rank == 0:
        result.write(options.output)
    if checkpoints is not None:
        checkpoints.remove()
