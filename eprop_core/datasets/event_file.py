"""Files of prepared data sets: ``.npz`` archives without compression, from which samples are read as they are needed.

Everything but the events is read at once, and has one checksum. The events are mapped into memory, which all processes
of a machine share; those of a sample have a checksum of their own, so that a start does not read all of them.
"""

import io
import mmap
import os
import zipfile
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import EventStore, Sample, event_type, packed
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
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            *arrays, checksums, checksum = (_array(archive, name) for name in _NAMES)
            if checksum != _checksum([*arrays, checksums]):
                raise ValueError("the checksum is another one")
            offsets, labels, *numbers = arrays
            description = Description(offsets, labels, *map(int, numbers))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            events = np.frombuffer(
                mapped,
                event_type(description.n_steps, description.n_channels),
                description.offsets[-1],
                _start_of_events(archive, mapped, description),
            )
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; expected a prepared data set (.npz)") from None
    except _DAMAGES as error:
        raise DatasetError(f"{path}: damaged, or not a prepared data set ({one_line(error)})") from None
    return EventStore(events, description.offsets, mapped, checksums, str(path)), description


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    data = archive.read(_uncompressed(archive, name))
    array: np.ndarray = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array


def _uncompressed(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed")
    return entry


def _start_of_events(archive: zipfile.ZipFile, mapped: mmap.mmap, description: Description) -> int:
    """Return the byte at which the events begin."""
    entry = _uncompressed(archive, "events")
    with archive.open(entry) as member:  # checks the local header
        np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        header_bytes = member.tell()
    expected = (int(description.offsets[-1]),), event_type(description.n_steps, description.n_channels)
    if (shape, dtype) != expected:
        raise ValueError(f"events of shape {shape} and type {dtype}")
    lengths = np.frombuffer(mapped, "<u2", 2, entry.header_offset + _LOCAL_HEADER_BYTES - 4)
    return entry.header_offset + _LOCAL_HEADER_BYTES + int(lengths.sum()) + header_bytes
