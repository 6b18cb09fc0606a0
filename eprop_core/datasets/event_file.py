"""Files of prepared data sets: ``.npz`` archives without compression, from which samples are read as they are needed.

Everything but the events, and the targets if there are any, is read at once, and has one checksum. Events and targets
are mapped into memory, which all processes of a machine share; those of a sample have a checksum of their own, so that
a start does not read all of them.
"""

import io
import math
import mmap
import os
import zipfile
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import EventStore, Sample, event_type, packed
from eprop_core.datasets.sample_rows import SampleRows
from eprop_core.errors import DatasetError, one_line
from eprop_core.machine.whole_file import whole_file

ZIP_ERRORS = (EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Raised by ``zipfile`` for a damaged archive; a RuntimeError if the damage looks like encryption or another format."""

_DAMAGES = (OSError, KeyError, MemoryError, OverflowError, TypeError, ValueError, *ZIP_ERRORS)
_LOCAL_HEADER_BYTES = 30
"""Of an entry of a zip archive, before its name and extra field, whose lengths are in the last four bytes."""


class Description(NamedTuple):
    """All that a file holds except events; each field is an array of the archive."""

    offsets: npt.NDArray[np.int64]
    """(n_samples + 1,), index of the first event of each sample"""
    labels: npt.NDArray[np.int64]
    """(n_samples,), classes of the samples"""
    n_channels: int
    n_steps: int
    n_classes: int


class Content(NamedTuple):
    """What a file holds."""

    events: EventStore
    description: Description
    targets: SampleRows | None
    """Of each sample n_steps rows, float64 (n_outputs,); None: labels are learned."""


def write(
    path: str | os.PathLike[str],
    samples: Iterable[Sample],
    description: Description,
    targets: Iterable[npt.NDArray[np.float64]] | None = None,
    n_outputs: int | None = None,
) -> None:
    """Write a file, which appears complete or not at all. Equal data make equal files."""
    n_steps, n_channels = description.n_steps, description.n_channels
    n_events, n_samples = int(description.offsets[-1]), len(description.labels)
    arrays: list[np.ndarray] = [np.asarray(array, np.int64) for array in description]
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        events = (packed(*sample, n_steps, n_channels) for sample in samples)
        arrays.append(_write_rows(archive, "events", events, (n_events,), event_type(n_steps, n_channels)))
        if targets is not None:
            shape = n_samples, n_steps, n_outputs
            arrays.append(_write_rows(archive, "targets", targets, shape, _TARGET))
        names = _names(targets is not None)
        for name, array in zip(names, [*arrays, _checksum(arrays)], strict=True):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


_TARGET = np.dtype("<f8")


def _write_rows(
    archive: zipfile.ZipFile, name: str, samples: Iterable[np.ndarray], shape: tuple[int | None, ...], dtype: np.dtype
) -> npt.NDArray[np.uint32]:
    """Write the rows of all samples as one array; return the checksum of each sample."""
    checksums = []
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        for rows in samples:
            checksums.append(zlib.crc32(rows.data))
            member.write(rows.data)
    return np.array(checksums, np.uint32)


def _names(has_targets: bool) -> list[str]:
    """Return the names of all arrays but ``events`` and ``targets``."""
    return [*Description._fields, "checksums", *(["target_checksums"] if has_targets else []), "checksum"]


def _checksum(arrays: list[np.ndarray]) -> np.ndarray:
    return np.array(zlib.crc32(b"".join(array.tobytes() for array in arrays)), np.uint32)


def read(path: str | os.PathLike[str]) -> Content:
    """Read a file that :func:`write` wrote, but for its events and targets, which are mapped.

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            has_targets = "targets.npy" in archive.namelist()
            *arrays, checksum = (_array(archive, name) for name in _names(has_targets))
            if checksum != _checksum(arrays):
                raise ValueError("the checksum is another one")
            offsets, labels, *numbers = arrays[: len(Description._fields)]
            description = Description(offsets, labels, *map(int, numbers))
            checksums = arrays[len(Description._fields) :]
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            event = event_type(description.n_steps, description.n_channels)
            events = _mapped(archive, mapped, "events", event, (int(offsets[-1]),))
            store = EventStore(events, offsets, mapped, checksums[0], (str(path), "events"))
            targets = None
            if has_targets:
                n_samples, n_steps = len(labels), description.n_steps
                rows = _mapped(archive, mapped, "targets", _TARGET, (n_samples, n_steps))
                first_rows = n_steps * np.arange(n_samples + 1)
                rows = rows.reshape(n_samples * n_steps, *rows.shape[2:])
                targets = SampleRows(rows, first_rows, mapped, checksums[1], (str(path), "targets"))
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; expected a prepared data set (.npz)") from None
    except _DAMAGES as error:
        raise DatasetError(f"{path}: damaged, or not a prepared data set ({one_line(error)})") from None
    return Content(store, description, targets)


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    data = archive.read(_uncompressed(archive, name))
    array: np.ndarray = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array


def _uncompressed(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed")
    return entry


def _mapped(
    archive: zipfile.ZipFile, mapped: mmap.mmap, name: str, expected: np.dtype, first_lengths: tuple[int, ...]
) -> np.ndarray:
    """Return an array of a type and of these first lengths, as a part of the mapped file."""
    entry = _uncompressed(archive, name)
    with archive.open(entry) as member:  # checks the local header
        np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        header_bytes = member.tell()
    if dtype != expected or shape[: len(first_lengths)] != first_lengths:
        raise ValueError(f"{name} of shape {shape} and type {dtype}")
    lengths = np.frombuffer(mapped, "<u2", 2, entry.header_offset + _LOCAL_HEADER_BYTES - 4)
    start = entry.header_offset + _LOCAL_HEADER_BYTES + int(lengths.sum()) + header_bytes
    return np.frombuffer(mapped, dtype, math.prod(shape), start).reshape(shape)
