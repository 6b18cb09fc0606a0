"""A place beside a file or directory where its next version is written."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eprop_core.errors import printable

ENDING = ".new.part"
"""Ending of the directory's name, after the name of the file or directory."""

_LOCK = "lock"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors that do not name the file."""


@contextmanager
def temporary_place(path: Path, *, wait: bool = False) -> Iterator[Path]:
    """Make an empty directory beside ``path`` that one process at a time can have; remove it in the end.

    What a killed process left there is removed.

    Parameters
    ----------
    path
        The file or directory.
    wait
        Whether to wait while another process has it, instead of raising an error.

    Yields
    ------
    Path
        The directory, on the file system of ``path``, so that what is written there can take the place of ``path``.

    Raises
    ------
    OSError
        Another process has it, or it cannot be written.
    """
    place = path.with_name(f"{path.name}{ENDING}")
    lock = _lock(place, path, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        for entry in place.iterdir():
            if entry.name != _LOCK:
                remove(entry)
        yield place
    except OSError as error:
        if error.errno in _NO_ROOM and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def remove(path: Path) -> None:
    """Remove a file, or a directory with all that is in it; follow no link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _lock(place: Path, path: Path, kind: int) -> int:
    """Make the place and take its lock, which the system releases when the process ends."""
    while True:
        try:
            if place.is_symlink():
                place.unlink()
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        try:
            lock = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # another process has just removed the place
            continue
        try:
            fcntl.flock(lock, kind)
            if os.path.samestat(os.fstat(lock), os.stat(place / _LOCK)):
                return lock
        except FileNotFoundError:  # as above
            pass
        except BlockingIOError:
            os.close(lock)
            raise BlockingIOError(f"{printable(path)}: another process is writing it; wait for its end") from None
        except OSError:  # some file systems of clusters have no locks
            return lock
        os.close(lock)
