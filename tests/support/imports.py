"""The modules that Python loads for a program."""

import importlib
import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO

LIBRARIES = ["matplotlib.pyplot", "numba", "pandas", "pydantic", "scipy", "seaborn"]


def modules_by_program(programs: Iterable[str]) -> dict[str, set[str]]:
    """Return the modules of the project that each program loads, in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as processes:
        return dict(processes.map(_load, programs))


def _load(program: str) -> tuple[str, set[str]]:
    sys.argv = [program, "--help"]  # for those that run when they are imported
    with suppress(SystemExit), redirect_stdout(StringIO()):
        importlib.import_module(program)
    return program, {name for name in sys.modules if name.partition(".")[0] in ("eprop_core", "workflow")}
