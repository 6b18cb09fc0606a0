"""Checksums of the user's files, which are in the parameters of a job: it is repeated when their content changes."""

import functools
from collections.abc import Iterable

from eprop_core.datasets.origin import origin_of
from eprop_core.files.regular import user_path


def of(files: Iterable[str]) -> list[str]:
    """Return the checksum of each file or folder, or why there is none, wherever they are."""
    return [_of(file) for file in files]


@functools.cache
def _of(file: str) -> str:
    try:
        return origin_of(user_path(file)).sha256
    except OSError as error:  # its reader says so in the words of the data set
        return str(error.strerror)
