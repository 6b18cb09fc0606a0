"""One call of Snakemake at a time in a directory; what a killed one has left is ended.

A lock that the system drops when its holder ends, however it ends, tells a call that was killed from one that runs.
Where one was killed, its programs on this machine end by themselves (:mod:`eprop_core.experiments.driver`), and the
next call cancels what it submitted.
"""

import atexit
import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

from eprop_core.experiments import driver

PATIENCE = 120.0
"""s, until cancelled jobs are gone."""

_held: list[object] = []  # the open lock file: closing it would drop the lock


class AnotherCallError(ValueError):
    """Another call of Snakemake is at work in the directory; the message is one line."""


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
    lock.write(driver.name())
    lock.flush()
    atexit.register(lock.truncate, 0)


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
