"""Lengths of arrays as an HDF5 file states them, which a damaged file may state to be larger than any memory.

HDF5 allocates the memory for an array before it looks for it. Of each array of variable length, a dataset holds its
length, its address and its index in a heap.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from eprop_core.errors import DatasetError

_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


def check_stated_lengths(path: Path, file: Path | IO[bytes], dataset: h5py.Dataset) -> None:
    """Raise a :class:`DatasetError` if an array of a dataset would be larger than the file.

    References that are compressed are not looked at; zlib has a checksum for them.
    """
    if dataset.id.get_type().get_size() != _REFERENCE.itemsize or dataset.id.get_create_plist().get_nfilters():
        return
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
        size = opened.seek(0, 2)
        for first, n_bytes in _pieces(dataset):
            opened.seek(first)
            data = opened.read(n_bytes)
            lengths = np.frombuffer(data, _REFERENCE, len(data) // _REFERENCE.itemsize)["length"]
            if lengths.max(initial=0) > size:
                raise DatasetError(f"{path}: damaged ({dataset.name} has an array of {lengths.max()} entries)")


def _pieces(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return the places in the file that hold the references: first byte, number of bytes."""
    if dataset.chunks is None:
        first = dataset.id.get_offset()
        return [] if first is None else [(first, len(dataset) * _REFERENCE.itemsize)]
    pieces: list[tuple[int, int]] = []
    dataset.id.chunk_iter(lambda chunk: pieces.append((chunk.byte_offset, chunk.size)))
    return pieces
