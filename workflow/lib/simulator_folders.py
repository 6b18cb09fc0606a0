"""Folders of the simulators that this one is compared with: their environments and their programs.

Input files are named from the present folder: the path of the checkout may have braces, wildcards to Snakemake.
"""

import hashlib
import os
import sys
from pathlib import Path

from eprop_core.experiments.baselines.result import OWN
from eprop_core.interoperability import simulators
from eprop_core.parsing import ParameterError
from workflow.lib.sources import ROOT


def folder(simulator: str) -> Path:
    """Return the folder of a simulator; exit with a message if there is none, or its description is wrong."""
    path = ROOT / "simulators" / simulator
    try:
        _check_label(path, simulators.described(path).label)
    except (OSError, ParameterError) as error:
        sys.exit(f"simulator {simulator}: {error}")
    return path


def _check_label(path: Path, label: str) -> None:
    """Refuse a label that another simulator has: tables and figures tell simulators apart by their labels."""
    where = f"{path / simulators.FILE}: label = {label!r}"
    if label == OWN:
        raise ParameterError(f"{where}: is the label of this simulator; choose another one")
    for other in sorted(path.parent.iterdir()):
        if other != path and _label(other) == label:
            raise ParameterError(f"{where}: is the label of simulators/{other.name}, too; choose another one")


def _label(path: Path) -> str | None:
    """Return the label of a simulator; None where no folder of a simulator is."""
    try:
        return simulators.described(path).label
    except (OSError, ParameterError):  # reported where that simulator takes part
        return None


def description(simulator: str) -> str:
    """Return the file that describes a simulator."""
    return os.path.relpath(folder(simulator) / simulators.FILE)


def programs(names: list[str]) -> list[str]:
    """Return the Python files of simulators: their scripts, what is beside these, and what folders share."""
    scripts = [_file(name, "script") for name in names]
    of_scripts = [file for script in scripts for file in sorted({script, *script.parent.glob("*.py")})]
    return [os.path.relpath(file) for file in (*of_scripts, *sorted((ROOT / "simulators").glob("*.py")))]


def requirements(simulator: str) -> Path:
    """Return the file that lists the packages of a simulator's environment."""
    return _file(simulator, "requirements")


def hash_of_requirements(simulator: str) -> str:
    """Return a hash of the packages of a simulator's environment, which is built anew when they change."""
    return hashlib.sha256(requirements(simulator).read_bytes()).hexdigest()


def _file(simulator: str, key: str) -> Path:
    path = folder(simulator)
    name: str = getattr(simulators.described(path), key)
    return (path / name).resolve()
