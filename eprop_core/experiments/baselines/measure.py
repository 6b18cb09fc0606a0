"""Compare this simulator with its time-driven model and with NEST on one network; write one result file.

Every contestant runs in a process of its own, on one core, from the same file of connections, weights and input spikes.
The contestants take turns, repeat after repeat, so that what disturbs the machine meets them all.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import RootModel

from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line, points
from eprop_core.experiments.baselines.parameters import Contest, PoissonContest
from eprop_core.experiments.baselines.problem import Problem, poisson_problem, sample_problem
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.interoperability import nest_programs
from eprop_core.measurement import process as measurement
from eprop_core.measurement import results
from eprop_core.measurement.provenance import provenance
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.ranks import launch

DENSE_BYTES_PER_PAIR = 64
"""Memory of the time-driven model per pair of a source and a recurrent neuron, with what it needs to compute."""
LARGEST_DENSE = 2e9
"""Bytes that the time-driven model may take."""


class Contestant(NamedTuple):
    """A simulator with one kind of synapses, and the command that measures it."""

    simulator: str
    variant: str
    command: list[str]
    """Called with the problem's file, the variant, and the file to write."""


class ContestantError(RuntimeError):
    """A contestant that failed; the message is one line, what it said has gone to stderr."""


class _AnyContest(RootModel[Contest]):
    """A contest of either kind, for :func:`parse`."""


def contestants(nest: str, time_driven_steps: int) -> list[Contestant]:
    """Return all contestants; ``nest`` is an interpreter that has NEST."""
    own = [
        sys.executable,
        "-m",
        "eprop_core.experiments.baselines.simulator",
        "--time-driven-steps",
        str(time_driven_steps),
    ]
    other = nest_programs.command(nest, "measure")
    return [
        Contestant(simulator, variant, command)
        for variant in ("event_driven", "static", "training", "time_driven")
        for simulator, command in (("eprop_core", own), ("NEST", other))
        if (simulator, variant) != ("NEST", "time_driven")
    ]


def hold(problems: Mapping[str, Problem], taking_part: list[Contestant], repeats: int) -> dict[str, Any]:
    """Let the contestants take turns; ``problems`` are "events" and, where a training run is compared, "training".

    Returns what they measured, a list with an entry per process, and which variants were left out and why.
    """
    left_out = {}
    dense = _dense_bytes(problems["events"].network)
    if dense > LARGEST_DENSE:
        left_out["time_driven"] = f"dense matrices would need {dense / 1e9:.0f} GB"
    absent = {*left_out, *({"training"} - set(problems))}
    turns = [
        (repeat, contestant)
        for repeat in range(1, repeats + 1)
        for contestant in taking_part
        if contestant.variant not in absent
    ]
    measured = []
    with tempfile.TemporaryDirectory(prefix="contest.") as directory:
        for name, problem in problems.items():
            problem.save(Path(directory) / f"{name}.npz")
        for repeat, contestant in progress(turns, "contest", len(turns)):
            of_turn = {"simulator": contestant.simulator, "variant": contestant.variant, "repeat": repeat}
            measured.append(of_turn | _take_turn(contestant, Path(directory)))
    return {"measured": measured, "left_out": left_out}


def _dense_bytes(network: Network) -> int:
    return DENSE_BYTES_PER_PAIR * network.n_recurrent * (network.n_input + network.n_recurrent)


def _take_turn(contestant: Contestant, directory: Path) -> dict[str, Any]:
    problem, result = directory / "events.npz", directory / "result.json"
    if contestant.variant == "training":
        problem = directory / "training.npz"
    environment = nest_programs.environment() if contestant.simulator == "NEST" else dict(os.environ)
    command = [*contestant.command, str(problem), contestant.variant, str(result)]
    other_work = measurement.OtherWork()
    run = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    disturbance = other_work.processors()
    if run.returncode != 0:
        raise ContestantError(f"{contestant.simulator}, {contestant.variant}: ended with exit code {run.returncode}")
    measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return measured | {"other_work_processors": disturbance}


def read(file: Path, data: Path | None) -> tuple[Contest, dict[str, Problem]]:
    """Return a contest and its problems; raise a :class:`ParameterError` where something is missing."""
    values = command_line.read_json(file)
    contest = parse(_AnyContest, values["contest"], f"{file}: ").root
    if isinstance(contest, PoissonContest):
        return contest, {"events": poisson_problem(contest)}
    if data is None:
        raise ParameterError("--data: needed where samples are shown")
    samples = EventDataset.load(data / "train.npz")
    timed = parse(TaskParameters, points.apply(values["task"], contest.changes), f"{file}: task: ")
    trained = parse(TaskParameters, values["task"], f"{file}: task: ")
    return contest, {
        "events": sample_problem(timed, samples, contest.seed, contest.samples_warm_up, contest.samples),
        "training": sample_problem(trained, samples, contest.seed, 0, contest.training_samples),
    }


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.baselines", __doc__)
    parser.add_argument(
        "contest", type=Path, help="JSON file with contest (an entry of baselines) and its task or null"
    )
    parser.add_argument("--data", type=Path, help="directory made by eprop_core.datasets.prepare")
    parser.add_argument("--nest", type=Path, required=True, help="JSON file that names the interpreter that has NEST")
    options = parser.parse_args()
    launch.join(1, timed=True)
    contest, problems = read(options.contest, options.data)
    nest = command_line.read_json(options.nest)
    taking_part = contestants(nest["python"], contest.time_driven_steps)
    result = {
        "experiment": "baselines",
        "parameters": contest.model_dump(mode="json"),
        "network": problems["events"].network.model_dump(mode="json"),
        "provenance": {**provenance(None), "nest": nest["nest"]},
        **hold(problems, taking_part, contest.repeats),
    }
    results.write(options.output, result)
