"""Starts the programs in ``nest/`` with a Python that has NEST, which this package never imports."""

import os
from pathlib import Path

from eprop_core.machine import child


class NestError(RuntimeError):
    """A program that uses NEST failed; the message contains its output."""


PROGRAMS = Path(__file__).with_name("nest")


def command(python: str, program: str, folder: Path = PROGRAMS) -> list[str]:
    """Return the command that runs a program, without its arguments."""
    return [python, str(folder / f"{program}.py")]


def environment() -> dict[str, str]:
    """Return the environment variables for another Python, without the paths of this one."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}


def call(python: str, program: str, directory: Path, folder: Path = PROGRAMS) -> None:
    """Run a program.

    Parameters
    ----------
    python
        Python that has NEST.
    program
        Name of the program, without ``.py``.
    directory
        The program's argument: the directory or file that it reads or writes.
    folder
        Folder of the program.

    Raises
    ------
    NestError
        If the program failed.
    """
    run = [*command(python, program, folder), str(directory)]
    done = child.run(run, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise NestError(f"{program}.py ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
