"""N-MNIST in its official format: one file of events per recording of a handwritten digit.

Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437; data doi:10.17632/468j46mzdv.1.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.download import published
from eprop_core.datasets.event_store import Sample
from eprop_core.datasets.events import EventDataset, Splits, bin_events
from eprop_core.datasets.origin import Origin, compared_recordings
from eprop_core.datasets.parameters import N_CLASSES, SENSOR_SIZE, Nmnist, check_enough
from eprop_core.datasets.recordings.nmnist_format import unpack
from eprop_core.errors import DatasetError
from eprop_core.files.archive import Archive, open_archive
from eprop_core.files.litter import is_litter
from eprop_core.files.regular import open_regular, read_at_most, reason
from eprop_core.machine.parallel import in_order
from eprop_core.progress import progress

N_CHANNELS = 2 * SENSOR_SIZE**2

_BATCH = 16
"""Recordings that are decoded together: numpy works longer without Python, which other threads need meanwhile."""

_LARGEST_RECORDING = 2**24
"""Bytes of a recording; the largest published one has less than a hundredth of it."""
_NAME = re.compile(r"([0-9])/([0-9]+)\.bin")
"""Matches the digit and the number of a recording."""

Recordings = dict[str, Callable[[], bytes]]  # Split/digit/number.bin -> what reads its bytes


def read(parameters: Nmnist) -> Splits:
    """Read both splits. The samples are sorted by file name, which is the order of MNIST.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    path = published("nmnist", parameters.path)
    train, of_train, train_names = _read_split(path, "Train", parameters, parameters.train_samples)
    test, of_test, test_names = _read_split(path, "Test", parameters, parameters.test_samples)
    if twice := train_names.keys() & test_names.keys():
        checksum = min(twice)
        raise _twice(path, train_names[checksum], test_names[checksum])
    origins = {"Train": of_train, "Test": of_test}
    return Splits(train, test, np.arange(N_CHANNELS), SENSOR_SIZE, origins).most_active(parameters.active_channels)


def _twice(path: Path, one: str, other: str) -> DatasetError:
    return DatasetError(f"{path}: {one} and {other} are the same recording; expected different ones")


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


def _read_split(
    path: Path, split: str, parameters: Nmnist, n_samples: int | None
) -> tuple[EventDataset, Origin, dict[bytes, str]]:
    """Return a split, what it was made from, and the names of published recordings by their checksum.

    The checksum of the split is that of the output of ``sha256sum`` for its files in the order of the samples.
    """
    checksum, n_bytes, names_of_published = sha256(), 0, dict[bytes, str]()
    with recordings(path, split) as files:
        check_enough(f"{split.lower()}_samples", n_samples, len(files))
        compared = compared_recordings(path, split, {_number(name): _digit(name) for name in files})
        names = sorted(files, key=_number)[:n_samples]

        def samples() -> Iterator[Sample]:
            nonlocal n_bytes
            batches = [names[first : first + _BATCH] for first in range(0, len(names), _BATCH)]
            read_batch = functools.partial(_read_batch, path, files, parameters)
            read = chain.from_iterable(in_order(read_batch, batches, at_once=1))
            of_names = zip(names, progress(read, f"N-MNIST {split}", len(names)), strict=True)
            for name, (sample, of_file, size) in of_names:
                checksum.update(f"{of_file.hex()}  {name}\n".encode())
                n_bytes += size
                if compared.are_published and names_of_published.setdefault(of_file, name) != name:
                    raise _twice(path, names_of_published[of_file], name)
                yield sample

        labels = [_digit(name) for name in names]
        dataset = EventDataset.from_samples(samples(), labels, N_CHANNELS, parameters.n_steps, N_CLASSES)
    origin = Origin(str(path), len(names), n_bytes, checksum.hexdigest(), compared.words)
    return dataset, origin, names_of_published


def _number(name: str) -> int:
    return int(name.rpartition("/")[2].removesuffix(".bin"))


def _digit(name: str) -> int:
    return int(name.split("/")[1])


def _read_batch(path: Path, files: Recordings, parameters: Nmnist, names: list[str]) -> list[tuple[Sample, bytes, int]]:
    """Return the sample of each recording, the sha256 of its file, and its bytes."""
    data, n_steps = [files[name]() for name in names], parameters.n_steps
    times, channels, first_events = decode_all(data, [f"{path}: {name}" for name in names], parameters.time_max_us)
    steps = np.clip(np.rint(times * np.int64(n_steps) / parameters.time_max_us), 0, n_steps - 1)
    # Each recording has steps of its own, so that the events of all are sorted at once.
    first_steps = n_steps * np.arange(len(names) + 1, dtype=np.int32)
    steps += np.repeat(first_steps[:-1], np.diff(first_events))
    spike_steps, spike_channels = bin_events(steps, channels, N_CHANNELS)
    bounds = np.searchsorted(spike_steps, first_steps)
    return [
        (
            (spike_steps[begin:end] - first_step, spike_channels[begin:end]),
            sha256(content).digest(),
            len(content),
        )
        for begin, end, first_step, content in zip(bounds, bounds[1:], first_steps, data, strict=False)
    ]


