"""Run seeded cases of each class of faults, and print a table of what became of them.

The numbers S and K of ``--seed S --case K`` alone decide what a case is. The exit code is 1 if a case fails.
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
import traceback
from collections import Counter
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
    # A process of the pool finds a function by the name of its module, which this one has not when it is the program.
    run = importlib.import_module(f"{faults.__name__}.__main__").run
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, name, seed, case): (name, case) for name, n in cases.items() for case in range(n)}
        for done in as_completed(waiting):
            yield *waiting.pop(done), done.result()


def printed(outcomes: Mapping[str, list[Outcome]]) -> str:
    """Return the table: a line for each class, and one for each kind of outcome below it."""
    lines = [f"{'class':40}{'tried':>8}{'passed':>8}{'failed':>8}"]
    for name, of_class in outcomes.items():
        kinds = Counter((outcome.kind, outcome.passed) for outcome in of_class)
        passed = sum(outcome.passed for outcome in of_class)
        lines.append(f"{name:40}{len(of_class):8}{passed:8}{len(of_class) - passed:8}")
        for (kind, good), n in sorted(kinds.items(), key=lambda entry: (not entry[0][1], -entry[1], entry[0][0])):
            lines.append(f"    {kind:36}{n:8}{n if good else 0:8}{0 if good else n:8}")
    return "\n".join(lines)


def main() -> int:
    """Run the cases that the command line asks for."""
    classes = found_classes()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("classes", nargs="*", metavar="CLASS", help=f"all if none is given: {', '.join(classes)}")
    parser.add_argument("--cases", type=int, metavar="N", help="cases of each class; default: its own number")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="non-negative; default: 1")
    parser.add_argument("--case", type=int, metavar="K", help="run this case of one class alone, and print all of it")
    parser.add_argument("--workers", type=int, default=2, help="cases that run at the same time; default: 2")
    arguments = parser.parse_args()
    if unknown := set(arguments.classes) - set(classes):
        parser.error(f"no class {', '.join(sorted(unknown))}; there are {', '.join(classes)}")
    names = arguments.classes or list(classes)
    if arguments.case is not None:
        if len(names) != 1:
            parser.error("--case needs one CLASS")
        outcome = run(names[0], arguments.seed, arguments.case)
        print(f"{'passed' if outcome.passed else 'failed'}: {outcome.kind}\n{outcome.detail}")
        return 0 if outcome.passed else 1
    cases = {name: classes[name].DEFAULT_CASES if arguments.cases is None else arguments.cases for name in names}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for number, (name, case, outcome) in enumerate(run_all(cases, arguments.seed, arguments.workers), start=1):
        outcomes[name].append(outcome)
        if not outcome.passed:
            print(f"{name} --seed {arguments.seed} --case {case}: {outcome.kind}: {outcome.detail}", flush=True)
        elif number % 50 == 0:
            print(f"{number} of {sum(cases.values())} cases", file=sys.stderr, flush=True)
    print(printed(outcomes))
    return 0 if all(outcome.passed for of_class in outcomes.values() for outcome in of_class) else 1


if __name__ == "__main__":
    sys.exit(main())
