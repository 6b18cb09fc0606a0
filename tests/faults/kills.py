"""A signal to a random process of a small pipeline, at a random moment.

The pipeline has every kind of job: data, compilation, training on one and on two ranks, timing on one and on two ranks,
emulated ranks, collection, a figure and a table. After the signal, the call of Snakemake ends, no process of it is left
after :data:`PATIENCE`, and the same command completes with the numbers of a call that nothing disturbs, without a file
of the killed one. Processes are known by a variable in their environment, so that no other one is ever signalled.
"""

import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.faults.machine_programs import without_measurements
from tests.faults.outcome import Outcome

NAME = "kills"
DEFAULT_CASES = 100
PATIENCE = 20.0
"""s, in which all processes end after their call of Snakemake."""
DEADLINE = 900.0
"""s, in which a call ends, also on a busy machine; undisturbed, it takes 15 to 20 s on two idle cores."""
LONGEST_PAUSE = 4.0
"""s, between the end of a job and a signal."""

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MARK = "EPROP_BENCH_FAULT"
PROJECT = Path(__file__).parents[2]
CONFIGURATION = """
tasks:
  digits:
    dataset: {name: digits, n_steps: 10, saccades: {sensor_size: 16, image_size: 12}}
    network: {n_recurrent: 20}
    training: {epochs: 1, ranks: 2}
  sine_waves:
    dataset: {name: sine_waves, n_steps: 50, periods: [50]}
    network: {n_recurrent: 20}
    training: {epochs: 20}
studies:
  learning: {tasks: [digits, sine_waves], seeds: [1]}
scaling:
  strong:
    kind: strong
    ranks: [1, 2]
    dry_ranks: [2]
    oversubscribe: true
    repeats: 1
    input_rate: 10.0
    n_steps: 20
    n_steps_warm_up: 10
    network: {n_input: 40, n_recurrent: 40, n_readout: 2, neuron: {ignore_and_fire: {rate: 10.0}}}
    variants: {all: {}}
"""
TARGETS = ("results/figures/learning.pdf", "results/tables/learning.md", "results/tables/strong_scaling_runs.csv")
COUNTED = ("counts", "n_neurons", "n_synapses", "spikes")
"""Keys of results of timing runs whose values are no measurements."""


class Pipeline:
    """Calls of Snakemake in a folder, with places of their own for temporary files and for shared memory.

    Parameters
    ----------
    folder
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        for name in ("shm", "tmp", "run"):
            (folder / name).mkdir()
        (folder / "run" / "configuration.yaml").write_text(CONFIGURATION, encoding="utf-8")

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the call."""
        snakemake = [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(PROJECT / "Snakefile")]
        command = [*snakemake, "--configfile", "configuration.yaml", "--cores", "2", "--", *TARGETS]
        if _has_namespaces():
            mount = 'mount --bind "$1" /dev/shm && shift && exec "$@"'
            unshare = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", mount, "bash"]
            command = [*unshare, str(self.folder / "shm"), *command]
        variables = os.environ | {
            "PYTHONPATH": str(PROJECT),
            "TMPDIR": str(self.folder / "tmp"),
            MARK: self.mark,
        }
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder / "run", env=variables, stdout=log, stderr=log, start_new_session=True
            )

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the calls that still run."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def end_all(self) -> None:
        """End all processes of the calls."""
        for process in self.processes():
            process.kill()

    def left(self) -> list[str]:
        """Return files that a call should have removed."""
        files = [path for name in ("shm", "tmp") for path in (self.folder / name).rglob("*")]
        files += [path for path in (self.folder / "run").rglob("*") if path.suffix in (".part", ".incomplete")]
        incomplete = self.folder / "run" / ".snakemake" / "incomplete"
        return [str(path) for path in (*files, *(incomplete.rglob("*") if incomplete.is_dir() else ()))]

    def numbers(self) -> dict[str, Any]:
        """Return the results that do not depend on the machine, by file."""
        results = self.folder / "run" / "results"
        found: dict[str, Any] = {}
        for path in sorted(results.rglob("*")):
            name = str(path.relative_to(results))
            if name.startswith("studies/") and path.suffix == ".json":
                found[name] = without_measurements(json.loads(path.read_bytes()))
            elif name.startswith("scaling/") and path.suffix == ".json":
                found[name] = sorted(map(str, _counted(json.loads(path.read_bytes()))))
            elif path.suffix == ".npz":
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def n_finished(self) -> int:
        """Return how many jobs have finished."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace").count("Finished jobid")

    def log(self) -> str:
        """Return what the calls printed last."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-3000:]


@functools.cache
def _has_namespaces() -> bool:
    try:
        test = ["unshare", "--user", "--map-root-user", "--mount", "true"]
        return subprocess.run(test, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _counted(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in COUNTED:
                yield inner
            else:
                yield from _counted(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _counted(inner)


@functools.cache
def undisturbed() -> tuple[dict[str, Any], int]:
    """Return the numbers of a call that nothing disturbs, and how many jobs it has."""
    with tempfile.TemporaryDirectory(prefix="faults-undisturbed-") as folder:
        pipeline = Pipeline(Path(folder))
        if pipeline.start().wait() != 0:
            raise RuntimeError(pipeline.log())
        return pipeline.numbers(), pipeline.n_finished()


def run_case(random: np.random.Generator, folder: Path) -> Outcome:
    """Send a signal to a random process at a random moment; then run the same command again."""
    numbers, n_jobs = undisturbed()
    pipeline = Pipeline(folder)
    n_before, pause = int(random.integers(n_jobs)), float(random.uniform(0, LONGEST_PAUSE))
    number = SIGNALS[random.integers(len(SIGNALS))]
    moment = f"{pause:.2f} s after {n_before} of {n_jobs} jobs"
    call = pipeline.start()
    try:
        while call.poll() is None and pipeline.n_finished() < n_before:
            time.sleep(0.05)
        time.sleep(pause)
        running = pipeline.processes()
        if not running:
            return Outcome(True, "ended before the signal", moment)
        victim = running[random.integers(len(running))]
        try:
            what = f"{number.name} to {' '.join(victim.cmdline())[:120]} {moment}"
            victim.send_signal(number)
        except psutil.NoSuchProcess:
            return Outcome(True, "ended before the signal", moment)
        try:
            call.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            return Outcome(False, "hang", f"{what}: {_names(pipeline)}; {pipeline.log()}")
        deadline = time.monotonic() + PATIENCE
        while pipeline.processes() and time.monotonic() < deadline:
            time.sleep(0.2)
        if pipeline.processes():
            return Outcome(False, "process left", f"{what}: {_names(pipeline)}")
        survived = call.returncode == 0
        again = pipeline.start()
        try:
            code = again.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            return Outcome(False, "next call hangs", f"{what}: {_names(pipeline)}; {pipeline.log()}")
        if code != 0:
            return Outcome(False, "next call fails", f"{what}: {pipeline.log()}")
        if pipeline.numbers() != numbers:
            return Outcome(False, "other numbers", what)
        if pipeline.left():
            return Outcome(False, "file left", f"{what}: {pipeline.left()}")
        return Outcome(True, "completed in spite of the signal" if survived else "completed by the next call", what)
    finally:
        pipeline.end_all()
        call.wait()


def _names(pipeline: Pipeline) -> list[str]:
    return [f"{process.pid} {' '.join(process.cmdline())[:100]}" for process in pipeline.processes()]
