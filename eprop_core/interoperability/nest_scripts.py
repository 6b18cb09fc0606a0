"""Run the scripts of e-prop that NEST's wheel ships in both simulators, and print a table of losses and times.

It stands in ``docs/how_to/nest.md``, and takes a quarter of an hour.
"""

import json
import os
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from eprop_core.files.arguments import Parser
from eprop_core.interoperability import nest_programs
from eprop_core.progress import progress

_REGRESSION = {"n_iter": 20}
_EVIDENCE = {"n_iter_train": 3, "n_iter_test": 1}
_N_MNIST = {"n_iter_train": 3, "n_iter_test": 1}
SHORTER: dict[str, dict[str, int]] = {
    "sine waves, e-prop+": _REGRESSION,
    "sine waves, Bellec et al.": _REGRESSION,
    "sine waves, Bellec et al. (a)": _REGRESSION,
    "lemniscate, Bellec et al.": _REGRESSION,
    "handwriting, Bellec et al.": _REGRESSION,
    "evidence accumulation, Bellec et al.": _EVIDENCE,
    "evidence accumulation, Bellec et al. (a)": _EVIDENCE,
    "N-MNIST, e-prop+": _N_MNIST,
    "N-MNIST, e-prop+ (b)": _N_MNIST,
}
"""Numbers of iterations, by script; all else is as NEST's wheel ships it."""
EQUAL = 1e-9
"""Relative difference of losses that agree."""


def run(python: str, script: str, assignments: dict[str, int], nmnist: str = "") -> dict[str, Any]:
    """Run a script with a Python that has NEST; return what ``nest/scripts.py`` writes.

    Raises
    ------
    NestError
        The script ended with an error.
    """
    path = [str(Path(__file__).parents[2]), sysconfig.get_path("purelib")]
    with tempfile.TemporaryDirectory(prefix="nest.") as directory:
        request = {"path": path, "script": script, "assignments": assignments, "nmnist": nmnist}
        (Path(directory) / "request.json").write_text(json.dumps(request), encoding="utf-8")
        nest_programs.call(python, "scripts", Path(directory))
        result: dict[str, Any] = json.loads((Path(directory) / "result.json").read_text(encoding="utf-8"))
    return result


def rows(script: str, result: dict[str, Any]) -> list[str]:
    """Return the rows of a script in the table, NEST's and those of this package."""
    in_nest, here = result["nest"], result["here"]
    last = len(in_nest["loss"]) - 1
    shown = sorted({0, 1, 2, last // 2, last})
    differences = [abs(a - b) / abs(a) for a, b in zip(in_nest["loss"], here["loss"], strict=True)]
    agree = next((k for k, difference in enumerate(differences) if difference > EQUAL), last + 1)
    iterations = ", ".join(str(k + 1) for k in shown)
    lines = []
    for name, run in (("NEST", in_nest), ("here", here)):
        losses = ", ".join(f"{run['loss'][k]:.6g}" for k in shown)
        lines.append(f"{name} | {losses} | {run['seconds']:.1f}")
    return [f"| {script} | {iterations} | {lines[0]} | |", f"| | | {lines[1]} | {agree} of {last + 1} |"]


def main() -> None:
    """Run the program."""
    parser = Parser(prog="python -m eprop_core.interoperability.nest_scripts", description=__doc__)
    parser.add_argument("python", help="interpreter of an environment with NEST 3.10")
    parser.add_argument("nmnist", nargs="?", default="", help="folder of N-MNIST; without it, its script is left out")
    options = parser.parse_args()
    nmnist = options.nmnist and os.path.abspath(options.nmnist)
    print("| script | iterations | simulator | losses | simulation, s | iterations that agree |")
    print("|---|---|---|---|---|---|")
    for script, assignments in progress(list(SHORTER.items()), "scripts"):
        if nmnist or "MNIST" not in script:
            print("\n".join(rows(script, run(options.python, script, assignments, nmnist))), flush=True)


if __name__ == "__main__":
    main()
