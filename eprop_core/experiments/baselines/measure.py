"""Compare this simulator with its time-driven model and with others on one network; write one result file.

Every simulator runs in a process of its own, on one core, from the same file of connections, weights and input spikes.
The simulators take turns, repeat after repeat, so that what disturbs the machine meets them all.
"""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import RootModel, TypeAdapter, ValidationError

from eprop_core.datasets.events import EventDataset
from eprop_core.errors import one_line, printable
from eprop_core.experiments import command_line, points
from eprop_core.experiments.baselines import accuracy
from eprop_core.experiments.baselines.agreement import (
    Arrays,
    agreement,
    check_outputs,
    initial_weights,
    read_outputs,
)
from eprop_core.experiments.baselines.counts import check_counts
from eprop_core.experiments.baselines.parameters import (
    BaselineParameters,
    PoissonBaseline,
    SampleBaseline,
    check_comparable,
)
from eprop_core.experiments.baselines.problem import Problem, changing_problem, poisson_problem, sample_problem
from eprop_core.experiments.baselines.result import (
    OWN,
    OWN_RULE,
    Agreement,
    BaselineResult,
    Compared,
    Learned,
    Measurement,
    NotMeasured,
    Process,
    Variant,
)
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.files.text import read_json
from eprop_core.interoperability import nest_programs
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
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
STEPS_OF_OUTPUTS = 300
"""Steps, or some more, of which simulators write what they compute."""
SYNAPSES_OF_OUTPUTS = 2_000_000
"""Synapses of the largest network of which they do."""


class Simulator(NamedTuple):
    """A simulator with one kind of synapses, and the command that measures it."""

    name: str
    """Its label."""
    variant: Variant
    command: list[str]
    """Called with the problem's file, the variant, the file for the result and, if wanted, one for outputs."""


_WRITTEN: TypeAdapter[Measurement | NotMeasured] = TypeAdapter(Measurement | NotMeasured)


class _AnyBaseline(RootModel[BaselineParameters]):
    """Parameters of either kind, for :func:`parse`."""


def simulators(others: Sequence[InstalledSimulator], time_driven_steps: int) -> list[Simulator]:
    """Return all simulators, variant after variant, this one first."""
    program = "eprop_core.experiments.baselines.simulator"
    own = [sys.executable, "-m", program, "--time-driven-steps", str(time_driven_steps)]
    variants: tuple[Variant, ...] = ("plastic", "static", "training", "memory")
    taking_part = [
        simulator
        for variant in variants
        for simulator in (
            Simulator(OWN, variant, own),
            *(Simulator(other.label, variant, other.command) for other in others if variant in other.variants),
        )
    ]
    return [*taking_part, Simulator(OWN, "time_driven", own)]


def measure(
    parameters: BaselineParameters,
    problems: Mapping[str, Problem],
    others: Sequence[InstalledSimulator],
    learned: Mapping[str, Learned],
) -> BaselineResult:
    """Return the measurements of this simulator and of others; ``learned`` are the results of their trainings."""
    taking_part = simulators(others, parameters.time_driven_steps)
    agreements = compare_outputs(problems, taking_part)  # first: a wrong output ends the comparison, which takes long
    processes, left_out = compare(problems, taking_part, parameters.repeats)
    origin = provenance()
    own_version = origin.packages.get("eprop-core", "")
    compared = {OWN: Compared(version=own_version, computes=OWN_RULE, agreement=None)}
    for other in others:
        compared[other.label] = Compared(
            version=other.version, computes=other.computes, agreement=agreements.get(other.label)
        )
    return BaselineResult(
        parameters=parameters,
        provenance=origin,
        network=problems["events"].network,
        simulators=compared,
        processes=processes,
        left_out=left_out,
        learned=dict(learned),
    )


def compare_accuracy(
    baseline: SampleBaseline, task: TaskParameters, data: Path, others: Sequence[InstalledSimulator]
) -> dict[str, Learned]:
    """Train each simulator on the same samples; return results by label. ``data`` is the folder of the data set."""
    trained = [one for one in simulators(others, baseline.time_driven_steps) if one.variant == "training"]
    return accuracy.compare(
        {simulator.name: functools.partial(run_once, simulator) for simulator in trained},
        baseline,
        task,
        EventDataset.load(data / "train.npz"),
        EventDataset.load(data / "test.npz"),
    )


