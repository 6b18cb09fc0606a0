"""What every experiment measures about itself: time by phase, memory and counts, and what disturbed it."""

import ctypes
import gc
import os
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

from eprop_core.machine import processors
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator, on_this_machine

Number = TypeVar("Number", int, float)

SHORTEST = 0.5
"""s. The system counts the time of processors in ticks, mostly 0.01 s: what others take in less cannot be told."""
LEAST_COUNTED = 0.9
"""Share. Where the system counts less of the processor time of this program, it counts something else."""

_STATISTICS = Path("/proc/stat")


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


class OtherWork:
    """How many processors are busy with other work than this program's, of those that its ranks on a machine may use.

    That is all time that the system counts as busy (a hypervisor's other guests included), less what the ranks, and the
    processes that they started and waited for, have used.
    """

    def __init__(self, communicator: Communicator = SINGLE_RANK) -> None:
        """Begin to measure; collective."""
        self._here = on_this_machine(communicator)
        self._processors = set().union(*self._here.allgather(processors.affinity()))
        # Others may work beside a quota, and take nothing from it.
        self._has_quota = any(self._here.allgather(processors.available() < len(processors.affinity())))
        self.restart()

    def restart(self) -> None:
        """Begin anew; collective."""
        self._here.allgather(None)  # the ranks begin together
        self._before = self._read()

    def processors(self) -> float | None:
        """Return the mean number of such processors since the beginning; collective.

        None where it cannot be told: in less than :data:`SHORTEST`, within a quota, or where the system does not count
        these processors (in some containers).
        """
        self._here.allgather(None)
        busy, own, now = self._read()
        busy_before, own_before, start = self._before
        own_of_all = sum(self._here.allgather(own - own_before))
        if busy is None or busy_before is None or self._has_quota or now - start < SHORTEST:
            return None
        counted = busy - busy_before
        return max(0.0, counted - own_of_all) / (now - start) if counted >= LEAST_COUNTED * own_of_all else None

    def _read(self) -> tuple[float | None, float, float]:
        """Return the busy time of the processors, the processor time of this process, and the time, in s."""
        waited_for = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = time.process_time() + waited_for.ru_utime + waited_for.ru_stime
        return _busy_seconds(self._processors), own, time.perf_counter()


def _busy_seconds(of_processors: Set[int]) -> float | None:
    """Return the time that processors were busy, in s since the start of the machine; None where it is not told."""
    try:
        statistics = _STATISTICS.read_text(encoding="ascii")
    except OSError:  # not Linux, or hidden
        return None
    ticks = {}
    for number, counted in re.findall(r"^cpu(\d+) (.*)$", statistics, re.MULTILINE):
        user, nice, system, _idle, _iowait, *interrupts_and_steal = map(int, counted.split()[:8])
        ticks[int(number)] = user + nice + system + sum(interrupts_and_steal)
    if not of_processors <= ticks.keys():
        return None
    return sum(ticks[number] for number in of_processors) / os.sysconf("SC_CLK_TCK")


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
    of_ranks = communicator.allgather({name: int(value) for name, value in counts.items()})
    return {name: sum(of_rank[name] for of_rank in of_ranks) for name in of_ranks[0]}
