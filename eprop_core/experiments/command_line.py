"""Options of the experiments' command lines, and one clear line for each error in the input of the user."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

import eprop_core.memory_shortage  # noqa: F401
from eprop_core import plug_ins
from eprop_core.errors import DatasetError, InsufficientMemoryError, NetworkFileError, NotFiniteError, one_line, report
from eprop_core.files.arguments import Parser, output_file
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.interrupts import Terminated
from eprop_core.machine import threads
from eprop_core.machine.driver import end_with_driver
from eprop_core.parsing import ParameterError
from eprop_core.ranks import launch
from eprop_core.ranks.launch import RanksError
from eprop_core.stimulus import StimulusError

REPORTED = (
    ParameterError,
    DatasetError,
    NetworkFileError,
    StimulusError,
    RanksError,
    InsufficientMemoryError,
    NotFiniteError,
    SimulatorError,
    OSError,
    Terminated,
)
"""Errors in what the user gave; on several ranks, all raise the same one (``eprop_core.ranks.collective``)."""


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option that every command line here has."""
    options = Parser(
        prog=f"python -m {module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--output", type=output_file, required=True, help="result file to write (JSON)")
    return options


def add_run_options(options: argparse.ArgumentParser) -> None:
    """Add the options of programs that run with a seed and on ranks."""
    options.add_argument("--seed", type=seed, default=1, help="seed of everything random (default: 1)")
    options.add_argument("--ranks", type=int, default=1, help="MPI ranks it was started with (default: 1, no MPI)")
    add_oversubscribe(options)


def add_oversubscribe(options: argparse.ArgumentParser) -> None:
    """Add the option that allows more ranks than processors, with which times mean little."""
    options.add_argument("--oversubscribe", action="store_true", help="allow more ranks than processors")


def run(program: Callable[[], None]) -> None:
    """Call ``program`` on one thread; it ends with the call of Snakemake that started it, if one did.

    An error in the input of the user is printed in one line, and the exit code is 1. A :class:`UserWarning` is printed
    in one line, too, and so is an exception in the code of a plug-in, below its traceback. Any other exception ends all
    ranks that were started with ``python -m mpi4py``.
    """
    end_with_driver()
    warnings.showwarning = _show_warning
    threads.use_one()
    try:
        try:
            with plug_ins.blaming():
                program()
        finally:
            if sys.stdout is not None:  # as in a program that was started with a closed output
                sys.stdout.flush()
    except BrokenPipeError:  # who reads the output, such as `head`, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more
        sys.exit(1)
    except plug_ins.PlugInError as error:
        report(error)
        sys.exit(1)  # and, with ``python -m mpi4py``, all ranks: this may be the only one that has failed
    except REPORTED as error:
        if launch.is_first():
            report(error)
        launch.leave()
        sys.exit(1)
    except MemoryError as error:  # nobody has foreseen it, and other ranks may still compute
        if not launch.is_alone():
            raise
        report(MemoryError(f"the memory does not suffice: {one_line(error) or 'an array could not be made'}"))
        sys.exit(1)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning to stderr, clear of a progress bar; where in the code it arose concerns developers alone."""
    text = f"warning: {message}\n"
    if not issubclass(category, UserWarning):
        text = warnings.formatwarning(message, category, filename, lineno, line)
    tqdm.write(text, file=file or sys.stderr, end="")


def seed(text: str) -> int:
    """Return the seed that ``text`` holds.

    Raises
    ------
    ValueError
        It is no seed.
    """
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**63:
        raise ValueError
    return int(text)
