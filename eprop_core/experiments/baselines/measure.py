"""Compare this simulator with its time-driven model and with NEST on one network; write one result file.

Every simulator runs in a process of its own, on one core, from the same file of connections, weights and input spikes.
The simulators take turns, repeat after repeat, so that what disturbs the machine meets them all.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import RootModel

from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line, points
from eprop_core.experiments.baselines.parameters import BaselineParameters, PoissonBaseline
from eprop_core.experiments.baselines.problem import Problem, poisson_problem, sample_problem
from eprop_core.experiments.baselines.result import BaselineResult, Measurement, Process, Variant
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.files.text import read_json
from eprop_core.interoperability import nest_programs
from eprop_core.machine import child
from eprop_core.measurement import process as measurement
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks import launch

DENSE_BYTES_PER_PAIR = 64
"""Memory of the time-driven model per pair of a source and a recurrent neuron, with what it needs to compute."""
LARGEST_DENSE = 2e9
"""Bytes that the time-driven model may take."""


class Simulator(NamedTuple):
    """A simulator with one kind of synapses, and the command that measures it."""

    name: Literal["eprop_core", "NEST"]
    variant: Variant
    command: list[str]
    """Called with the problem's file, the variant, and the file to write."""


class SimulatorError(RuntimeError):
    """A simulator that failed; the message is one line, its own messages have gone to stderr."""


class _AnyBaseline(RootModel[BaselineParameters]):
    """Parameters of either kind, for :func:`parse`."""


def simulators(nest: str, time_driven_steps: int) -> list[Simulator]:
    """Return all simulators; ``nest`` is an interpreter that has NEST."""
    own = [
        sys.executable,
        "-m",
        "eprop_core.experiments.baselines.simulator",
        "--time-driven-steps",
        str(time_driven_steps),
    ]
    other = nest_programs.command(nest, "measure")
    return [
        Simulator("eprop_core", "event_driven", own),
        Simulator("NEST", "event_driven", other),
        Simulator("eprop_core", "static", own),
        Simulator("NEST", "static", other),
        Simulator("eprop_core", "training", own),
        Simulator("NEST", "training", other),
        Simulator("eprop_core", "time_driven", own),
    ]


def measure(
    parameters: BaselineParameters, problems: Mapping[str, Problem], nest_python: str, nest_version: str
) -> BaselineResult:
    """Return the measurements of all simulators; ``nest_python`` is an interpreter that has NEST."""
    processes, left_out = compare(problems, simulators(nest_python, parameters.time_driven_steps), parameters.repeats)
    return BaselineResult(
        parameters=parameters,
        provenance=provenance(nest=nest_version),
        network=problems["events"].network,
        processes=processes,
        left_out=left_out,
    )


def compare(
    problems: Mapping[str, Problem], taking_part: list[Simulator], repeats: int
) -> tuple[list[Process], dict[str, str]]:
    """Let the simulators take turns; ``problems`` are "events" and, where a training run is compared, "training".

    Returns the measurements of all processes, and the reasons for variants that were left out.
    """
    left_out = {}
    dense = _dense_bytes(problems["events"].network)
    if dense > LARGEST_DENSE:
        left_out["time_driven"] = f"dense matrices would need {dense / 1e9:.0f} GB"
    absent = {*left_out, *({"training"} - set(problems))}
    turns = [
        (repeat, simulator)
        for repeat in range(1, repeats + 1)
        for simulator in taking_part
        if simulator.variant not in absent
    ]
    processes = []
    with tempfile.TemporaryDirectory(prefix="baselines.") as directory:
        for name, problem in problems.items():
            problem.save(Path(directory) / f"{name}.npz")
        for repeat, simulator in progress(turns, "simulators", len(turns)):
            other_work = measurement.OtherWork()
            measured = _run(simulator, Path(directory))
            processes.append(
                Process(
                    simulator=simulator.name,
                    variant=simulator.variant,
                    repeat=repeat,
                    other_work_processors=other_work.processors(),
                    **dict(measured),
                )
            )
    return processes, left_out


def _dense_bytes(network: Network) -> int:
    return DENSE_BYTES_PER_PAIR * network.n_recurrent * (network.n_input + network.n_recurrent)


def _run(simulator: Simulator, directory: Path) -> Measurement:
    """Run the process of a simulator, and return its measurements."""
    problem, result = directory / "events.npz", directory / "result.json"
    if simulator.variant == "training":
        problem = directory / "training.npz"
    environment = nest_programs.environment() if simulator.name == "NEST" else dict(os.environ)
    command = [*simulator.command, str(problem), simulator.variant, str(result)]
    run = child.run(command, env=environment, stdout=subprocess.DEVNULL)
    if run.returncode != 0:
        raise SimulatorError(f"{simulator.name}, {simulator.variant}: ended with exit code {run.returncode}")
    return Measurement.model_validate_json(result.read_bytes())


def read(file: Path, data: Path | None) -> tuple[BaselineParameters, dict[str, Problem]]:
    """Return the parameters of a comparison and its problems.

    Raises:
        ParameterError: a parameter is wrong, or the data are missing.
    """
    values = read_json(file)
    baseline = parse(_AnyBaseline, values["baseline"], f"{file}: ").root
    if isinstance(baseline, PoissonBaseline):
        return baseline, {"events": poisson_problem(baseline)}
    if data is None:
        raise ParameterError("--data: needed where samples are shown")
    samples = EventDataset.load(data / "train.npz")
    timed = parse(TaskParameters, points.apply(values["task"], baseline.changes), f"{file}: task: ")
    trained = parse(TaskParameters, values["task"], f"{file}: task: ")
    return baseline, {
        "events": sample_problem(timed, samples, baseline.seed, baseline.samples_warm_up, baseline.samples),
        "training": sample_problem(trained, samples, baseline.seed, 0, baseline.training_samples),
    }


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.baselines", __doc__)
    parser.add_argument(
        "parameters", type=Path, help="JSON file with baseline (an entry of baselines) and its task or null"
    )
    parser.add_argument("--data", type=Path, help="directory made by eprop_core.datasets.prepare")
    parser.add_argument("--nest", type=Path, required=True, help="JSON file that names the interpreter that has NEST")
    options = parser.parse_args()
    launch.join(1, timed=True)
    parameters, problems = read(options.parameters, options.data)
    nest = read_json(options.nest)
    measure(parameters, problems, nest["python"], nest["nest"]).write(options.output)
