"""One call of Snakemake at a time per directory, and an end to the jobs of a call that was killed.

A running call holds a file lock, which the system releases when the call ends in any way. If a call was killed, its
programs on this machine end by themselves (:mod:`eprop_core.machine.driver`), and the next call cancels the batch
jobs that it submitted, and removes the folders that Snakemake made for it.
"""

import atexit
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

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
    runs: bool | None = False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        runs = True
    except OSError:  # some file systems of clusters have no locks
        runs = None
    former = file.read_text(encoding="utf-8").strip()
    hint = ""
    if runs is None:
        runs = former != "" and not _has_ended(former)
        hint = f"; if it was killed, delete {file}, since there are no locks here"
    if runs:
        lock.close()
        raise AnotherCallError(f"another call of Snakemake is running in {directory}: process {former}{hint}")
    _held.append(lock)
    _remove_folders_left(directory)
    if former:
        _cancel_jobs_left(directory)
    lock.truncate(0)
    lock.write(driver.name())
    lock.flush()
    atexit.register(lock.truncate, 0)


def note_folders(directory: Path, folders: Iterable[str | Path]) -> None:
    """Note the folders for temporary files of this call of Snakemake; if it is killed, the next call removes them."""
    file = directory / ".snakemake" / "calls" / driver.name()
    with suppress(OSError):  # nothing is lost but empty folders
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(map(str, folders)), encoding="utf-8")
        atexit.register(file.unlink, missing_ok=True)


def _remove_folders_left(directory: Path) -> None:
    """Remove the empty folders of calls on this machine that were killed."""
    for file in (directory / ".snakemake" / "calls").glob("*:*"):
        if _has_ended(file.name):
            with suppress(OSError):
                for folder in file.read_text(encoding="utf-8").splitlines():
                    with suppress(OSError):  # not empty, or removed already
                        os.rmdir(folder)
                file.unlink()


def _has_ended(call: str) -> bool:
    """Return whether a call of this machine, HOST:PROCESS, has ended; False for those of others."""
    host, _, process = call.rpartition(":")
    return host == platform.node() and driver.is_number(process) and not psutil.pid_exists(int(process))


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
