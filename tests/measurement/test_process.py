"""Measurements of a process: its peak memory, and the work of others on its processors."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from eprop_core.machine import processors
from eprop_core.measurement import process as measurement

TICKS_PER_S = 100


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted anew on Linux alone")
def test_a_reset_peak_does_not_include_freed_memory() -> None:
    measurement.reset_peak_memory()
    before = measurement.peak_memory()
    blocks = [bytearray(b"1" * 100_000) for _ in range(500)]
    last = bytearray(b"1" * 100_000)  # at the end of the heap, so that what is freed below stays the process's
    assert measurement.peak_memory() - before > 40e6
    del blocks
    measurement.reset_peak_memory()
    assert measurement.peak_memory() - before < 10e6
    assert len(last) == 100_000


class Machine:
    """Three processors, of which this program may use the first two; a test adds to their times."""

    def __init__(self, statistics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statistics = statistics
        self.now = self.own = self.of_children = 0.0
        self.ticks = {number: [0] * 10 for number in range(3)}
        clock = SimpleNamespace(perf_counter=lambda: self.now, process_time=lambda: self.own)
        usage = SimpleNamespace(
            RUSAGE_CHILDREN=-1, getrusage=lambda _: SimpleNamespace(ru_utime=self.of_children, ru_stime=0.0)
        )
        monkeypatch.setattr(measurement, "time", clock)
        monkeypatch.setattr(measurement, "resource", usage)
        monkeypatch.setattr(measurement, "_STATISTICS", statistics)
        monkeypatch.setattr(measurement.os, "sysconf", lambda _: TICKS_PER_S)
        monkeypatch.setattr(processors, "affinity", lambda: {0, 1})
        monkeypatch.setattr(processors, "quotas", dict)
        self.count(0, user=1.0, idle=1000.0)

    def count(self, number: int, **seconds: float) -> None:
        """Let the system count time of a processor."""
        columns = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
        for column, value in seconds.items():
            self.ticks[number][columns.index(column)] += round(TICKS_PER_S * value)
        lines = [f"cpu{number} {' '.join(map(str, ticks))}" for number, ticks in self.ticks.items()]
        total = [sum(column) for column in zip(*self.ticks.values(), strict=True)]
        lines = [f"cpu  {' '.join(map(str, total))}", *lines, "intr 5 5 5", "ctxt 7"]
        self.statistics.write_text("\n".join(lines) + "\n", encoding="ascii")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "stat", monkeypatch)


def test_other_work_is_the_busy_time_that_this_program_did_not_use(machine: Machine) -> None:
    other_work = measurement.OtherWork()
    machine.now, machine.own, machine.of_children = 4.0, 3.0, 0.5
    machine.count(0, user=3.5, system=0.25, idle=0.25)
    machine.count(1, nice=0.5, irq=0.1, softirq=0.15, steal=0.5, idle=2.0, iowait=0.75, guest=0.5)
    machine.count(2, user=4.0)  # not a processor of this program
    assert other_work.processors() == pytest.approx((0.25 + 1.25) / 4, abs=1e-9)


def test_other_work_before_a_restart_does_not_count(machine: Machine) -> None:
    other_work = measurement.OtherWork()
    machine.now, machine.own = 1.0, 0.5
    machine.count(1, user=1.0)
    other_work.restart()
    machine.now, machine.own = 2.0, 1.5
    machine.count(0, user=1.0)
    assert other_work.processors() == 0


def test_work_of_the_other_ranks_is_not_other_work(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = SimpleNamespace(allgather=lambda value: [value] * 2)  # the other one does the same
    monkeypatch.setattr(measurement, "on_this_machine", lambda _: ranks)
    other_work = measurement.OtherWork(ranks)
    machine.now, machine.own = 2.0, 2.0
    machine.count(0, user=2.0)
    machine.count(1, user=2.0)
    assert other_work.processors() == 0


@pytest.mark.parametrize("reason", ["short", "hidden", "of others", "another machine's", "quota"])
def test_other_work_may_be_unknown(machine: Machine, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    if reason == "quota":
        monkeypatch.setattr(processors, "quotas", lambda: {(0, 1): 1.5})
    if reason == "of others":
        monkeypatch.setattr(processors, "affinity", lambda: {1, 7})
    other_work = measurement.OtherWork()
    machine.now = machine.own = 0.4 if reason == "short" else 2.0
    if reason != "another machine's":  # on which nothing happened
        machine.count(1, user=2.0)
    if reason == "hidden":
        machine.statistics.unlink()
    assert other_work.processors() is None
