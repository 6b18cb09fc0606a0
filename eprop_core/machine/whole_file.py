"""Files that appear complete or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eprop_core.machine.temporary_place import temporary_place


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Replace a file only when everything is written.

    What a killed process left of an earlier attempt is removed.

    Yields
    ------
    Path
        Temporary file on the same file system, which takes the place of ``path`` at the end of the ``with`` block. If
        the block raises an exception, the temporary file is removed, and ``path`` stays as it was.

    Raises
    ------
    OSError
        Another process is writing the file, or it cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "no regular file"
        raise FileExistsError(errno.EEXIST, f"is {kind}; expected a new file, or one to replace", str(path))
    with temporary_place(path) as place:
        temporary = place / path.name
        yield temporary
        os.replace(temporary, path)
