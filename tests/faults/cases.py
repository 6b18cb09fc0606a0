"""Find the classes of faults, and run their cases."""

import importlib
import pkgutil
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import numpy as np

from tests import faults
from tests.faults.outcome import Outcome


def found_classes() -> dict[str, ModuleType]:
    """Return the modules of this folder that run cases, by the name of their class."""
    modules = (
        importlib.import_module(f"{faults.__name__}.{module.name}")
        for module in pkgutil.iter_modules(faults.__path__)
        if module.name != "__main__"
    )
    return {module.NAME: module for module in modules if hasattr(module, "run_case")}


def run(name: str, seed: int, case: int) -> Outcome:
    """Run one case in an empty folder of its own; what a case does not expect is a failure of the case."""
    random = np.random.default_rng([seed, case])
    with tempfile.TemporaryDirectory(prefix=f"faults-{name}-{case}-") as folder:
        try:
            return found_classes()[name].run_case(random, Path(folder))
        except Exception:
            return Outcome(False, "error of the suite", traceback.format_exc())


def run_all(cases: Mapping[str, int], seed: int, workers: int) -> Iterator[tuple[str, int, Outcome]]:
    """Run that many cases of each class; yield class, number of the case, and outcome as soon as a case ends."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, name, seed, case): (name, case) for name, n in cases.items() for case in range(n)}
        for done in as_completed(waiting):
            yield *waiting.pop(done), done.result()
