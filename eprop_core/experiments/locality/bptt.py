"""Backpropagation through time, which a program of its own computes: ``simulators/snntorch/backpropagation.py``."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from eprop_core.interoperability import nest_programs
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.machine import child

PROGRAM = "backpropagation.py"
"""Beside the program of the simulator that is measured elsewhere; its first lines describe its files."""


def compute(
    save: Callable[[Path], None], variant: Literal["gradient", "training"], installed: InstalledSimulator
) -> dict[str, np.ndarray]:
    """Return what the program computes of the problem that ``save`` writes.

    Raises
    ------
    SimulatorError
        The program failed.
    """
    with tempfile.TemporaryDirectory(prefix="locality.") as directory:
        problem, outputs = Path(directory) / "problem.npz", Path(directory) / "outputs.npz"
        save(problem)
        command = [
            installed.python,
            str(Path(installed.script).with_name(PROGRAM)),
            str(problem),
            variant,
            str(outputs),
        ]
        run = child.run(command, env=nest_programs.environment(), stdout=subprocess.DEVNULL)
        if run.returncode != 0:
            raise SimulatorError(f"{installed.label}, {PROGRAM}: ended with exit code {run.returncode}")
        with np.load(outputs) as written:
            return dict(written)
