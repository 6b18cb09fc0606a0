"""Files of prepared data sets: ``.npz`` archives without compression, from which samples are read as they are needed.

Everything but the events, and the targets if there are any, is read at once, and has one checksum. Events and targets
are mapped into memory, which all processes of a machine share; those of a sample have a checksum of their own, so that
a start does not read all of them.
"""

import mmap
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import EventStore, Sample, event_type, fault_of, fault_of_offsets, packed
from eprop_core.datasets.sample_rows import SampleRows, fault_of_target
from eprop_core.errors import DatasetError
from eprop_core.files.archive import Archive, open_archive
from eprop_core.files.arrays import read_array, read_header
from eprop_core.files.regular import open_regular, reason
from eprop_core.machine.whole_file import whole_file

_LOCAL_HEADER_BYTES = 30
"""Of an entry of a zip archive, before its name and extra field, whose lengths are in the last four bytes."""
_LARGEST_HEADER = 2**12
"""Bytes of the header of an array, which is much shorter."""
_TARGET = np.dtype("<f8")
_CHECKSUM = "checksum"
"""Array that covers all others but ``events`` and ``targets``."""


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
    """Content of a file."""

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
            arrays += [np.asarray(n_outputs, np.int64), _write_rows(archive, "targets", targets, shape, _TARGET)]
        names = _names(targets is not None)
        for name, array in zip(names, [*arrays, _checksum(arrays)], strict=True):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


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
    """Return the names of all arrays but ``events`` and ``targets``, in their order."""
    return [*Description._fields, "checksums", *(["n_outputs", "target_checksums"] if has_targets else []), _CHECKSUM]


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
        file = open_regular(path)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; expected a prepared data set (.npz)") from None
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; expected a prepared data set (.npz)") from None
    try:
        with open_archive(file, str(path)) as archive:
            names = _names("targets.npy" in archive.entries)
            arrays = {name: _array(archive, name) for name in names}
            stated = arrays.pop(names[-1])
            if stated.shape != () or stated != _checksum(list(arrays.values())):
                raise DatasetError("the checksum is another one")
            description = _description([arrays[name] for name in Description._fields])
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            events = _events(archive, mapped, description, arrays["checksums"])
            targets = _targets(archive, mapped, description, arrays) if "n_outputs" in arrays else None
    except (DatasetError, OverflowError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: damaged, or not a prepared data set ({reason(error, path)})") from None
    return Content(events, description, targets)


def checksum(path: str | os.PathLike[str]) -> int:
    """Return the checksum of a file that :func:`write` wrote; raises the errors of :func:`read`."""
    with open_archive(path, str(path)) as archive:
        return int(_array(archive, _CHECKSUM))


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


def _events(
    archive: Archive, mapped: mmap.mmap, description: Description, checksums: npt.NDArray[np.uint32]
) -> EventStore:
    n_steps, n_channels, offsets = description.n_steps, description.n_channels, description.offsets
    rows = _mapped(archive, mapped, "events", event_type(n_steps, n_channels), (int(offsets[-1]),))
    _check_one_for_each(checksums, "checksums", description)

    def fault(events: np.ndarray) -> str | None:
        return fault_of(events["step"], events["channel"], n_steps, n_channels)

    return EventStore(rows, offsets, mapped, checksums, (archive.name, "events"), fault)


def _targets(
    archive: Archive, mapped: mmap.mmap, description: Description, arrays: Mapping[str, np.ndarray]
) -> SampleRows:
    stated, n_samples, n_steps = arrays["n_outputs"], len(description.labels), description.n_steps
    if stated.dtype != np.int64 or stated.ndim or stated < 1:
        raise DatasetError("n_outputs must be an integer of at least 1")
    n_outputs = int(stated)
    rows = _mapped(archive, mapped, "targets", _TARGET, (n_samples, n_steps, n_outputs))
    _check_one_for_each(arrays["target_checksums"], "target_checksums", description)
    return SampleRows(
        rows.reshape(-1, n_outputs),
        n_steps * np.arange(n_samples + 1),
        mapped,
        arrays["target_checksums"],
        (archive.name, "targets"),
        fault_of_target,
    )


def _check_one_for_each(checksums: np.ndarray, name: str, description: Description) -> None:
    if len(checksums) != len(description.labels):
        raise DatasetError(f"{len(checksums)} {name} for {len(description.labels)} samples")


def _mapped(archive: Archive, mapped: mmap.mmap, name: str, expected: np.dtype, lengths: tuple[int, ...]) -> np.ndarray:
    """Return an array of a type and of these lengths, as a part of the mapped file."""
    entry = _uncompressed(archive, name)
    shape, _, dtype, header_bytes = read_header(archive.begin(entry.filename, _LARGEST_HEADER), entry.filename)
    if (shape, dtype) != (lengths, expected):
        raise DatasetError(f"{name} of shape {shape} and type {dtype}")
    of_header = np.frombuffer(mapped, "<u2", 2, entry.header_offset + _LOCAL_HEADER_BYTES - 4)
    begin = entry.header_offset + _LOCAL_HEADER_BYTES + int(of_header.sum()) + header_bytes
    return np.ndarray(shape, dtype, mapped, begin)
