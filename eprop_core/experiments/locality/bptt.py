"""Backpropagation through time, which a program of its own computes: ``simulators/snntorch/backpropagation.py``."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eprop_core.interoperability import nest_programs
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.machine import child

Arrays = dict[str, np.ndarray]

PROGRAM = "backpropagation.py"
"""Beside the program of the simulator that is measured elsewhere; its first lines describe its files."""


def gradient(save: Callable[[Path], None], installed: InstalledSimulator) -> Arrays:
    """Return derivatives, spikes and readouts of the problem that ``save`` writes.

    Raises
    ------
    SimulatorError
        The program failed.
    """
    return _compute(save, installed, "gradient")


def train(save: Callable[[Path], None], installed: InstalledSimulator, batch_size: int) -> Arrays:
    """Return the weights that are learned from the problem that ``save`` writes.

    Raises
    ------
    SimulatorError
        The program failed.
    """
    return _compute(save, installed, "training", str(batch_size))


def _compute(save: Callable[[Path], None], installed: InstalledSimulator, *wanted: str) -> Arrays:
    with tempfile.TemporaryDirectory(prefix="locality.") as directory:
        problem, outputs = Path(directory) / "problem.npz", Path(directory) / "outputs.npz"
        save(problem)
        program = Path(installed.script).with_name(PROGRAM)
        command = [installed.python, *map(str, (program, problem, outputs)), *wanted]
        run = child.run(command, env=nest_programs.environment(), stdout=subprocess.DEVNULL)
        if run.returncode != 0:
            raise SimulatorError(f"{installed.label}, {PROGRAM}: ended with exit code {run.returncode}")
        with np.load(outputs) as written:
            return dict(written)