def compare(
    problems: Mapping[str, Problem], taking_part: Sequence[Simulator], repeats: int
) -> tuple[list[Process], dict[str, str]]:
    """Let the simulators take turns.

    ``problems`` are "events"; "training", where a training run is compared; and "memory", where memory over time is, in
    the first repeat alone.

    Returns the measurements of all processes, and the reasons for what was left out.
    """
    left_out: dict[str, str] = {}
    dense = _dense_bytes(problems["events"].network)
    if dense > LARGEST_DENSE:
        left_out[f"{OWN}, time_driven"] = f"dense matrices would need {dense / 1e9:.0f} GB"
    turns = [
        (repeat, simulator)
        for repeat in range(1, repeats + 1)
        for simulator in taking_part
        if simulator.variant not in ("training", "memory") or simulator.variant in problems
        if simulator.variant != "memory" or repeat == 1
    ]
    processes = []
    with tempfile.TemporaryDirectory(prefix="baselines.") as directory:
        for name, problem in problems.items():
            problem.save(Path(directory) / f"{name}.npz")
        for repeat, simulator in progress(turns, "simulators", len(turns)):
            variant = f"{simulator.name}, {simulator.variant}"
            if variant in left_out:
                continue
            other_work = measurement.OtherWork()
            problem_name = simulator.variant if simulator.variant in problems else "events"
            measured = run_once(simulator, Path(directory) / f"{problem_name}.npz")
            if isinstance(measured, NotMeasured):
                left_out[variant] = measured.not_measured
                continue
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


def compare_outputs(problems: Mapping[str, Problem], taking_part: Sequence[Simulator]) -> dict[str, Agreement]:
    """Return how spikes, readouts and weights of the other simulators agree with those of this one, by label.

    What is compared is the beginning of the training run or, without one, of the network's input; nothing of a network
    with more than :data:`SYNAPSES_OF_OUTPUTS`.
    """
    problem = problems.get("training", problems["events"])
    plastic = [simulator for simulator in taking_part if simulator.variant == "plastic"]
    agreements = {}
    with tempfile.TemporaryDirectory(prefix="baselines.") as directory:
        file = Path(directory) / "problem.npz"
        shown = problem.beginning(STEPS_OF_OUTPUTS)
        shown.save(file)
        before = initial_weights(file)
        if sum(map(len, before.values())) > SYNAPSES_OF_OUTPUTS:
            return {}
        outputs: dict[str, Arrays] = {}
        for simulator in progress(plastic, "outputs", len(plastic)):
            written = Path(directory) / f"{len(outputs)}.npz"
            if isinstance(run_once(simulator, file, written), Measurement):
                outputs[simulator.name] = read_outputs(written, simulator.name)
    own = outputs.pop(OWN)
    for label, other in outputs.items():
        check_outputs(other, label, shown.stimulus.n_steps, shown.network.n_recurrent)
        agreements[label] = agreement(own, other, before, label)
    return agreements


def _dense_bytes(network: Network) -> int:
    return DENSE_BYTES_PER_PAIR * network.n_recurrent * (network.n_input + network.n_recurrent)


def run_once(simulator: Simulator, problem: Path, outputs: Path | None = None) -> Measurement | NotMeasured:
    """Run the process of a simulator, and return its measurements.

    Raises
    ------
    SimulatorError
        It failed, wrote something else, or measured another problem.
    """
    measured = run_ranks(simulator, problem, 1, outputs)[0]
    if isinstance(measured, Measurement) and simulator.name != OWN:
        check_counts(measured, problem, simulator.variant, f"{simulator.name}, {simulator.variant}")
    return measured


