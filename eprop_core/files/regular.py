"""Regular files: a named pipe or a device in place of one is refused, instead of being read for ever."""

import io
import os
import stat
from pathlib import Path
from typing import Protocol

from eprop_core.errors import one_line, printable

PathLike = str | os.PathLike[str]

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_PIECE = 2**20


class Readable(Protocol):
    """Anything that can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""


class NotRegularError(OSError):
    """There is something, but no regular file; ``strerror`` has no path, as in other errors of the system."""

    def __str__(self) -> str:
        """Return path and reason in one line."""
        return printable(f"{self.filename}: {self.strerror}")


def reason(error: Exception, path: PathLike = "") -> str:
    """Return why a file cannot be read, in one line without its ``path``, which the rest of the message names."""
    return getattr(error, "strerror", None) or one_line(error).removeprefix(f"{path}: ")


def user_path(path: PathLike) -> Path:
    """Return a path that a user gave, in which ``~`` at the begin is the home directory."""
    return Path(os.path.expanduser(path))


def check_regular(path: PathLike) -> None:
    """Raise an :class:`OSError` where there is no regular file."""
    try:
        _check(os.stat(path), path)
    except ValueError:  # no name of a file can hold such characters
        raise NotRegularError(0, "no such file", repr(os.fspath(path))) from None


def open_regular(path: PathLike) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        There is none, or it cannot be read. A named pipe is not waited for.
    """
    check_regular(path)
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
    try:
        _check(os.fstat(file.fileno()), path)  # it may have been replaced
    except OSError:
        file.close()
        raise
    return file


def read_at_most(file: Readable, most: int) -> bytes:
    """Return the rest of a file, or so many bytes of it; memory is taken as they come."""
    data = bytearray()
    while piece := file.read(min(_PIECE, most - len(data))):
        data += piece
    return bytes(data)


def _check(status: os.stat_result, path: PathLike) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise NotRegularError(0, f"is {_KINDS.get(kind, 'no file')}; expected a regular file", os.fspath(path))
