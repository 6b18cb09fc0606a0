"""Folders of the simulators that this one is compared with: their environments and their programs."""

import hashlib
import sys
from pathlib import Path

from eprop_core.interoperability import simulators
from eprop_core.parsing import ParameterError
from workflow.lib.sources import ROOT


def folder(simulator: str) -> Path:
    """Return the folder of a simulator; exit with a message if there is none, or its description is wrong."""
    path = ROOT / "simulators" / simulator
    try:
        simulators.described(path)
    except (OSError, ParameterError) as error:
        sys.exit(f"simulator {simulator}: {error}")
    return path


def description(simulator: str) -> str:
    """Return the file that describes a simulator."""
    return str(folder(simulator) / simulators.FILE)


def programs(names: list[str]) -> list[str]:
    """Return the Python files of simulators: their scripts, what is beside these, and what folders share."""
    scripts = [_file(name, "script") for name in names]
    of_scripts = [str(file) for script in scripts for file in sorted({script, *script.parent.glob("*.py")})]
    return [*of_scripts, *map(str, sorted((ROOT / "simulators").glob("*.py")))]


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
