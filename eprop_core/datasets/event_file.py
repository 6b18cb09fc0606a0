"""Files of prepared data sets: ``.npz`` archives without compression, from which samples are read as they are needed.

Everything but the events is read at once, and has one checksum. The events are mapped into memory, which all processes
of a machine share; those of a sample have a checksum of their own, so that a start does not read all of them.
"""

import mmap
import os
import zipfile
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import EventStore, Sample, event_type, fault_of_offsets, packed
from eprop_core.errors import DatasetError, one_line
from eprop_core.files.archive import Archive, open_archive
from eprop_core.files.arrays import read_array, read_header
from eprop_core.files.regular import open_regular
from eprop_core.machine.whole_file import whole_file

_LOCAL_HEADER_BYTES = 30
"""Of an entry of a zip archive, before its name and extra field, whose lengths are in the last four bytes."""
_LARGEST_HEADER = 2**12
"""Bytes of the header of an array, which is much shorter."""


class Description(NamedTuple):
    """All that a file holds except events; each field is an array of the archive."""

    offsets: npt.NDArray[np.int64]
    """(n_samples + 1,), index of the first event of each sample"""
    labels: npt.NDArray[np.int64]
    """(n_samples,), classes of the samples"""
    n_channels: int
    n_steps: int
    n_classes: int


def write(path: str | os.PathLike[str], samples: Iterable[Sample], description: Description) -> None:
    """Write a file, which appears complete or not at all. Equal data make equal files."""
    n_steps, n_channels = description.n_steps, description.n_channels
    checksums = []
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        with archive.open(zipfile.ZipInfo("events.npy"), "w", force_zip64=True) as member:
            header = {
                "descr": np.lib.format.dtype_to_descr(event_type(n_steps, n_channels)),
                "fortran_order": False,
                "shape": (int(description.offsets[-1]),),
            }
            np.lib.format.write_array_header_1_0(member, header)
            for steps, channels in samples:
                events = packed(steps, channels, n_steps, n_channels)
                checksums.append(zlib.crc32(events.data))
                member.write(events.data)
        arrays = [np.asarray(array, np.int64) for array in description] + [np.array(checksums, np.uint32)]
        for name, array in zip(_NAMES, [*arrays, _checksum(arrays)], strict=True):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


_NAMES = (*Description._fields, "checksums", "checksum")
"""Arrays of the archive beside ``events``."""


def _checksum(arrays: list[np.ndarray]) -> np.ndarray:
    return np.array(zlib.crc32(b"".join(array.tobytes() for array in arrays)), np.uint32)


def read(path: str | os.PathLike[str]) -> tuple[EventStore, Description]:
    """Read a file that :func:`write` wrote, but for its events, which are mapped.

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; expected a prepared data set (.npz)") from None
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; expected a prepared data set (.npz)") from None
    try:
        with open_archive(file, str(path)) as archive:
            *arrays, checksums, stated = (_array(archive, name) for name in _NAMES)
            if stated.shape != () or stated != _checksum([*arrays, checksums]):
                raise DatasetError("the checksum is another one")
            description = _description(arrays)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            event = event_type(description.n_steps, description.n_channels)
            events = _mapped(archive, mapped, "events", event, (int(description.offsets[-1]),))
            if len(checksums) != len(description.labels):
                raise DatasetError(f"{len(checksums)} checksums for {len(description.labels)} samples")
    except (DatasetError, OverflowError, TypeError, ValueError) as error:
        told = one_line(error).removeprefix(f"{path}: ")
        raise DatasetError(f"{path}: damaged, or not a prepared data set ({told})") from None
    sizes = description.n_steps, description.n_channels
    return EventStore(events, description.offsets, mapped, checksums, str(path), sizes), description


def checksum(path: str | os.PathLike[str]) -> int:
    """Return the checksum of a file that :func:`write` wrote; raises the errors of :func:`read`."""
    with open_archive(path, str(path)) as archive:
        return int(_array(archive, _NAMES[-1]))


def _array(archive: Archive, name: str) -> np.ndarray:
    entry = _uncompressed(archive, name)
    return read_array(archive.read(entry.filename, entry.compress_size), entry.filename)


def _uncompressed(archive: Archive, name: str) -> zipfile.ZipInfo:
    entry = archive.entries.get(f"{name}.npy")
    if entry is None:
        raise DatasetError(f"there is no array {name}")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise DatasetError(f"{entry.filename} is compressed")
    return entry


def _description(arrays: list[np.ndarray]) -> Description:
    for name, array in zip(Description._fields, arrays, strict=True):
        n_dimensions = int(name in ("offsets", "labels"))
        if array.dtype != np.int64 or array.ndim != n_dimensions:
            raise DatasetError(f"{name} is {array.dtype} of shape {array.shape}")
    offsets, labels, *numbers = arrays
    description = Description(offsets, labels, *map(int, numbers))
    if min(description[2:]) < 1:
        raise DatasetError("n_channels, n_steps and n_classes must be at least 1")
    if len(offsets) != len(labels) + 1:
        raise DatasetError(f"{len(offsets)} offsets for {len(labels)} samples")
    if labels.size and not 0 <= labels.min() <= labels.max() < description.n_classes:
        raise DatasetError(f"labels from {labels.min()} to {labels.max()} of {description.n_classes} classes")
    if fault := fault_of_offsets(offsets, int(offsets[-1])):
        raise DatasetError(fault)
    return description


def _mapped(archive: Archive, mapped: mmap.mmap, name: str, expected: np.dtype, lengths: tuple[int, ...]) -> np.ndarray:
    """Return an array of a type and of these lengths, as a part of the mapped file."""
    entry = _uncompressed(archive, name)
    shape, _, dtype, header_bytes = read_header(archive.begin(entry.filename, _LARGEST_HEADER), entry.filename)
    if (shape, dtype) != (lengths, expected):
        raise DatasetError(f"{name} of shape {shape} and type {dtype}")
    of_header = np.frombuffer(mapped, "<u2", 2, entry.header_offset + _LOCAL_HEADER_BYTES - 4)
    begin = entry.header_offset + _LOCAL_HEADER_BYTES + int(of_header.sum()) + header_bytes
    return np.ndarray(shape, dtype, mapped, begin)
