"""The call of Snakemake that drives the work: one at a time in a directory, and nothing that it started outlives it.

A lock that the system drops when its holder ends, however it ends, tells a call that was killed from one that runs.
Where one was killed, its programs on this machine end by themselves, and the next call cancels what it submitted.

While a job has all cores to itself, the driver leaves them to it: its scheduler rests until the job ends.
"""

import atexit
import fcntl
import functools
import inspect
import os
import platform
import select
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

VARIABLE = "EPROP_BENCH_DRIVER"
"""Environment variable that tells a program its driver, as HOST:PROCESS."""
PATIENCE = 120.0
"""s, until cancelled jobs are gone."""

_held: list[object] = []  # the open lock file: closing it would drop the lock


class AnotherCallError(ValueError):
    """Another call of Snakemake is at work in the directory; the message is one line."""


def name() -> str:
    """Return what :data:`VARIABLE` says of this process."""
    return f"{platform.node()}:{os.getpid()}"


def claim(directory: Path) -> None:
    """Keep other calls out of ``directory`` until this process ends, and end what a killed one has left.

    Raises:
        AnotherCallError: another call is at work there.
    """
    file = directory / ".snakemake" / "driver"
    file.parent.mkdir(exist_ok=True)
    lock = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = file.read_text(encoding="utf-8")
        raise AnotherCallError(f"another call of Snakemake is at work in {directory}: process {holder}") from None
    _held.append(lock)
    killed = file.read_text(encoding="utf-8").strip()
    if killed:
        _cancel_jobs_left(directory)
    lock.truncate(0)
    lock.write(name())
    lock.flush()
    atexit.register(lock.truncate, 0)


def end_with_driver() -> None:
    """End this process when its driver ends; does nothing where no driver on this machine is told."""
    host, _, process = os.environ.get(VARIABLE, "").rpartition(":")
    if host != platform.node():
        return
    try:
        driver = os.pidfd_open(int(process))
    except (OSError, AttributeError):  # not to be seen from here, or not Linux
        return
    threading.Thread(target=_wait_and_end, args=(driver,), daemon=True).start()


def _wait_and_end(driver: int) -> None:
    select.select([driver], [], [])
    print("error: the call of Snakemake that started this program has ended", file=sys.stderr, flush=True)
    os._exit(1)


def let_scheduler_rest() -> None:
    """Let Snakemake's scheduler look for jobs that can start only when some may.

    While jobs wait, each look of Snakemake 9 starts a timer for the next one (its number of jobs per time span may
    allow more by then), and each job that ends adds a look: after a hundred jobs there are a hundred timers, and the
    driver takes a quarter of a core from the job that has all of them. One timer is enough, and none is needed while
    all cores are taken: the end of a job is followed by a look anyway.

    Does nothing where Snakemake's scheduler is another one.
    """
    try:
        from snakemake.scheduling.job_scheduler import JobScheduler

        start_timer = JobScheduler._schedule_reevalutation
        arguments = list(inspect.signature(start_timer).parameters)
    except (ImportError, AttributeError):
        return
    if arguments != ["self", "delay"] or hasattr(start_timer, "__wrapped__"):
        return

    @functools.wraps(start_timer)
    def start_timer_if_needed(self: Any, delay: float) -> None:
        if not (hasattr(self, "_open_jobs") and isinstance(getattr(self, "resources", None), dict)):
            start_timer(self, delay)
            return
        delays: set[float] = vars(self).setdefault("_delays_of_timers", set())
        if self.resources.get("_cores") == 0 or any(other <= delay for other in delays):
            return

        def look() -> None:
            delays.discard(delay)  # first: the look may start the next timer
            self._open_jobs.release()

        timer = threading.Timer(delay, look)
        timer.daemon = True  # the driver does not wait for it to end
        delays.add(delay)
        timer.start()

    JobScheduler._schedule_reevalutation = start_timer_if_needed


def _cancel_jobs_left(directory: Path) -> None:
    """Cancel the SLURM jobs that a killed call submitted from ``directory``, and wait until they are gone.

    A cancelled job may still remove its output, and must not meet the job that makes it anew.
    """
    if shutil.which("squeue") is None:
        return
    deadline = time.monotonic() + PATIENCE
    while (jobs := _jobs_from(directory)) and time.monotonic() < deadline:
        print(f"Cancel the jobs that a killed call has left: {', '.join(jobs)}", file=sys.stderr, flush=True)
        subprocess.run(["scancel", *jobs], check=False)
        time.sleep(1)


def _jobs_from(directory: Path) -> list[str]:
    """Return the jobs of this user that Snakemake's SLURM plugin submitted from ``directory``."""
    answer = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%Z|%k"], capture_output=True, text=True, check=False
    )
    jobs = []
    for line in answer.stdout.splitlines():
        job, folder, comment = line.split("|", 2)
        if comment.startswith("rule_") and Path(folder).resolve() == directory.resolve():
            jobs.append(job)
    return jobs
