"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Replace a file only when everything is written.

    Yields
    ------
    Path
        Temporary file in the same directory, which takes the place of ``path`` at the end of the ``with`` block. If the
        block raises an exception, the temporary file is removed, and ``path`` stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
