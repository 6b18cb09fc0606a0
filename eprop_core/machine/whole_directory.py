"""Directories that appear complete or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """Replace a directory only when everything is written.

    What a killed process left of an earlier attempt is removed. Temporary files of the ``with`` block lie beside the
    directory, since the system's place for them may be small, or in memory.

    Yields
    ------
    Path
        Temporary directory beside ``path``, which takes the place of ``path`` at the end of the ``with`` block. If the
        block raises an exception, the temporary directory is removed, and ``path`` stays as it was.

    Raises
    ------
    OSError
        Another process is writing the directory, or it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new.part")
    temporary.mkdir(exist_ok=True)
    lock, place_of_temporary_files = os.open(temporary, os.O_RDONLY), tempfile.tempdir
    try:
        _lock(lock, path)
        try:
            _clear(temporary)
            tempfile.tempdir = str(temporary)
            yield temporary
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
        finally:
            tempfile.tempdir = place_of_temporary_files
            shutil.rmtree(temporary, ignore_errors=True)
    finally:
        os.close(lock)


def _lock(directory: int, path: Path) -> None:
    """Take a lock that the system releases when the process ends; some file systems of clusters have none."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(f"{path}: another process is writing it; wait for its end") from None
    except OSError:
        pass


def _clear(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
