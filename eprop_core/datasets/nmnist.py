"""N-MNIST in its official format: one file of events per recording of a handwritten digit.

Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437; data doi:10.17632/468j46mzdv.1.
"""

import functools
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.download import published
from eprop_core.datasets.event_file import ZIP_ERRORS
from eprop_core.datasets.event_store import Sample
from eprop_core.datasets.events import EventDataset, Splits, bin_events, check_enough
from eprop_core.datasets.parameters import N_CLASSES, SENSOR_SIZE, Nmnist
from eprop_core.datasets.recordings.nmnist_format import unpack
from eprop_core.errors import DatasetError
from eprop_core.machine.parallel import in_order
from eprop_core.progress import progress

N_CHANNELS = 2 * SENSOR_SIZE**2

_BATCH = 16
"""Recordings that are decoded together: numpy works longer without Python, which other threads need meanwhile."""

Recordings = dict[str, Callable[[], bytes]]  # Split/digit/file.bin -> what reads its bytes


def read(parameters: Nmnist) -> Splits:
    """Read both splits. The samples are sorted by file name, which is the order of MNIST.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    path = published("nmnist", parameters.path)
    train, train_checksum = _read_split(path, "Train", parameters, parameters.train_samples)
    test, test_checksum = _read_split(path, "Test", parameters, parameters.test_samples)
    checksums = {"Train": train_checksum, "Test": test_checksum}
    return Splits(train, test, np.arange(N_CHANNELS), SENSOR_SIZE, checksums).most_active(parameters.active_channels)


def decode(data: bytes, name: str, time_max_us: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Decode the events of one recording.

    Parameters
    ----------
    data
        Content of the file.
    name
        Name of the file, for messages.
    time_max_us
        Largest time that is allowed, us.

    Returns
    -------
    times
        int64 (n_events,), us, ascending.
    channels
        int64 (n_events,), polarity * 34**2 + y * 34 + x.

    Raises
    ------
    DatasetError
        At the first event that is not allowed.
    """
    times, channels, _ = decode_all([data], [name], time_max_us)
    return times.astype(np.int64), channels.astype(np.int64)


