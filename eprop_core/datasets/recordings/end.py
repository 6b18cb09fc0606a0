"""The end that an HDF5 file states: what follows it is read by nobody, but could fill a disk.

HDF5 File Format Specification Version 3.0, section II.A: the address follows those of the file itself and of one more
object, which begin at byte 24 or, since version 2 of the superblock, at byte 12.
"""

import os
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from eprop_core.errors import DatasetError
from eprop_core.files.regular import open_regular

_VERSION = 8
"""Byte with the version of the superblock, behind the signature."""
_FIRST_ADDRESS = {0: 24, 1: 28, 2: 12, 3: 12}
"""Byte of the address of the file itself, by version of the superblock."""
_SIZE_OF_ADDRESSES = {0: 13, 1: 13, 2: 9, 3: 9}
"""Byte with the size of an address."""


def check_end(path: Path, file: Path | IO[bytes]) -> None:
    """Raise a :class:`DatasetError` if a file goes on after the end that it states."""
    with open_regular(file) if isinstance(file, Path) else nullcontext(file) as opened:
        opened.seek(0)
        begin, size = opened.read(64), os.fstat(opened.fileno()).st_size
    if len(begin) < 64 or begin[_VERSION] not in _FIRST_ADDRESS or begin[_SIZE_OF_ADDRESSES[begin[_VERSION]]] != 8:
        return  # HDF5 says what is wrong, or the file is that of another machine
    _, _, end = struct.unpack_from("<3Q", begin, _FIRST_ADDRESS[begin[_VERSION]])
    if size > end:
        raise DatasetError(f"{path}: has {size} bytes; expected {end}, as the file states")
