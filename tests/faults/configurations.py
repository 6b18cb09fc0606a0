"""Faulty configurations: mutations of values, sections, names and text.

A configuration is either refused in clear lines that name the key, or accepted. All are loaded in this process, as the
Snakefile does; some are also given to the command line, and some of the accepted ones are run to the end.
"""

import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from snakemake.common.configfile import load_configfile

from eprop_core import configuration
from eprop_core.configuration import Configuration
from eprop_core.parsing import ParameterError, visible
from eprop_core.tasks.parameters import Generated
from tests.faults.configuration_drawing import PROJECT, draw
from tests.faults.outcome import Outcome
from workflow import yaml_file
from workflow.lib import cluster, configuration_file, disk_space
from workflow.lib.plan import Plan
from workflow.scripts.shared import fonts

NAME = "configurations"
DEFAULT_CASES = 1000

LOADED, RUN = 30, 300
"""Deadlines, s, of loading and of running."""
SHARE_OF_COMMANDS, SHARE_OF_RUNS = 0.02, 0.3
"""Of all cases, and of the accepted ones that are small."""
LONGEST_LINE = 800
"""Characters."""


def run_case(random: np.random.Generator, folder: Path) -> Outcome:
    """Draw a configuration, load it, and maybe run it."""
    faulty = draw(random)
    on_command_line, is_run = random.random() < SHARE_OF_COMMANDS, random.random() < SHARE_OF_RUNS
    file = folder / "my.yaml"
    file.write_bytes(faulty.content)
    shown = faulty.content.decode(errors="backslashreplace")
    shown = f"changed: {faulty.changed}\n" + (shown if len(shown) < 20_000 else f"{shown[:20_000]}...")
    try:
        with deadline(LOADED):
            loaded = _load(file)
    except ParameterError as error:
        wrong = _unclear(str(error), file, faulty.changed)
        if wrong is None and on_command_line:
            return _refused_on_command_line(file, str(error), shown)
        kind = "refused in one line" if wrong is None else "unclear line"
        return Outcome(wrong is None, kind, f"{wrong or ''}\n{error}\n{shown}")
    except TimeoutError:
        return Outcome(False, "hang", shown)
    except Exception as error:
        return Outcome(False, "traceback", f"{type(error).__name__}: {traceback.format_exc()}\n{shown}")
    if is_run and _is_small(loaded):
        return _run(file, shown)
    if on_command_line:
        done = _dry_run(file)
        return Outcome(done.returncode == 0, "accepted by the command line", done.stderr[-3000:] + shown)
    return Outcome(True, "accepted", shown)


# Loading.


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _load(file: Path) -> Configuration:
    """Do all that the Snakefile does with a configuration before anything runs."""
    yaml_file.read(file)
    values = load_configfile(str(file)) or {}
    try:
        loaded = configuration.load(values, str(file))
        fonts.check(loaded.style, f"{file}: ")
    except ParameterError as error:
        raise ParameterError(configuration_file.with_lines(str(error), str(file), [file])) from None
    plan = Plan(loaded, str(file))
    for kind, named in plan.parameters.items():
        for name in named:
            plan.text(kind, name)
    for scaling in loaded.scaling.values():
        for n_ranks in (*scaling.ranks, *scaling.dry_ranks):
            cluster.memory(scaling, n_ranks, 1)
            cluster.minutes(scaling, n_ranks, 1)
    disk_space.forecast(plan.networks)
    return loaded


INTERNAL = re.compile(r"Traceback|pydantic|validator|function-|\btype=|input_value|object at 0x|Errno|Error:|NoneType")
"""What a message must not have."""


def unclear_line(message: str, file: Path) -> str | None:
    """Return what is wrong with the lines of a message, if anything is."""
    if not message:
        return "empty"
    for line in message.splitlines():
        if not line.startswith(f"{file}: "):
            return f"does not begin with the file: {line!r}"
        if len(line) > LONGEST_LINE:
            return f"{len(line)} characters"
        if not line.isprintable():
            return f"not printable: {line!r}"
        if found := INTERNAL.search(line.removeprefix(f"{file}: ")):
            return f"speaks of the program: {found.group()}"
    return None


def _unclear(message: str, file: Path, changed: list[str]) -> str | None:
    """Return what is wrong with a message about what was changed, if anything is."""
    if wrong := unclear_line(message, file):
        return wrong
    if "(line " not in message:
        return "no line"
    text = message.replace("_", " ")
    if " are the same" in message:  # names two points, which differed in what was changed
        return None
    if changed and not any(visible(name).replace("_", " ")[:40] in text for name in changed):
        return f"names none of {changed}"
    return None


# Command line.


def _program(file: Path, module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program beside a configuration; past the deadline, it and its children are killed."""
    command = [sys.executable, "-m", module, *arguments]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=file.parent,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=RUN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, stderr=output)


def _dry_run(file: Path) -> "subprocess.CompletedProcess[str]":
    options = ("--snakefile", str(PROJECT / "Snakefile"), "--cores", "1", "--configfile", str(file))
    return _program(file, "snakemake", *options, "--dry-run", "--quiet")


def _refused_on_command_line(file: Path, message: str, shown: str) -> Outcome:
    done = _dry_run(file)
    lines = [
        line for line in done.stderr.splitlines() if line and not line.startswith("Using workflow specific profile")
    ]
    good = done.returncode == 1 and lines == message.splitlines()
    return Outcome(good, "refused by the command line", f"{done.stderr[-3000:]}\n{message}\n{shown}")


# Running.


def _is_small(loaded: Configuration) -> bool:
    """Return whether studies of generated tasks alone are there, which take seconds."""
    tasks = Plan(loaded, "").tasks.values()
    if loaded.scaling or loaded.break_even or not tasks:
        return False
    if not all(isinstance(task.dataset, Generated) for task in tasks) or len(tasks) > 30:
        return False
    if max(len(study.seeds) for study in loaded.studies.values()) > 3:
        return False
    work = 0.0
    for task in tasks:
        network = task.network_for(*task.dataset.sizes)
        samples = getattr(task.dataset, "train_samples", 1) * task.training.epochs + getattr(
            task.dataset, "test_samples", 1
        )
        if task.training.ranks > 1:
            return False
        work += samples * task.dataset.n_steps * network.n_recurrent * (network.n_recurrent + network.n_input)
    return work < 1e9


def _run(file: Path, shown: str) -> Outcome:
    done = _program(file, "tests.faults.all_in_one", str(file))
    log = f"{done.stderr[-6000:]}\n{shown}"
    if done.returncode == 0:
        page = (file.parent / "results" / "report.html").read_text(encoding="utf-8")
        injected = re.search(r"<script|javascript:|root:x:0", page)
        return Outcome(injected is None, "accepted, ran" if injected is None else "injection", log)
    if done.returncode == -signal.SIGKILL:
        return Outcome(False, "hang of an accepted one", log)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if "Traceback" in done.stderr or not errors:
        return Outcome(False, "traceback of an accepted one", log)
    # A run may end where numbers overflow or memory is short, which nobody knows before.
    expected = all(re.search(r"finite|GB|has grown to", line) for line in errors)
    return Outcome(expected, "accepted, ended with a line" if expected else "accepted, refused by a job", log)
