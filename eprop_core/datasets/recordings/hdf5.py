"""HDF5 in the layout of SHD and SSC.

``spikes/times`` (s) and ``spikes/units`` have an array of its own length for each sample, ``labels`` has a number or a
name; ``extra/speaker`` (a group per sample) and ``extra/keys`` (names of the classes) may be missing.

Cramer B, Stradmann Y, Schemmel J, Zenke F, 2022, IEEE Trans. Neural Netw. Learn. Syst. 33:2744.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.heaps import check_heaps
from eprop_core.datasets.recordings.source import Events, Labelled, Source, sample_of
from eprop_core.datasets.recordings.stated_lengths import check_stated_lengths
from eprop_core.errors import DatasetError, one_line
from eprop_core.files.hdf5 import dataset_of_file

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ARRAYS = ("spikes/times", "spikes/units")
_DAMAGES = (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError, OverflowError, SystemError)
"""Errors that h5py raises if a file is damaged."""


@contextmanager
def open_hdf5(path: Path, file: Path | IO[bytes]) -> Iterator[Source]:
    """Yield the recordings of a file.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file.

    Raises
    ------
    DatasetError
        If the file is damaged or of another layout, here or when a sample is read.
    """
    check_heaps(path, file)
    try:
        opened = h5py.File(file, "r", locking="best-effort")
    except _DAMAGES as error:
        raise _damaged(path, error) from None
    with opened:
        try:
            source = _source(path, opened)
            for name in _ARRAYS:
                check_stated_lengths(path, file, opened[name])
        except DatasetError:
            raise
        except _DAMAGES as error:
            raise _damaged(path, error) from None
        yield source


def _source(path: Path, file: h5py.File) -> Source:
    times, units = (_arrays(path, file, name) for name in _ARRAYS)
    labels = numbers.labels(_dataset(path, file, "labels")[()], "labels", str(path))
    speakers, keys = (
        numbers.labels(_dataset(path, file, name)[()], name, str(path)) if name in file else None
        for name in ("extra/speaker", "extra/keys")
    )
    for name, entries in (("spikes/units", units), ("labels", labels), ("extra/speaker", speakers)):
        if entries is not None and len(entries) != len(times):
            raise DatasetError(f"{path}: {name} has {len(entries)} entries; expected {len(times)}, as spikes/times")
    place = sample_of(path)

    def read(index: int) -> Events:
        where = place(index)
        try:
            return (
                numbers.times(_array(times, index), where),
                numbers.whole_numbers(_array(units, index), "units", where),
            )
        except DatasetError:
            raise
        except _DAMAGES as error:
            raise _damaged(where, error) from None

    names = None if keys is None else [str(key) for key in keys]
    return Source(Labelled(str(path), labels, place, names), read, 1.0, groups=speakers)


def _dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    found = dataset_of_file(file, name)
    if found is None:
        raise DatasetError(f"{path}: no dataset {name}; expected spikes/times, spikes/units and labels, as in SHD")
    return found


def _arrays(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """Return a dataset that has an array of its own length for each sample."""
    dataset = _dataset(path, file, name)
    entries = h5py.check_vlen_dtype(dataset.dtype)
    if not isinstance(entries, np.dtype) or dataset.ndim != 1:
        raise DatasetError(
            f"{path}: {name} has the shape {dataset.shape} and the type {dataset.dtype}; expected an array of its own "
            "length for each sample"
        )
    return dataset


def _array(dataset: h5py.Dataset, index: int) -> npt.NDArray[Any]:
    """Return the array of a sample, in the byte order of the file or in that of the machine."""
    array = np.asarray(dataset[index])
    dtype = h5py.check_vlen_dtype(dataset.dtype)
    return array.view(dtype) if _keeps_foreign_order() and array.dtype.newbyteorder("=") == array.dtype else array


@functools.cache
def _keeps_foreign_order() -> bool:
    """Return whether h5py, as its version 3.16, takes the bytes of such arrays for native ones in any byte order."""
    foreign = np.dtype(np.int32).newbyteorder("S")
    with h5py.File("foreign", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("one", (1,), h5py.vlen_dtype(foreign))
        dataset[0] = np.ones(1, foreign)
        return bool(dataset[0][0] != 1)


def _damaged(where: Path | str, error: BaseException) -> DatasetError:
    return DatasetError(f"{where}: damaged, or not in HDF5 format ({one_line(error)})")
