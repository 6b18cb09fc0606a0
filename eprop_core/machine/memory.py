"""Memory available to this process, within the limits of a container, a batch job or ``ulimit -v``."""

import resource
from pathlib import Path

import psutil

from eprop_core.errors import InsufficientMemoryError
from eprop_core.machine import control_groups

NEGLIGIBLE_BYTES = 10_000_000
"""Less fits anywhere. To ask the system for its memory takes a notable part of building a small network."""

_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
"""Files with the limit and the use of a control group, by version."""


def available() -> int:
    """Return the available memory in bytes."""
    left = [_left_in(folder, *_FILES[version]) for folder, version in control_groups.folders("memory")]
    left.append(_left_of_address_space())
    return min([int(psutil.virtual_memory().available), *(n_bytes for n_bytes in left if n_bytes is not None)])


def check(needed: int, what: str, advice: str) -> None:
    """Check that memory is available before it is taken.

    Parameters
    ----------
    needed
        Bytes on this machine.
    what, advice
        What needs them, and what to change, for the message.

    Raises
    ------
    InsufficientMemoryError
        Less is available.
    """
    if needed >= NEGLIGIBLE_BYTES and needed > (left := available()):
        raise InsufficientMemoryError(
            f"{what} needs about {needed / 1e9:.1f} GB on this machine, of which {left / 1e9:.1f} GB are available: "
            f"{advice}"
        )


def _left_of_address_space() -> int | None:
    """Return what ``ulimit -v`` leaves to this process, in bytes; None if there is no limit."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else max(0, most - int(psutil.Process().memory_info().vms))


def _left_in(folder: Path, limit: str, used: str) -> int | None:
    """Return the memory that a control group has left, in bytes; None if it has no limit."""
    try:
        most, taken = ((folder / file).read_text(encoding="ascii").strip() for file in (limit, used))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:  # the root group has no limit, and a container can hide its groups
        return None
    # Cached files count as used, but the system drops them when memory is needed.
    cached = next((int(line.split()[1]) for line in statistics if line.startswith("inactive_file ")), 0)
    return None if most == "max" else max(0, int(most) - int(taken) + cached)
