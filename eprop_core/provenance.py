"""Provenance of a file: code, packages, machine, MPI and date."""

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from eprop_core import plug_ins
from eprop_core.machine import processors, threads
from eprop_core.ranks import launch
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.records import Code, Provenance

PACKAGES = (
    "eprop-core",
    "numpy",
    "h5py",
    "numba",
    "llvmlite",
    "scipy",
    "scikit-learn",
    "pydantic",
    "mpi4py",
    "mpich",
    "openmpi",
)


def provenance(communicator: Communicator = SINGLE_RANK, nest: str | None = None) -> Provenance:
    """Describe this run; ``nest`` is the version of NEST that it is compared with. Collective."""
    return Provenance(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        command=[_in_unicode(argument) for argument in sys.orig_argv],
        code=_code(),
        python=platform.python_version(),
        packages=_versions(),
        nest=nest,
        ranks=communicator.size,
        hosts=communicator.allgather(platform.node()),
        system=platform.platform(),
        cpu=_cpu_model(),
        cores=psutil.cpu_count(logical=False),
        processors=communicator.allgather(processors.available()),
        threads=communicator.allgather(threads.number()),
        memory_bytes=psutil.virtual_memory().total,
        mpi=launch.library(communicator),
        batch_job=_in_unicode(os.environ["SLURM_JOB_ID"]) if "SLURM_JOB_ID" in os.environ else None,
    )


def _in_unicode(text: str) -> str:
    """Return a text of the system with escapes for bytes that are not UTF-8, which a name of a file may have."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@functools.cache
def _code() -> Code:
    """Return the git commit of the source and whether files differ from it; None outside a repository."""

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:  # git is not installed
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    changes = git("status", "--porcelain", "--", ".")
    return Code(commit=git("rev-parse", "HEAD"), dirty=None if changes is None else bool(changes))


@functools.cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in (*PACKAGES, *sorted(plug_ins.distributions())):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