def run_ranks(
    simulator: Simulator, problem: Path, n_ranks: int, outputs: Path | None = None
) -> list[Measurement | NotMeasured]:
    """Run the MPI ranks of a simulator, which its command starts, and return the measurements of each.

    Raises
    ------
    SimulatorError
        One of them failed, or wrote something else.
    """
    result = problem.with_name("result.json")
    of_ranks = [result, *(result.with_name(f"{result.name}.{rank}") for rank in range(1, n_ranks))]
    environment = dict(os.environ) if simulator.name == OWN else nest_programs.environment()
    files = [problem, simulator.variant, result, *([outputs] if outputs else [])]
    run = child.run([*simulator.command, *map(str, files)], env=environment, stdout=subprocess.DEVNULL)
    where = f"{simulator.name}, {simulator.variant}"
    if run.returncode != 0:
        raise SimulatorError(f"{where}: ended with exit code {run.returncode}")
    try:
        return [_WRITTEN.validate_json(file.read_bytes()) for file in of_ranks]
    except FileNotFoundError:
        raise SimulatorError(f"{where}: ended without writing its result") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise SimulatorError(f"{where}: its result: {key}: {one_line(first['msg'])}") from None
    finally:
        for file in of_ranks:
            file.unlink(missing_ok=True)


def read(file: Path, data: Path | None) -> tuple[BaselineParameters, dict[str, Problem], TaskParameters | None]:
    """Return the parameters of a comparison, its problems and the task whose samples are shown, if any are.

    Raises
    ------
    ParameterError
        A parameter is wrong, or the data are missing, or given and not needed.
    """
    values = read_json(file)
    baseline = parse(_AnyBaseline, values["baseline"], f"{file}: ").root
    if isinstance(baseline, PoissonBaseline):
        if data is not None:
            raise ParameterError(f"--data {printable(data)}: must be left out where the input is a Poisson process")
        n_steps = baseline.memory_steps
        over_time = {} if n_steps is None else {"memory": changing_problem(baseline, n_steps)}
        return baseline, {"events": poisson_problem(baseline), **over_time}, None
    if data is None:
        raise ParameterError("--data: needed where samples are shown")
    samples = EventDataset.load(data / "train.npz")
    timed = parse(TaskParameters, points.apply(values["task"], baseline.changes), f"{file}: task: ")
    trained = parse(TaskParameters, values["task"], f"{file}: task: ")
    problems = {
        "events": sample_problem(timed, samples, baseline.seed, baseline.samples_warm_up, baseline.samples),
        "training": sample_problem(trained, samples, baseline.seed, 0, baseline.training_samples),
    }
    for problem in problems.values():
        try:
            check_comparable(problem.network)
        except ValueError as error:
            raise ParameterError(f"baselines: {error}") from None
    return baseline, problems, trained


def read_simulators(files: Sequence[Path]) -> list[InstalledSimulator]:
    """Return the other simulators; results tell them apart by their labels.

    Raises
    ------
    ParameterError
        A file is wrong, or two simulators have one label.
    """
    labels, found = {OWN: "this simulator"}, []
    for file in files:
        other = parse(InstalledSimulator, read_json(file), f"{file}: ")
        if other.label in labels:
            raise ParameterError(f"{file}: label = {other.label!r}: is the label of {labels[other.label]}, too")
        labels[other.label] = str(file)
        found.append(other)
    return found


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.baselines", __doc__)
    parser.add_argument(
        "parameters", type=Path, help="JSON file with baseline (an entry of baselines) and its task or null"
    )
    parser.add_argument("--data", type=Path, help="directory made by eprop_core.datasets.prepare")
    parser.add_argument(
        "--simulators",
        type=Path,
        nargs="*",
        default=[],
        help="files that eprop_core.interoperability.simulators wrote, one for each other simulator",
    )
    options = parser.parse_args()
    launch.join(1, timed=True)
    parameters, problems, task = read(options.parameters, options.data)
    others = read_simulators(options.simulators)
    learned = {}
    if task is not None and isinstance(parameters, SampleBaseline) and parameters.accuracy is not None:
        learned = compare_accuracy(parameters, task, options.data, others)
    measure(parameters, problems, others, learned).write(options.output)
