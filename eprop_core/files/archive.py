"""Zip archives of others: no entry leads out of the archive or stands for another one, and reading has a bound."""

import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from eprop_core.errors import DatasetError, one_line
from eprop_core.files.litter import is_litter
from eprop_core.files.regular import PathLike, open_regular, read_at_most, reason

_ENCRYPTED = 0x1
_UNIX_MODE = 16
"""Bits of an entry's attributes below the mode of its file."""
_OUTSIDE = re.compile(r"(^|/)(\.\.?)?(/|$)|\\|^[A-Za-z]:")
"""Matches names that are absolute, have an empty, ``.`` or ``..`` part, or the separators of another system."""


class Archive:
    """The entries of a zip archive; see :func:`open_archive`.

    Parameters
    ----------
    file
        The archive.
    name
        Its name, for messages.

    Raises
    ------
    DatasetError
        If it is damaged, or an entry leads out of it, comes twice, overlaps another, is no regular file or has a
        password.
    """

    def __init__(self, file: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self._file = file
        self.entries: dict[str, zipfile.ZipInfo] = {}
        """Files of the archive by name, without those that a desktop added."""
        if sum(entry.compress_size for entry in file.infolist()) > _size(file):
            raise DatasetError(f"{name}: its entries are larger than the archive; expected entries that do not overlap")
        for entry in file.infolist():
            if not entry.filename.endswith("/") and not is_litter(entry.filename):
                self._add(entry)

    def _add(self, entry: zipfile.ZipInfo) -> None:
        kind = stat.S_IFMT(entry.external_attr >> _UNIX_MODE)
        if _OUTSIDE.search(entry.filename):
            fault = "leads out of the archive; expected names of files in it, with / between folders"
        elif entry.filename in self.entries:
            fault = "comes twice; expected different names"
        elif kind not in (0, stat.S_IFREG):
            fault = "is a link or no regular file; expected files alone"
        elif entry.flag_bits & _ENCRYPTED:
            fault = "has a password; expected an archive without"
        else:
            self.entries[entry.filename] = entry
            return
        raise DatasetError(f"{self.name}: {entry.filename or 'an entry without a name'} {fault}")

    def read(self, name: str, most: int) -> bytes:
        """Return the content of an entry.

        Parameters
        ----------
        name
            Name of the entry.
        most
            Bytes that it may have.

        Raises
        ------
        DatasetError
            If it has more, is damaged, or packed by an unknown method.
        """
        entry = self.entries[name]
        with self._errors(f"{name} cannot be read"):
            if entry.file_size > most:
                raise DatasetError(f"{self.name}: {name} has {entry.file_size} bytes; expected at most {most}")
            with self._file.open(entry) as opened:
                data = read_at_most(opened, entry.file_size + 1)
            if len(data) != entry.file_size:
                raise ValueError(f"{len(data)} of {entry.file_size} bytes")
            return data

    def begin(self, name: str, n_bytes: int) -> bytes:
        """Return the first bytes of an entry, without a look at the rest; raises the errors of :meth:`read`."""
        with self._errors(f"{name} cannot be read"), self._file.open(self.entries[name]) as opened:
            return read_at_most(opened, n_bytes)

    def unpack(self, name: str) -> IO[bytes]:
        """Return an entry, unpacked into an unnamed temporary file; raises the errors of :meth:`read`."""
        entry, unpacked = self.entries[name], tempfile.TemporaryFile()  # noqa: SIM115
        try:
            free = shutil.disk_usage(tempfile.gettempdir()).free
            if entry.file_size > free:
                raise DatasetError(f"{self.name}: {name} has {entry.file_size} bytes; the disk has room for {free}")
            with self._errors(f"{name} is damaged"), self._file.open(entry) as packed:
                shutil.copyfileobj(packed, unpacked, 2**20)
                if unpacked.tell() != entry.file_size:
                    raise ValueError(f"{unpacked.tell()} of {entry.file_size} bytes")
        except BaseException:
            unpacked.close()
            raise
        unpacked.seek(0)
        return unpacked

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except DatasetError:
            raise
        except Exception as error:  # zipfile and its decompressors raise many kinds for damage
            raise DatasetError(f"{self.name}: {what} ({one_line(error)}); expected a whole file") from None


def _size(archive: zipfile.ZipFile) -> int:
    file = archive.fp
    assert file is not None
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return size


@contextmanager
def open_archive(file: PathLike | IO[bytes], name: str) -> Iterator[Archive]:
    """Open a zip archive.

    Parameters
    ----------
    file
        The archive, or its path.
    name
        Its name, for messages.

    Raises
    ------
    DatasetError
        See :class:`Archive`.
    """
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_regular(file) if isinstance(file, str | os.PathLike) else file)
            archive = stack.enter_context(zipfile.ZipFile(opened))
        except Exception as error:  # zipfile raises many kinds for damage
            raise DatasetError(f"{name}: damaged ({reason(error)}); expected a whole zip archive") from None
        yield Archive(archive, name)
