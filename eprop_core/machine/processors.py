"""Processors available to this process, within the limits of a container or a batch job."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eprop_core.machine import control_groups

Group = tuple[int, int]
"""Device and inode of a control group, which identify it also in containers that show it under another name."""


_given = math.inf
"""Processors that the caller gave to this process."""


def affinity() -> set[int]:
    """Return the numbers of the processors that this process may run on."""
    return os.sched_getaffinity(0)


def quotas() -> dict[Group, float]:
    """Return the CPU quota of each control group of this process, in processors; the group's processes share it."""
    found = {}
    for folder, version in control_groups.folders("cpu"):
        quota = _quota_of(folder, version)
        if quota is not None:
            status = folder.stat()
            found[status.st_dev, status.st_ino] = quota
    return found


def available() -> float:
    """Return the number of processors available to this process; under a CPU quota it can be a fraction."""
    return min([_given, float(len(affinity())), *quotas().values()])


@contextmanager
def at_most(number: float) -> Iterator[None]:
    """Count on ``number`` processors at most in the ``with`` block, since others may be given to other processes."""
    global _given
    before, _given = _given, number
    try:
        yield
    finally:
        _given = before


def _quota_of(folder: Path, version: int) -> float | None:
    try:
        if version == 2:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii").strip() for name in ("quota", "period")
            )
    except OSError:  # the root group has no quota, and a container can hide its groups
        return None
    return None if quota in ("max", "-1") else int(quota) / int(period)
