"""The programs in ``nest/``, run by an interpreter that has NEST: NEST is compared with, never imported here."""

import os
import subprocess
from pathlib import Path


class NestError(RuntimeError):
    """A program of NEST's that failed; the message holds what it printed."""


PROGRAMS = Path(__file__).with_name("nest")


def command(python: str, program: str, folder: Path = PROGRAMS) -> list[str]:
    """Return the command that runs a program, without its arguments."""
    return [python, str(folder / f"{program}.py")]


def environment() -> dict[str, str]:
    """Return the environment for an interpreter that has packages of its own."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}


def call(python: str, program: str, directory: Path, folder: Path = PROGRAMS) -> None:
    """Run a program of ``folder`` in a directory to work in.

    Raises:
        NestError: the program failed.
    """
    run = [*command(python, program, folder), str(directory)]
    done = subprocess.run(run, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NestError(f"{program}.py ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
