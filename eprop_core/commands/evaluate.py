"""Score a network on a prepared data set: nothing is learned.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core evaluate ... --ranks 2
"""

import argparse
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line
from eprop_core.experiments.studies.result import FinalScore
from eprop_core.files.arguments import Parser, output_file
from eprop_core.measurement.results import Result
from eprop_core.parsing import ParameterError
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import Communicator
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import task_of
from eprop_core.training.evaluation import evaluate


class EvaluationResult(Result):
    """Score of a network on a data set."""

    experiment: Literal["evaluate"] = "evaluate"
    network: str = Field(description="file of the network")
    data: str = Field(description="file of the data set")
    learning_window: int = Field(description="steps at the end of each sample that are scored")
    score: FinalScore
    effective_accumulates_per_sample: float


def score(
    network: Path, data: Path, learning_window: int | None, group_size: int, communicator: Communicator
) -> EvaluationResult:
    """Return the score of a network on the samples of a data set. Collective.

    Parameters
    ----------
    network
        File of the network.
    data
        File of the samples.
    learning_window
        Steps at the end of each sample that are scored; None takes those of the training, or all.
    group_size
        Samples that are shown in one run.
    communicator
        Communicator of the ranks.

    Raises
    ------
    NetworkFileError, DatasetError
        A file that cannot be used.
    ParameterError
        The data do not fit the network.
    """
    dataset = raising_on_all_ranks(communicator, lambda: EventDataset.load(data))
    simulation = Simulation.load(network, communicator=communicator)
    parameters = simulation.network
    sizes = {
        "n_input": (parameters.n_input, dataset.n_channels),
        "n_readout": (parameters.n_readout, dataset.n_readout),
    }
    for name, (own, given) in sizes.items():
        if own != given:
            what = "channels" if name == "n_input" else "targets" if dataset.n_outputs else "classes"
            raise ParameterError(f"{data}: has {given} {what}; the network has {name} = {own}")
    windows = (learning_window, simulation.notes.get("learning_window"), dataset.n_steps)
    window = next(steps for steps in windows if steps is not None)
    if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= dataset.n_steps:
        raise ParameterError(f"learning window = {window}: must be 1 to {dataset.n_steps}, the steps of a sample")
    task = task_of(dataset, window, parameters.readout.loss)
    samples = np.arange(task.n_samples)
    total, n_operations = evaluate(simulation, task, samples, group_size, description="evaluation")
    return EvaluationResult(
        provenance=provenance(communicator),
        network=str(network),
        data=str(data),
        learning_window=window,
        score=FinalScore(samples=total.n_samples, correct=total.n_correct, accuracy=total.accuracy, loss=total.loss),
        effective_accumulates_per_sample=n_operations / total.n_samples,
    )


def main() -> None:
    """Run the command line."""
    parser = Parser(
        prog="python -m eprop_core evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("network", metavar="NETWORK", type=Path, help="file that Simulation.save wrote")
    parser.add_argument(
        "--data", type=Path, required=True, help="directory made by eprop_core.datasets.prepare, or a file in it"
    )
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="samples of the directory"
    )
    parser.add_argument(
        "--learning-window", type=int, help="steps at the end of a sample that are scored (default: as in training)"
    )
    parser.add_argument("--samples-per-group", type=int, default=100, help="samples that are shown in one run")
    parser.add_argument("--output", type=output_file, help="result file to write (JSON)")
    parser.add_argument("--ranks", type=int, default=1, help="MPI ranks it was started with (default: 1, no MPI)")
    command_line.add_oversubscribe(parser)
    options = parser.parse_args()
    if options.samples_per_group < 1:
        raise ParameterError(f"--samples-per-group {options.samples_per_group}: at least one is needed")

    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe)
    data = options.data / f"{options.split}.npz" if options.data.is_dir() else options.data
    result = score(options.network, data, options.learning_window, options.samples_per_group, communicator)
    if communicator.rank == 0:
        accuracy = "" if result.score.accuracy is None else f"accuracy {result.score.accuracy:.4f}, "
        print(f"{result.score.samples} samples: {accuracy}loss {result.score.loss:.6g}")
        if options.output is not None:
            result.write(options.output)


if __name__ == "__main__":
    command_line.run(main)
