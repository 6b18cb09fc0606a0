"""What every experiment measures about itself: time by phase, memory and counts, per rank and summed."""

import ctypes
import gc
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

from eprop_core.experiments.ranks import Communicator, gather

Number = TypeVar("Number", int, float)


class Stopwatch:
    """Wall time, in s, summed by the name of what was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time that the ``with`` block takes to ``name``."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def reset_peak_memory() -> None:
    """Let :func:`peak_memory` count from here on; does nothing where the system has no way to.

    What an earlier network left is given back first, or the next one would be built within it and seem to need less, or
    beside it and seem to need more.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # the C library of most Linux systems keeps small arrays for later
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, or since it was reset, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # Not ru_maxrss, which begins with that of the process that started this one.
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def resident_memory() -> int:
    """Return the resident memory of this process at present, in bytes."""
    return int(psutil.Process().memory_info().rss)


def difference(after: Mapping[str, Number], before: Mapping[str, Number]) -> dict[str, Number]:
    """Return ``after`` - ``before`` by key."""
    return {name: value - before[name] for name, value in after.items()}


def total(communicator: Communicator, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of ``counts`` over ranks; collective."""
    of_ranks = gather(communicator, {name: int(value) for name, value in counts.items()})
    return {name: sum(of_rank[name] for of_rank in of_ranks) for name in of_ranks[0]}


def per_rank(communicator: Communicator, times: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return phase times and peak memory of each rank; collective."""
    return gather(communicator, {"times_s": dict(times), "peak_memory_bytes": peak_memory()})
