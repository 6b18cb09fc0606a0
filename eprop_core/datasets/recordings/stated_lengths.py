"""Lengths of arrays as an HDF5 file states them, which a damaged file may state to be larger than any memory.

HDF5 allocates the memory for an array before it looks for it. Of each array of variable length, a dataset holds its
length, its address and its index in a heap.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from eprop_core.errors import DatasetError
from eprop_core.files.hdf5_pieces import unpacked_pieces

_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


def check_stated_lengths(path: Path, file: Path | IO[bytes], dataset: h5py.Dataset) -> None:
    """Raise a :class:`DatasetError` if an array of a dataset would be larger than the file."""
    if dataset.id.get_type().get_size() != _REFERENCE.itemsize:
        return
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
        size = opened.seek(0, 2)
        for data in _references(opened, dataset):
            lengths = np.frombuffer(data, _REFERENCE, len(data) // _REFERENCE.itemsize)["length"]
            if lengths.max(initial=0) > size:
                raise DatasetError(
                    f"{path}: damaged ({dataset.name[1:]} has an array of {lengths.max()} entries); expected what "
                    f"{size} bytes of a file can hold"
                )


def _references(file: IO[bytes], dataset: h5py.Dataset) -> Iterator[bytes]:
    """Yield the stored references, piece by piece. HDF5 never shuffles them."""
    places = []
    if dataset.chunks is not None:
        for piece, data in unpacked_pieces(dataset.name, dataset):
            if data is None:
                places.append((piece.byte_offset, piece.size))
            else:
                yield data
    elif (first := dataset.id.get_offset()) is not None:
        places.append((first, len(dataset) * _REFERENCE.itemsize))
    for first, n_bytes in places:
        file.seek(first)
        yield file.read(n_bytes)
