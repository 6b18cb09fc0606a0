"""Directories that appear complete or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eprop_core.machine.temporary_place import remove, temporary_place


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """Replace a directory only when everything is written.

    What a killed process left of an earlier attempt is removed. Temporary files of the ``with`` block lie beside the
    directory, since the system's place for them may be small, or in memory.

    Yields
    ------
    Path
        Temporary directory on the same file system, which takes the place of ``path`` at the end of the ``with`` block.
        If the block raises an exception, the temporary directory is removed, and ``path`` stays as it was.

    Raises
    ------
    OSError
        Another process is writing the directory, or it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_place(path) as place:
        temporary = place / path.name
        temporary.mkdir()
        place_of_temporary_files, tempfile.tempdir = tempfile.tempdir, str(place)
        try:
            yield temporary
        finally:
            tempfile.tempdir = place_of_temporary_files
        if path.exists():
            remove(path)
        os.replace(temporary, path)
