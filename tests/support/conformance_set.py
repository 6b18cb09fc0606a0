"""The conformance set as tests use it: its cases as problems, results in a file, and what the checker says of them."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification.random_problem import Problem

FOLDER = Path(__file__).parents[2] / "conformance"
SET = FOLDER / "eprop_conformance.h5"

Results = Mapping[str, np.ndarray]


def problem_of(case: h5py.Group) -> Problem:
    """The problem that a case poses."""
    stimulus = {name: values[:] for name, values in case["stimulus"].items()}
    counts = {name: int(case.attrs[name]) for name in ("n_steps", "n_samples")}
    connections = {
        name: Connections(
            *(listed[field][:].astype(float if field == "weight" else int) for field in Connections._fields)
        )
        for name, listed in case["connections"].items()
    }
    return Problem(parse(Network, json.loads(case.attrs["network"])), connections, Stimulus(**counts, **stimulus))


def write_results(path: Path, results: Mapping[str, Results]) -> None:
    with h5py.File(path, "w") as file:
        for name, of_case in results.items():
            for quantity, values in of_case.items():
                file[f"cases/{name}/{quantity}"] = values


def check(path: Path, *options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "check.py"), str(path), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def differing(output: str) -> list[str]:
    """Cases that the checker finds to differ."""
    return re.findall(r"^(\S+): differs first in ", output, re.MULTILINE)


def hints(output: str) -> dict[str, list[str]]:
    """The pitfalls that the checker names, by case."""
    found = re.findall(r"^(\S+) may differ for one of these reasons:\n((?:    .*\n)+)", output, re.MULTILINE)
    return {name: re.findall(r"^    ([^:]+): ", lines, re.MULTILINE) for name, lines in found}
