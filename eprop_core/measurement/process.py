"""Measurements of this process: time by phase, memory, counts, and other work on the machine."""

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
"""s, shortest interval for :class:`OtherWork`. The system counts processor time in ticks, mostly of 0.01 s."""
LEAST_COUNTED = 0.9
"""Smallest fraction of this program's processor time that the system must count for its counters to be used."""

_STATISTICS = Path("/proc/stat")


class Stopwatch:
    """Wall times, s, summed by name; those of ``before`` go on."""

    def __init__(self, before: dict[str, float] | None = None) -> None:
        self.seconds = {} if before is None else before

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the duration of the ``with`` block to the time of ``name``."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class OtherWork:
    """Measures how many of the processors that this program's ranks may use are busy with other work.

    This is the busy time that the system counts (including the other guests of a hypervisor) minus the processor time
    of the ranks and of their child processes that have ended.

    Parameters
    ----------
    communicator
        Communicator of the program's ranks.
    """

    def __init__(self, communicator: Communicator = SINGLE_RANK) -> None:
        """Start the measurement; collective."""
        self._here = on_this_machine(communicator)
        self._processors = set().union(*self._here.allgather(processors.affinity()))
        # Other work does not use up this program's quota.
        self._has_quota = any(self._here.allgather(processors.available() < len(processors.affinity())))
        self.restart()

    def restart(self) -> None:
        """Restart the measurement; collective."""
        self._here.allgather(None)  # all ranks start at the same time
        self._before = self._read()

    def processors(self) -> float | None:
        """Return the mean number of processors that were busy with other work since the start; collective.

        None if it is unknown: in an interval below :data:`SHORTEST`, under a CPU quota, or if the system does not count
        the time of these processors (in some containers).
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
        """Return the busy time of the processors, the processor time of this process, and the clock, s."""
        waited_for = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = time.process_time() + waited_for.ru_utime + waited_for.ru_stime
        return _busy_seconds(self._processors), own, time.perf_counter()


def _busy_seconds(of_processors: Set[int]) -> float | None:
    """Return the busy time of processors since the machine started, s; None if the system does not report it."""
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
    """Restart the measurement of :func:`peak_memory`; without effect on systems other than Linux.

    The memory of earlier networks is returned to the system first. Otherwise the next network could reuse it and seem
    to need less, or be added to it and seem to need more.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory for later
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int:
    """Return the peak resident memory of this process since its start or since it was reset, bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # Not ru_maxrss, which starts with the value of the parent process.
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def resident_memory() -> int:
    """Return the present resident memory of this process, bytes."""
    return int(psutil.Process().memory_info().rss)


def difference(after: Mapping[str, Number], before: Mapping[str, Number]) -> dict[str, Number]:
    """Return ``after`` - ``before`` by key."""
    return {name: value - before[name] for name, value in after.items()}


def total(communicator: Communicator, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of ``counts`` over ranks; collective."""
    of_ranks = communicator.allgather({name: int(value) for name, value in counts.items()})
    return {name: sum(of_rank[name] for of_rank in of_ranks) for name in of_ranks[0]}
