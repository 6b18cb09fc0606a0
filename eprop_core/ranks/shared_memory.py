"""The shared memory of MPICH on this machine: room for it, and what killed ranks left of it.

Ranks of one machine exchange messages by files in ``/dev/shm``, which is in memory. When it is full, a rank dies by a
signal of the system, without a message. MPICH removes its files when a program ends by itself; after a kill they stay
until the machine restarts, and take room from later ranks.
"""

import math
import os
import stat
from contextlib import suppress
from pathlib import Path

import psutil

BYTES_PER_RANK = 5_500_000
"""What MPICH 5.0 with UCX takes for a rank (measured: 5 393 000)."""
BYTES_PER_RANK_ELSEWHERE = 1_200_000
"""The same with UCX's part in another place (measured: 1 058 000)."""

_FOLDER = Path("/dev/shm")
_SEGMENTS = ("mpich_shm_", "ucx_shm_")
"""First letters of the names of MPICH's files there."""
_TEMPORARY = Path("/tmp")  # of MPICH's launcher, which has no variable for it
_LAUNCHERS = ("hydra", "mpiexec", "mpirun")
_INACCURACY = 10.0
"""s, of the start of a process."""
_RANKS_HERE = "MPI_LOCALNRANKS"
"""Environment variable in which MPICH's launcher passes the number of ranks on this machine."""


def shortage() -> str | None:
    """Return in one line why there is too little room for the ranks here; None where there is enough.

    Only what MPICH's own launcher started is examined: other libraries and batch systems need other sizes. The answer
    is the same on all ranks of a machine, before any of them has started MPI.
    """
    n_ranks = int(os.environ.get(_RANKS_HERE, 0))
    if n_ranks < 2:
        return None
    try:
        status = os.statvfs(_FOLDER)
    except OSError:
        return None
    elsewhere = os.environ.keys() & {"UCX_POSIX_DIR", "UCX_TLS"}
    needed = n_ranks * (BYTES_PER_RANK_ELSEWHERE if elsewhere else BYTES_PER_RANK)
    free = status.f_bavail * status.f_frsize
    if status.f_blocks == 0 or free >= needed:  # 0: without a limit
        return None
    # Other ranks of this program may have started MPI already.
    free += _bytes_held()
    if free >= needed:
        return None
    return (
        f"{_FOLDER} has {free / 1e6:.3g} MB free, and {n_ranks} ranks of MPI need {needed / 1e6:.3g} MB of it: enlarge "
        "it (docker run --shm-size=...), use fewer ranks, or set UCX_POSIX_DIR to a folder on another file system"
    )


def _bytes_held() -> int:
    """Return the size of MPICH's files in shared memory that processes of this user have open, also of removed ones."""
    sizes: dict[int, int] = {}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # of another user, or ended
            if os.readlink(descriptor).startswith(tuple(f"{_FOLDER}/{name}" for name in _SEGMENTS)):
                status = descriptor.stat()
                sizes[status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())


def remove_leftovers() -> None:
    """Remove files of MPICH and of its launcher that belong to this user and to no process that still runs."""
    segments = [file for pattern in _SEGMENTS for file in _own_files(_FOLDER, f"{pattern}*")]
    topologies = _own_files(_TEMPORARY, "hydra_hwloc_xmlfile_*")
    if not segments and not topologies:
        return
    in_use, oldest_launcher = _in_use(), _start_of_oldest_launcher()
    # A segment is open as long as its ranks run. A topology is written by a launcher, which then closes it.
    left = [file for file in segments if str(file) not in in_use]
    with suppress(OSError):  # the file was removed meanwhile
        left += [file for file in topologies if file.stat().st_mtime < oldest_launcher]
    for file in left:
        with suppress(OSError):
            file.unlink()


def _own_files(folder: Path, pattern: str) -> list[Path]:
    found = []
    for file in folder.glob(pattern):
        with suppress(OSError):
            status = file.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid():
                found.append(file)
    return found


def _in_use() -> set[str]:
    """Return the files in shared memory that processes of this user have open or in their memory."""
    used: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or ended
            if process.stat().st_uid == os.getuid():
                mapped = (
                    line.split(maxsplit=5) for line in (process / "maps").read_text("utf-8", "replace").splitlines()
                )
                used.update(entry[5] for entry in mapped if len(entry) == 6)
                used.update(os.readlink(descriptor) for descriptor in (process / "fd").iterdir())
    return used


def _start_of_oldest_launcher() -> float:
    """Return when the oldest launcher of MPICH that still runs was started, s since the epoch; infinity without any."""
    running = psutil.process_iter(["name", "create_time"])
    starts = [process.info["create_time"] for process in running if (process.info["name"] or "").startswith(_LAUNCHERS)]
    return min(starts, default=math.inf) - _INACCURACY
