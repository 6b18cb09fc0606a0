"""Labelled event sequences: arrays in memory, files on disk."""

import os
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from eprop_core.machine.whole_file import whole_file

IntArray = npt.NDArray[np.integer]

ZIP_ERRORS = (EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Raised by ``zipfile`` for a damaged archive; a RuntimeError if the damage looks like encryption or another format."""


class DatasetError(ValueError):
    """Data are missing or damaged; the message is one line: the place, the problem and the expected data."""


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Samples of events in time steps, concatenated in flat arrays.

    An event is a spike of an input channel in a time step; there is at most one per channel and step. The events of
    sample ``i`` are ``offsets[i]`` to ``offsets[i + 1] - 1``, sorted by step, then by channel.

    Parameters
    ----------
    steps
        int32 (n_events,), 0 to n_steps - 1.
    channels
        int32 (n_events,), 0 to n_channels - 1.
    offsets
        int64 (n_samples + 1,), index of the first event of each sample.
    labels
        int64 (n_samples,), 0 to n_classes - 1.
    n_channels, n_classes
        Numbers of input channels and classes.
    n_steps
        Time steps of a sample.

    Raises
    ------
    DatasetError
        If the arrays contradict one another.
    """

    steps: npt.NDArray[np.int32]  # (n_events,), 0..n_steps-1
    channels: npt.NDArray[np.int32]  # (n_events,), 0..n_channels-1
    offsets: npt.NDArray[np.int64]  # (n_samples + 1,)
    labels: npt.NDArray[np.int64]  # (n_samples,), 0..n_classes-1
    n_channels: int
    n_steps: int  # time steps of one sample
    n_classes: int

    def __post_init__(self) -> None:
        """Validate the arrays."""
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1:
                raise DatasetError(f"{name}: {array.dtype} of shape {array.shape}; expected {dtype} in one dimension")
        if len(self.offsets) != len(self.labels) + 1 or len(self.channels) != len(self.steps):
            raise DatasetError("offsets must be one longer than labels, channels as long as steps")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.steps) or np.any(np.diff(self.offsets) < 0):
            raise DatasetError(f"offsets must ascend from 0 to the number of events, {len(self.steps)}")
        for name, bound in (("steps", self.n_steps), ("channels", self.n_channels), ("labels", self.n_classes)):
            array = getattr(self, name)
            if array.size and (array.min() < 0 or array.max() >= bound):
                raise DatasetError(f"{name}: from {array.min()} to {array.max()}; allowed are 0 to {bound - 1}")
        out_of_order = self.steps[1:] < self.steps[:-1]
        out_of_order |= (self.steps[1:] == self.steps[:-1]) & (self.channels[1:] <= self.channels[:-1])
        first_events = self.offsets[1:-1]
        out_of_order[first_events[(first_events > 0) & (first_events < len(self.steps))] - 1] = False
        if np.any(out_of_order):
            event = int(np.argmax(out_of_order)) + 1
            raise DatasetError(f"event {event}: expected order by step, then channel, each pair once in a sample")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    def sample(self, index: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return steps and channels of the events of one sample, each int32 (n_events,)."""
        events = slice(self.offsets[index], self.offsets[index + 1])
        return self.steps[events], self.channels[events]

    def subset(self, indices: Sequence[int] | IntArray) -> Self:
        """Return the samples ``indices``, in that order."""
        samples = [self.sample(index) for index in indices]
        return self.from_samples(
            samples, self.labels[np.asarray(indices, np.int64)], self.n_channels, self.n_steps, self.n_classes
        )

    def joined(self, other: Self) -> Self:
        """Return the samples of both data sets, those of ``other`` last.

        Raises
        ------
        DatasetError
            If the data sets differ in their channels, steps or classes.
        """
        self.check_joinable(other)
        return type(self)(
            np.concatenate([self.steps, other.steps]),
            np.concatenate([self.channels, other.channels]),
            np.concatenate([self.offsets, len(self.steps) + other.offsets[1:]]),
            np.concatenate([self.labels, other.labels]),
            *(getattr(self, name) for name in _NUMBERS),
        )

    def check_joinable(self, other: "EventDataset") -> None:
        """Raise a :class:`DatasetError` if the data sets differ in their channels, steps or classes."""
        for name in _NUMBERS:
            own, others = getattr(self, name), getattr(other, name)
            if own != others:
                raise DatasetError(f"{name}: {own} and {others}; expected data sets of equal {name} to join")

    def select_channels(self, selected: IntArray) -> Self:
        """Return the data set reduced to the ``selected`` channels (ascending), which are renumbered from 0."""
        new_number = np.full(self.n_channels, -1, np.int32)
        new_number[selected] = np.arange(len(selected), dtype=np.int32)
        kept = new_number[self.channels] >= 0
        kept_before = np.concatenate([[0], np.cumsum(kept)])
        return type(self)(
            self.steps[kept],
            new_number[self.channels[kept]],
            kept_before[self.offsets],
            self.labels,
            len(selected),
            self.n_steps,
            self.n_classes,
        )

    @classmethod
    def from_samples(
        cls,
        samples: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]],
        labels: IntArray,
        n_channels: int,
        n_steps: int,
        n_classes: int,
    ) -> Self:
        """Concatenate samples, each a pair of steps and channels as :func:`bin_events` returns them."""
        lengths = [len(steps) for steps, _ in samples]
        empty = np.empty(0, np.int32)
        return cls(
            np.concatenate([empty, *(steps for steps, _ in samples)]),
            np.concatenate([empty, *(channels for _, channels in samples)]),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            np.asarray(labels, np.int64),
            n_channels,
            n_steps,
            n_classes,
        )

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        n_steps: int,
        duration: float | None = None,
        n_channels: int | None = None,
        sensor_size: tuple[int, int, int] | None = None,
        classes: Sequence[int | str] | None = None,
        pooling: int = 1,
        events_beyond: Literal["error", "cut"] = "error",
        align: Literal["start", "end"] = "start",
    ) -> "EventDataset":
        """Read recordings in HDF5 as of SHD, in an ``.npz`` file, or in a folder in the format of N-MNIST.

        Parameters
        ----------
        path
            File or folder.
        n_steps, duration, n_channels, sensor_size, pooling, events_beyond, align
            See :class:`eprop_core.datasets.parameters.Events`.
        classes
            All labels, integers or names, in the order of the classes' numbers; None: those of the file.

        Raises
        ------
        DatasetError
            If the file is missing, damaged or does not fit.
        """
        from eprop_core.datasets.recordings.read import read_file  # these modules import this one
        from eprop_core.datasets.recordings.sensor import sensor_of

        binned = {"n_steps": n_steps, "pooling": pooling, "events_beyond": events_beyond, "align": align}
        return read_file(path, sensor_of(n_channels, sensor_size), duration, classes, binned)

    @classmethod
    def from_recordings(
        cls,
        recordings: Iterable[tuple[Any, Any]],
        *,
        sensor_size: tuple[int, int, int],
        n_steps: int,
        duration: float,
        time_unit: float = 1e-6,
        classes: Sequence[int | str] | None = None,
        pooling: int = 1,
        events_beyond: Literal["error", "cut"] = "error",
        align: Literal["start", "end"] = "start",
    ) -> Self:
        """Return recordings in memory as events in time steps; docs/data.md describes the rule.

        Parameters
        ----------
        recordings
            Pairs of events and label, such as a data set of Tonic; they are read once, one after the other. Events are
            a structured array (n_events,) with fields ``t``, ``x``, ``p`` and, of a sensor with rows, ``y``.
        sensor_size
            Width, height and number of polarities.
        n_steps
            Time steps of a sample.
        duration
            s, of a sample.
        time_unit
            s, unit of ``t``.
        classes
            All labels, integers or names, in the order of the classes' numbers; None: those of the recordings, sorted.
        pooling, events_beyond, align
            See :class:`eprop_core.datasets.parameters.Recordings`.

        Raises
        ------
        DatasetError
            If a recording is no such array or does not fit the sensor and the duration.
        """
        from eprop_core.datasets.recordings.binning import Binning  # these modules import this one
        from eprop_core.datasets.recordings.sensor import Sensor
        from eprop_core.datasets.recordings.structured import binned

        binning = Binning(Sensor(*sensor_size), n_steps, pooling, events_beyond, align)
        samples, labels, n_classes, tally = binned(recordings, binning, duration / time_unit, classes)
        print(f"{len(samples)} samples, {tally}", file=sys.stderr)
        return cls.from_samples(samples, labels, binning.n_channels, n_steps, n_classes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file, which appears complete or not at all."""
        arrays = {name: getattr(self, name) for name in (*_DTYPES, *_NUMBERS)}
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that :meth:`save` wrote.

        Raises
        ------
        DatasetError
            If the file is missing or damaged.
        """
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = [file[name] for name in _DTYPES]
                numbers = [int(file[name]) for name in _NUMBERS]
            return cls(*arrays, *numbers)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from None
        except FileNotFoundError:
            raise DatasetError(f"{path}: no such file; expected a prepared data set (.npz)") from None
        except (OSError, KeyError, TypeError, ValueError, *ZIP_ERRORS) as error:
            reason = " ".join(str(error).split())
            raise DatasetError(f"{path}: damaged, or not a prepared data set ({reason})") from None


class Splits(NamedTuple):
    """Training, test and validation samples of a data set, with their provenance."""

    train: EventDataset
    test: EventDataset
    sensor_channels: IntArray | None = None
    """(n_channels,), for each channel polarity * sensor_size**2 + y * sensor_size + x; None: not from a sensor."""
    sensor_size: int | None = None
    """pixels, edge of the square sensor"""
    checksums: Mapping[str, str] = {}
    """sha256 of the source data, by name"""
    validation: EventDataset | None = None
    """Samples that the data set itself holds back from training; None: it does not"""
    notes: Mapping[str, Any] = {}
    """What else is known of the data, for their description"""

    def most_active(self, n_channels: int | None) -> "Splits":
        """Return the data reduced to the channels with the most training events, renumbered from 0; None keeps all."""
        if n_channels is None:
            return self
        if n_channels > self.train.n_channels:
            raise DatasetError(f"active_channels = {n_channels}: the sensor has {self.train.n_channels}")
        selected = most_active_channels(self.train, n_channels)
        return self._replace(
            train=self.train.select_channels(selected),
            test=self.test.select_channels(selected),
            validation=None if self.validation is None else self.validation.select_channels(selected),
            sensor_channels=None if self.sensor_channels is None else self.sensor_channels[selected],
        )


def most_active_channels(dataset: EventDataset, n_channels: int) -> npt.NDArray[np.int64]:
    """Return the ``n_channels`` channels with the most events, ascending; ties go to the lower channel."""
    events = np.bincount(dataset.channels, minlength=dataset.n_channels)
    return np.sort(np.argsort(-events, kind="stable")[:n_channels])


_DTYPES = {
    "steps": np.dtype(np.int32),
    "channels": np.dtype(np.int32),
    "offsets": np.dtype(np.int64),
    "labels": np.dtype(np.int64),
}
_NUMBERS = ("n_channels", "n_steps", "n_classes")


def check_enough(key: str, n_samples: int | None, available: int) -> None:
    """Raise a :class:`DatasetError` where the parameter ``key`` asks for more samples than there are; None: for all."""
    if n_samples is not None and n_samples > available:
        raise DatasetError(f"{key} = {n_samples}: must not exceed the {available} samples that the data set has")


def bin_events(
    steps: npt.ArrayLike, channels: npt.ArrayLike, n_channels: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Sort the events of a sample by step, then channel, and merge those of one channel in one step.

    Parameters
    ----------
    steps, channels
        Integers (n_events,), in any order.
    n_channels
        Number of channels.

    Returns
    -------
    steps, channels
        int32 (n_spikes,).
    """
    keys = np.unique(np.asarray(steps, np.int64) * n_channels + np.asarray(channels, np.int64))
    steps_of_keys, channels_of_keys = np.divmod(keys, n_channels)
    return steps_of_keys.astype(np.int32), channels_of_keys.astype(np.int32)
