"""One call of Snakemake at a time per directory, and an end to the jobs of a call that was killed.

A running call holds a file lock, which the system releases when the call ends in any way. If a call was killed, its
programs on this machine end by themselves (:mod:`eprop_core.machine.driver`), and the next call cancels the batch
jobs that it submitted.
"""

import atexit
import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

from eprop_core.machine import driver

PATIENCE = 120.0
"""s, longest wait for cancelled jobs to end."""

_held: list[object] = []  # the open lock file; closing it would release the lock


class AnotherCallError(ValueError):
    """Another call of Snakemake is running in the directory; the message is one line."""


def claim(directory: Path) -> None:
    """Lock ``directory`` until this process ends, and cancel the batch jobs of a call that was killed.

    Raises
    ------
    AnotherCallError
        If another call is running in ``directory``.
    """
    file = directory / ".snakemake" / "driver"
    file.parent.mkdir(exist_ok=True)
    lock = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = file.read_text(encoding="utf-8")
        raise AnotherCallError(f"another call of Snakemake is running in {directory}: process {holder}") from None
    _held.append(lock)
    killed = file.read_text(encoding="utf-8").strip()
    if killed:
        _cancel_jobs_left(directory)
    lock.truncate(0)
    lock.write(driver.name())
    lock.flush()
    atexit.register(lock.truncate, 0)


def _cancel_jobs_left(directory: Path) -> None:
    """Cancel the SLURM jobs that a killed call submitted from ``directory``, and wait until they have ended.

    A cancelled job still removes its output, so it must end before another job writes the same files.
    """
    if shutil.which("squeue") is None:
        return
    deadline = time.monotonic() + PATIENCE
    while (jobs := _jobs_from(directory)) and time.monotonic() < deadline:
        print(f"Cancelling the jobs of a call that was killed: {', '.join(jobs)}", file=sys.stderr, flush=True)
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