@contextmanager
def recordings(path: Path, split: str) -> Iterator[Recordings]:
    """Yield the recordings of ``split`` (``Train`` or ``Test``).

    Parameters
    ----------
    path
        A directory with ``Train/<digit>/<number>.bin`` or ``Train.zip``, or the published archive, which contains
        ``Train.zip``; likewise for ``Test``.
    split
        ``Train`` or ``Test``.

    Raises
    ------
    DatasetError
        If files are missing, damaged or in a wrong place, here or when a recording is read.
    """
    with ExitStack() as stack:
        if (path / split).is_dir():
            found = _in_folder(path / split)
        elif (path / f"{split}.zip").exists():
            packed = path / f"{split}.zip"
            found = _in_archive(stack.enter_context(open_archive(packed, str(packed))), split)
        elif path.is_dir():
            raise DatasetError(f"{path}: no {split}; expected a directory {split}/ or a file {split}.zip")
        elif path.exists():
            archive = stack.enter_context(open_archive(path, str(path)))
            inner = [name for name in archive.entries if name.rpartition("/")[2] == f"{split}.zip"]
            if len(inner) != 1:
                raise DatasetError(f"{path}: {len(inner)} files {split}.zip; expected one in the archive")
            unpacked = archive.unpack(inner[0])
            found = _in_archive(stack.enter_context(open_archive(unpacked, f"{path}: {split}.zip")), split)
        else:
            raise DatasetError(f"{path}: no such file or directory; expected the directory or the archive of N-MNIST")
        _check_names(path, split, found)
        yield {f"{split}/{name}": read for name, read in found.items() if _NAME.fullmatch(name)}


def _in_folder(folder: Path) -> Recordings:
    """Return what reads each file of a folder and of the folders in it, by its name below the folder."""

    def entries(place: Path) -> list[Path]:
        try:
            return [entry for entry in place.iterdir() if not is_litter(entry.name)]
        except OSError as error:
            raise DatasetError(f"{place}: cannot be read ({error.strerror}); expected a directory") from None

    found: Recordings = {}
    for place in entries(folder):
        for file in entries(place) if place.is_dir() else [place]:
            found[file.relative_to(folder).as_posix()] = functools.partial(_read_file, file)
    return found


def _read_file(file: Path) -> bytes:
    try:
        with open_regular(file) as opened:
            data = read_at_most(opened, _LARGEST_RECORDING + 1)
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({reason(error)}); expected a whole file") from None
    if len(data) > _LARGEST_RECORDING:
        raise DatasetError(f"{file} has more than {_LARGEST_RECORDING} bytes; expected a recording")
    return data


def _in_archive(archive: Archive, split: str) -> Recordings:
    """Return what reads each file in the folder ``split`` of an archive, by its name below that folder."""
    found: Recordings = {}
    folders = set()
    for entry in archive.entries:
        before, here, name = f"/{entry}".partition(f"/{split}/")
        if here:
            folders.add(before)
            found[name] = functools.partial(archive.read, entry, _LARGEST_RECORDING)
        elif entry.lower().endswith(".bin") and not re.search("(^|/)(Train|Test)/", entry):
            raise DatasetError(f"{archive.name}: {entry} is in no folder {split}; expected {split}/DIGIT/NUMBER.bin")
    if len(folders) > 1:
        listed = " and ".join(f"{folder}/{split}".lstrip("/") for folder in sorted(folders)[:2])
        raise DatasetError(f"{archive.name}: has recordings in {listed}; expected one folder {split}")
    return found


def _check_names(path: Path, split: str, names: Iterable[str]) -> None:
    """Raise a :class:`DatasetError` if a file could be a recording in a wrong place, or if there are too few."""
    by_number: dict[int, str] = {}
    for name in sorted(names):
        match = _NAME.fullmatch(name)
        if match is None:
            if "/" in name or name.lower().endswith(".bin"):
                raise DatasetError(f"{path}: {split}/{name}; expected recordings {split}/DIGIT/NUMBER.bin alone")
            continue
        former = by_number.setdefault(int(match[2]), name)
        if former != name:
            raise DatasetError(
                f"{path}: recording {int(match[2])} is both {split}/{former} and {split}/{name}; expected one of them"
            )
    for digit in range(N_CLASSES):
        if not any(name.startswith(f"{digit}/") for name in by_number.values()):
            raise DatasetError(f"{path}: no recording in {split}/{digit}; expected {split}/{digit}/*.bin")