def decode_all(
    data: Sequence[bytes], names: Sequence[str], time_max_us: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Decode the events of several recordings, one after another, with the arguments and errors of :func:`decode`.

    Returns
    -------
    times, channels
        As of :func:`decode`, int32 (n_events,), of all recordings.
    first_events
        int64 (n_recordings + 1,), index of the first event of each recording.
    """
    events = unpack(data, names)
    off_sensor = (events.x >= SENSOR_SIZE) | (events.y >= SENSOR_SIZE)
    wrong = off_sensor | (events.times > time_max_us)
    if wrong.any():
        place = int(np.argmax(wrong))
        where = events.where(place, names)
        if off_sensor[place]:
            raise DatasetError(
                f"{where}: x = {events.x[place]}, y = {events.y[place]}; expected 0 to {SENSOR_SIZE - 1}"
            )
        raise DatasetError(f"{where}: time {events.times[place]} us; expected at most time_max_us = {time_max_us}")
    channels = (events.polarity * SENSOR_SIZE + events.y) * SENSOR_SIZE + events.x
    return events.times, channels, events.first_events


def _read_split(path: Path, split: str, parameters: Nmnist, n_samples: int | None) -> tuple[EventDataset, str]:
    """Return a split, and the sha256 of the output of ``sha256sum`` for its files in the order of the samples."""
    checksum = sha256()
    with recordings(path, split) as files:
        check_enough(f"{split.lower()}_samples", n_samples, len(files))
        names = sorted(files, key=lambda name: name.rpartition("/")[2])[:n_samples]

        def samples() -> Iterator[Sample]:
            batches = [names[first : first + _BATCH] for first in range(0, len(names), _BATCH)]
            read_batch = functools.partial(_read_batch, path, files, parameters)
            read = chain.from_iterable(in_order(read_batch, batches, at_once=1))
            for sample, line in progress(read, f"N-MNIST {split}", len(names)):
                checksum.update(line.encode())
                yield sample

        labels = [int(name.split("/")[1]) for name in names]
        dataset = EventDataset.from_samples(samples(), labels, N_CHANNELS, parameters.n_steps, N_CLASSES)
    return dataset, checksum.hexdigest()


def _read_batch(path: Path, files: Recordings, parameters: Nmnist, names: list[str]) -> list[tuple[Sample, str]]:
    """Return the sample of each recording, and the line of ``sha256sum`` for its file."""
    data, n_steps = [files[name]() for name in names], parameters.n_steps
    times, channels, first_events = decode_all(data, [f"{path}: {name}" for name in names], parameters.time_max_us)
    steps = np.clip(np.rint(times * np.int64(n_steps) / parameters.time_max_us), 0, n_steps - 1)
    # Each recording has steps of its own, so that the events of all are sorted at once.
    first_steps = n_steps * np.arange(len(names) + 1, dtype=np.int32)
    steps += np.repeat(first_steps[:-1], np.diff(first_events))
    spike_steps, spike_channels = bin_events(steps, channels, N_CHANNELS)
    bounds = np.searchsorted(spike_steps, first_steps)
    return [
        ((spike_steps[begin:end] - first_step, spike_channels[begin:end]), f"{sha256(content).hexdigest()}  {name}\n")
        for begin, end, first_step, content, name in zip(bounds, bounds[1:], first_steps, data, names, strict=False)
    ]


@contextmanager
def recordings(path: Path, split: str) -> Iterator[Recordings]:
    """Yield the recordings of ``split`` (``Train`` or ``Test``).

    Parameters
    ----------
    path
        A directory with ``Train/<digit>/*.bin`` or ``Train.zip``, or the published archive, which contains
        ``Train.zip``; likewise for ``Test``.
    split
        ``Train`` or ``Test``.

    Raises
    ------
    DatasetError
        If files are missing or damaged, here or when a recording is read.
    """
    with ExitStack() as stack:
        if (path / split).is_dir():
            files: Recordings = {
                f"{split}/{file.parent.name}/{file.name}": file.read_bytes for file in path.glob(f"{split}/[0-9]/*.bin")
            }
        elif (path / f"{split}.zip").is_file():
            files = _zipped(stack, path / f"{split}.zip", f"{path / split}.zip", split)
        elif path.is_file():
            files = _zipped(stack, _inner_archive(stack, path, split), f"{path}: {split}.zip", split)
        elif path.is_dir():
            raise DatasetError(f"{path}: no {split}; expected a directory {split}/ or a file {split}.zip")
        else:
            raise DatasetError(f"{path}: no such file or directory; expected the directory or the archive of N-MNIST")
        for digit in range(N_CLASSES):
            if not any(name.startswith(f"{split}/{digit}/") for name in files):
                raise DatasetError(f"{path}: no recording in {split}/{digit}; expected {split}/{digit}/*.bin")
        yield {name: functools.partial(_read_whole, read, f"{path}: {name}") for name, read in files.items()}


def _read_whole(read: Callable[[], bytes], name: str) -> bytes:
    try:
        return read()
    except (OSError, *ZIP_ERRORS) as error:
        raise DatasetError(f"{name} cannot be read ({error}); expected a whole file") from None


def _inner_archive(stack: ExitStack, path: Path, split: str) -> IO[bytes]:
    """Extract Train.zip or Test.zip of the published archive into an unnamed temporary file."""
    archive = stack.enter_context(_open_zip(path, str(path)))
    inner = [name for name in archive.namelist() if re.search(rf"^(?!__MACOSX/)(.*/)?{split}\.zip$", name)]
    if len(inner) != 1:
        raise DatasetError(f"{path}: {len(inner)} files {split}.zip; expected one in the archive")
    unpacked = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    try:
        with archive.open(inner[0]) as packed:
            shutil.copyfileobj(packed, unpacked, 2**20)
    except ZIP_ERRORS as error:
        raise DatasetError(f"{path}: {inner[0]} is damaged ({error}); expected a whole file") from None
    return unpacked


def _zipped(stack: ExitStack, file: Path | IO[bytes], name: str, split: str) -> Recordings:
    archive = stack.enter_context(_open_zip(file, name))
    files: Recordings = {}
    for member in archive.namelist():
        if match := re.search(rf"^(?!__MACOSX/)(?:.*/)?({split}/[0-9]/[^/]+\.bin)$", member):
            files[match[1]] = functools.partial(archive.read, member)
    return files


def _open_zip(file: Path | IO[bytes], name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except ZIP_ERRORS as error:
        raise DatasetError(f"{name}: {error}; expected a whole zip archive") from None
