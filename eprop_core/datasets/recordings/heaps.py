"""Heaps of an HDF5 file, which hold arrays of variable length; HDF5 reads a damaged one for ever.

A heap has 16 bytes, of which the last eight are its size, and objects: index (0: free space), number of references,
size, data up to a multiple of eight bytes. HDF5 goes from one object to the next by these sizes.

HDF5 File Format Specification Version 3.0, section III.E.
"""

import mmap
import os
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from eprop_core.errors import DatasetError
from eprop_core.files.regular import open_regular

_BEGIN = b"GCOL\x01\0\0\0"
_HEADER_BYTES = 16
_SMALLEST = 4096
"""Bytes of a heap."""


def check_heaps(path: Path, file: Path | IO[bytes]) -> None:
    """Raise a :class:`DatasetError` if the objects of a heap in a file do not follow one another to its end."""
    with open_regular(file) if isinstance(file, Path) else nullcontext(file) as opened:
        if not os.fstat(opened.fileno()).st_size:  # an empty file cannot be mapped
            return
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    with data:
        first = data.find(_BEGIN)
        while first >= 0:
            (size,) = struct.unpack_from("<Q", data, first + 8) if first + _HEADER_BYTES <= len(data) else (0,)
            if _SMALLEST <= size <= len(data) - first:  # otherwise HDF5 refuses it, or these bytes are no heap
                _check_heap(path, data, first, first + size)
            first = data.find(_BEGIN, first + 1)


def _check_heap(path: Path, data: mmap.mmap, first: int, end: int) -> None:
    place = first + _HEADER_BYTES
    while place + _HEADER_BYTES <= end:
        index, _, _, size = struct.unpack_from("<HHIQ", data, place)
        length = _HEADER_BYTES + -(-size // 8) * 8 if index else size
        if not _HEADER_BYTES <= length <= end - place:
            raise DatasetError(f"{path}: damaged in the heap at byte {first}; expected objects that follow one another")
        place += length
