"""Run seeded cases of each class of faults, and print a table of what became of them.

The numbers S and K of ``--seed S --case K`` alone decide what a case is. The exit code is 1 if a case fails.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping

from tests.faults.cases import found_classes, run, run_all
from tests.faults.outcome import Outcome


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
