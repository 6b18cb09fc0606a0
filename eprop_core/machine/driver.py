"""The processes that started this program: it ends with them, however they end.

The call of Snakemake that drives the work names itself in the environment. Its programs also end with their parent,
which is the shell of the job or the launcher of the ranks.
"""

import os
import platform
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from eprop_core.machine import child

VARIABLE = "EPROP_BENCH_DRIVER"
"""Environment variable that names a program's driver, as HOST:PROCESS."""

_CONNECTION = "PMI_FD"
"""Environment variable with the file descriptor by which a rank talks to the launcher of MPICH or of SLURM."""
_OF_MPICH = "MPI_LOCALNRANKS"
"""Environment variable that only the launcher of MPICH sets."""


def name() -> str:
    """Return the value of :data:`VARIABLE` for this process."""
    return f"{platform.node()}:{os.getpid()}"


def end_with_driver() -> None:
    """End this process when its driver, or the launcher of its rank, ends or has ended already.

    Does nothing where :data:`VARIABLE` names no driver on this machine and no launcher started the program.
    """
    host, _, process = os.environ.get(VARIABLE, "").rpartition(":")
    driven = host == platform.node() and is_number(process)
    launched = _CONNECTION in os.environ
    if launched and _OF_MPICH in os.environ:
        child.die_with_parent()  # no thread of Python runs while a rank waits in MPI_Init for the others
    if driven or launched:
        end_with(os.getppid(), "the process that started this program")
    if driven:
        end_with(int(process), "the call of Snakemake that started this program")
    connection = os.environ.get(_CONNECTION, "")
    if is_number(connection) and _is_closed(int(connection)):  # then the parent above was already another one
        _end("the launcher of this rank")


def is_number(text: str) -> bool:
    """Return whether a text can be the number of a process or of an open file."""
    return text.isascii() and text.isdecimal() and len(text) < 10


def end_with(process: int, description: str) -> None:
    """End this process when another one of this machine ends, or has ended already.

    Parameters
    ----------
    process
        Number of the other process.
    description
        Name of the other process, for the message when it has ended.
    """
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        _end(description)
    except (AttributeError, OSError):  # a system without such handles
        _watch(_wait_by_asking, process, description)
    else:
        _watch(_wait, handle, description)


def _watch(wait: Callable[[int], None], what: int, description: str) -> None:
    def wait_and_end() -> None:
        wait(what)
        _end(description)

    threading.Thread(target=wait_and_end, daemon=True).start()


def _wait(handle: int) -> None:
    select.select([handle], [], [])


def _wait_by_asking(process: int) -> None:
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        except PermissionError:  # a process of another user
            pass
        time.sleep(1)


def _is_closed(descriptor: int) -> bool:
    """Return whether the other end of a socket is closed; False for anything that is no socket."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
    except OSError:
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _end(description: str) -> NoReturn:
    print(f"error: {description} has ended", file=sys.stderr, flush=True)
    if _CONNECTION in os.environ:
        # Other ranks may wait in MPI_Init. Their launcher ends them if this one is killed, but not if it exits.
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)
