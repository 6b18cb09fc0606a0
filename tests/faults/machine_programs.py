"""Small programs that make something in any environment."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
TASK = {
    "dataset": {"name": "sine_waves", "n_steps": 50, "periods": [50]},
    "network": {"n_recurrent": 10},
    "training": {"epochs": 3},
}
CONFIGURATION = """
tasks:
  sine_waves:
    dataset: {name: sine_waves, n_steps: 50, periods: [50]}
    network: {n_recurrent: 10}
    training: {epochs: 3}
studies:
  learning: {tasks: [sine_waves], seeds: [1, 2]}
"""
FIGURE = """
from workflow.scripts.shared import style
from pathlib import Path
from matplotlib import pyplot as plt
style.use()
figure, panel = plt.subplots(figsize=(2, 1))
panel.plot([1, 2, 3], [1.5, 2.5, 0.5])
panel.set_xlabel("\\u03b2 (mV\\u00b2)")
Path("output").mkdir()
style.save(figure, ["output/figure.pdf", "output/figure.svg", "output/figure.png"])
"""
KERNEL = """
from eprop_core.compiled.random import philox
print("words", *philox(1, 2, 3, 4))
"""
MEASURED = ("provenance", "sha256", "times_s", "per_rank", "training_time_per_sample_s", "training_time_s")
"""Keys of a result whose values depend on the machine."""


@dataclass(frozen=True)
class Program:
    """A program, the files that it needs, and what it makes."""

    command: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    read: Callable[[Path, str], Any]
    """Returns what it made in a folder, and printed."""

    def prepare(self, folder: Path) -> None:
        """Write the files that it needs."""
        for name, text in self.files:
            (folder / name).write_text(text, encoding="utf-8")

    def left(self, folder: Path) -> list[str]:
        """Return files in the folder of its output."""
        return [str(path) for path in (folder / "output").rglob("*") if path.is_file()]


def _files(folder: Path, said: str) -> dict[str, str]:
    """Return the hashes of the files that were made."""
    (output,) = folder.rglob("output")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(output.rglob("*"))}


def _result(folder: Path, said: str) -> Any:
    """Return the numbers of a result that do not depend on the machine."""
    (file,) = folder.rglob("result.json")
    return without_measurements(json.loads(file.read_text(encoding="utf-8")))


def without_measurements(value: Any) -> Any:
    """Return nested lists and dictionaries without :data:`MEASURED`."""
    if isinstance(value, dict):
        return {key: without_measurements(inner) for key, inner in value.items() if key not in MEASURED}
    return [without_measurements(inner) for inner in value] if isinstance(value, list) else value


def _data(folder: Path, said: str) -> dict[str, str]:
    files = _files(folder, said)
    return {name: files[name] for name in ("train.npz", "test.npz")}


def _words(folder: Path, said: str) -> list[str]:
    (line,) = [line for line in said.splitlines() if line.startswith("words")]
    return line.split()


def _jobs(folder: Path, said: str) -> list[str]:
    return sorted(line for line in said.splitlines() if line.startswith(("train_", "total", "study_", "compile")))


TRAINING = ("-m", "eprop_core.experiments.studies", "task.json", "--output", "output/result.json")
TRAIN = Program((sys.executable, *TRAINING), (("task.json", json.dumps(TASK)),), _result)
RANKS = Program(
    ("mpiexec", "-n", "2", sys.executable, "-m", "mpi4py", *TRAINING, "--ranks", "2"),
    TRAIN.files,
    _result,
)
PREPARE = Program(
    (sys.executable, "-m", "eprop_core.datasets.prepare", "parameters.json", "output"),
    (("parameters.json", '{"name": "digits", "n_steps": 20}'),),
    _data,
)
COMPILE = Program((sys.executable, "-c", KERNEL), (), _words)
LARGE = Program(TRAIN.command, (("task.json", json.dumps(TASK | {"network": {"n_recurrent": 20_000}})),), _result)
"""A network of 400 million synapses."""
HOME = Program(
    (
        "make",
        "--silent",
        "--file",
        str(PROJECT / "Makefile"),
        "--eval",
        'home: ; @test -w "$$HOME" && echo words',
        "home",
    ),
    (),
    _words,
)
"""The folder for caches of the commands of make."""
DRAW = Program((sys.executable, "-c", FIGURE), (), _files)
PLAN = Program(
    (
        *(
            "snakemake",
            "--snakefile",
            str(PROJECT / "Snakefile"),
            "--configfile",
            "configuration.yaml",
        ),
        *("--cores", "1", "--dry-run"),
    ),
    (("configuration.yaml", CONFIGURATION),),
    _jobs,
)
