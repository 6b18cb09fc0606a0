"""HDF5 in the layout of SHD and SSC.

``spikes/times`` (s) and ``spikes/units`` have an array of its own length for each sample, ``labels`` has a number or a
name; ``extra/speaker`` (a group per sample) and ``extra/keys`` (names of the classes) may be missing. ``targets`` (mV)
take the place of ``labels`` where signals over time are learned.

Cramer B, Stradmann Y, Schemmel J, Zenke F, 2022, IEEE Trans. Neural Netw. Learn. Syst. 33:2744.
"""

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.end import check_end
from eprop_core.datasets.recordings.heaps import check_heaps
from eprop_core.datasets.recordings.source import Events, Labelled, Labels, Learn, Source, sample_of, unlabelled
from eprop_core.datasets.recordings.stated_lengths import check_stated_lengths
from eprop_core.datasets.recordings.targets import Targets
from eprop_core.errors import DatasetError, one_line
from eprop_core.files.hdf5 import dataset_of_file

_ARRAYS = ("spikes/times", "spikes/units")
_DAMAGES = (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError, OverflowError, SystemError)
"""Errors that h5py raises if a file is damaged."""


@contextmanager
def open_hdf5(path: Path, file: Path | IO[bytes], learn: Learn) -> Iterator[Source]:
    """Yield the recordings of a file.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file.
    learn
        What is learned.

    Raises
    ------
    DatasetError
        If the file is damaged or of another layout, here or when a sample is read.
    """
    check_end(path, file)
    check_heaps(path, file)
    with _naming_damage(path):
        opened = h5py.File(file, "r", locking="best-effort")
    with opened:
        with _naming_damage(path):
            source = _source(path, opened, learn)
            for name in _ARRAYS:
                check_stated_lengths(path, file, _whole(path, opened[name]))
        yield source


@contextmanager
def _naming_damage(where: Path | str) -> Iterator[None]:
    """Raise a :class:`DatasetError` in place of the errors of h5py."""
    try:
        yield
    except DatasetError:
        raise
    except _DAMAGES as error:
        raise DatasetError(f"{where}: damaged, in use, or not in HDF5 format ({one_line(error)})") from None


def _source(path: Path, file: h5py.File, learn: Learn) -> Source:
    times, units = (_arrays(path, file, name) for name in _ARRAYS)
    speakers, keys = (_labels(path, file, name) if name in file else None for name in ("extra/speaker", "extra/keys"))
    place, targets = sample_of(path), None
    if learn == "labels":
        names = None if keys is None else [str(key) for key in keys]
        labels = Labelled(str(path), _labels(path, file, "labels"), place, names)
    else:
        labels, targets = unlabelled(str(path), len(times)), _targets(path, file, len(times))
    for name, entries in (("spikes/units", units), ("labels", labels.values), ("extra/speaker", speakers)):
        if entries is not None and len(entries) != len(times):
            raise DatasetError(f"{path}: {name} has {len(entries)} entries; expected {len(times)}, as spikes/times")

    def read(index: int) -> Events:
        where = place(index)
        with _naming_damage(where):
            return (
                numbers.times(_array(times, index), where),
                numbers.whole_numbers(_array(units, index), "units", where),
            )

    return Source(labels, read, 1.0, groups=speakers, targets=targets)


def _targets(path: Path, file: h5py.File, n_samples: int) -> Targets:
    dataset = _whole(path, _dataset(path, file, "targets"))

    def read(index: int) -> npt.NDArray[Any]:
        with _naming_damage(sample_of(path)(index)):
            return np.asarray(dataset[index])

    return Targets.of(str(path), dataset.shape or (), n_samples, read)


def _labels(path: Path, file: h5py.File, name: str) -> Labels:
    return numbers.labels(_whole(path, _dataset(path, file, name))[()], name, str(path))


def _dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    try:
        found = dataset_of_file(file, name)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from None
    if found is None:
        learned = "targets" if name == "targets" else "labels, as in SHD"
        raise DatasetError(f"{path}: no dataset {name}; expected spikes/times, spikes/units and {learned}")
    return found


def _whole(path: Path, dataset: h5py.Dataset) -> h5py.Dataset:
    """Return a dataset that was written completely; HDF5 reads zeros where it was not."""
    if dataset.chunks is None:
        n_pieces, expected = int(dataset.id.get_storage_size() > 0), int(bool(dataset.size))
    else:
        n_pieces = dataset.id.get_num_chunks()
        expected = math.prod(-(-n // of_chunk) for n, of_chunk in zip(dataset.shape, dataset.chunks, strict=True))
    if n_pieces < expected:
        raise DatasetError(f"{path}: {dataset.name[1:]} was not written completely; expected a whole file")
    return dataset


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
