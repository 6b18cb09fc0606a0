"""Lengths that an HDF5 file states of its arrays of variable length, with which a damaged file stops HDF5.

HDF5 allocates the memory for an array before it looks for it, and goes through a heap of arrays by their lengths,
forever if one is zero. Of each array, a dataset holds its length, the address of its heap and its index there.
"""

import os
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from eprop_core.errors import DatasetError

_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_HEAP = struct.Struct("<4sB3xQ")
"""Signature, version and size of a heap, which are followed by its arrays."""
_ARRAY = struct.Struct("<HHIQ")
"""Index, number of references, 0 and size of an array, which follows; index 0: free space, with this header."""


def check_stated_lengths(path: Path, file: Path | IO[bytes], dataset: h5py.Dataset) -> None:
    """Raise a :class:`DatasetError` if an array of a dataset would be larger than the file, or a heap never ends.

    References that are compressed are not looked at; zlib has a checksum for them.
    """
    if dataset.id.get_type().get_size() != _REFERENCE.itemsize or dataset.id.get_create_plist().get_nfilters():
        return
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
        size = opened.seek(0, 2)
        for first, n_bytes in _pieces(dataset):
            opened.seek(first)
            data = opened.read(n_bytes)
            references = np.frombuffer(data, _REFERENCE, len(data) // _REFERENCE.itemsize)
            lengths = references["length"]
            if lengths.max(initial=0) > size:
                raise DatasetError(f"{path}: damaged ({dataset.name} has an array of {lengths.max()} entries)")
            for address in np.unique(references["address"][lengths > 0]).tolist():
                if not _heap_ends(opened.fileno(), address, size):
                    raise DatasetError(f"{path}: damaged (arrays of {dataset.name} at byte {address})")


def _heap_ends(file: int, address: int, file_size: int) -> bool:
    """Return whether the lengths of the arrays in a heap add up to its size."""
    header = os.pread(file, _HEAP.size, address) if address < file_size else b""
    if len(header) < _HEAP.size:
        return False
    signature, _, size = _HEAP.unpack(header)
    if signature != b"GCOL" or address + size > file_size:
        return False
    place = _HEAP.size
    while place + _ARRAY.size <= size:
        index, _, _, n_bytes = _ARRAY.unpack(os.pread(file, _ARRAY.size, address + place))
        length = n_bytes if index == 0 else _ARRAY.size + -(-n_bytes // 8) * 8
        if length < _ARRAY.size:
            return False
        place += length
    return bool(place <= size)


def _pieces(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return the places in the file that hold the references: first byte, number of bytes."""
    if dataset.chunks is None:
        first = dataset.id.get_offset()
        return [] if first is None else [(first, len(dataset) * _REFERENCE.itemsize)]
    pieces: list[tuple[int, int]] = []
    dataset.id.chunk_iter(lambda chunk: pieces.append((chunk.byte_offset, chunk.size)))
    return pieces
