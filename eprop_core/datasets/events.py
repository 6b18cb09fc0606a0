"""Event sequences with labels, or with targets over time, in memory or in files."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from eprop_core.datasets import event_file
from eprop_core.datasets.event_store import EventStore, IntArray, Sample, fault_of, fault_of_offsets, packed
from eprop_core.datasets.origin import Origin
from eprop_core.datasets.sample_rows import SampleRows, fault_of_target, target_type
from eprop_core.errors import DatasetError


class EventDataset:
    """Samples of events in time steps.

    An event is a spike of an input channel in a time step; there is at most one per channel and step. The events of
    sample ``i`` are ``offsets[i]`` to ``offsets[i + 1] - 1``, sorted by step, then by channel. Those of a file are read
    when a sample is asked for, and are neither copied for a selection of samples nor for several data sets together.

    Samples have labels or, made by :meth:`with_targets`, signals over time that are learned in place of them; all are
    then of one class, 0.

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

    labels: npt.NDArray[np.int64]  # (n_samples,), 0..n_classes-1
    n_channels: int
    n_steps: int  # time steps of one sample
    n_classes: int
    _stores: tuple[EventStore, ...]
    _targets: tuple[SampleRows, ...]  # of each store, if there are any
    _places: npt.NDArray[np.int64]  # (n_samples, 2), number of the store and of the sample in it

    def __init__(
        self,
        steps: npt.NDArray[np.int32],
        channels: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        n_channels: int,
        n_steps: int,
        n_classes: int,
    ) -> None:
        arrays: dict[str, npt.NDArray[np.integer]] = {
            "steps": steps,
            "channels": channels,
            "offsets": offsets,
            "labels": labels,
        }
        for (name, array), dtype in zip(arrays.items(), _DTYPES, strict=True):
            if array.dtype != dtype or array.ndim != 1:
                raise DatasetError(f"{name}: {array.dtype} of shape {array.shape}; expected {dtype} in one dimension")
        if len(offsets) != len(labels) + 1 or len(channels) != len(steps):
            raise DatasetError("offsets must be one longer than labels, channels as long as steps")
        if fault := fault_of_offsets(offsets, len(steps)):
            raise DatasetError(fault)
        if fault := fault_of(steps, channels, n_steps, n_channels, offsets[1:-1]):
            raise DatasetError(fault)
        store = EventStore(packed(steps, channels, n_steps, n_channels), offsets)
        self._hold((store,), (), _all_of(store), labels, n_channels, n_steps, n_classes)

    def _hold(
        self,
        stores: tuple[EventStore, ...],
        targets: tuple[SampleRows, ...],
        places: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        n_channels: int,
        n_steps: int,
        n_classes: int,
    ) -> Self:
        if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
            raise DatasetError(f"labels: from {labels.min()} to {labels.max()}; allowed are 0 to {n_classes - 1}")
        self._stores, self._targets, self._places, self.labels = stores, targets, places, labels
        self.n_channels, self.n_steps, self.n_classes = n_channels, n_steps, n_classes
        return self

    @classmethod
    def from_samples(
        cls, samples: Iterable[Sample], labels: npt.ArrayLike, n_channels: int, n_steps: int, n_classes: int
    ) -> Self:
        """Return a data set of samples, each a pair of steps and channels as :func:`bin_events` returns them.

        The samples may come from a generator, and need not fit into memory: they are kept in a temporary file.

        Raises
        ------
        DatasetError
            If a sample or a label is not allowed.
        """
        store, of_samples = EventStore.of_samples(samples, n_steps, n_channels), np.asarray(labels, np.int64)
        if len(store) != len(of_samples):
            raise DatasetError(f"{len(store)} samples and {len(of_samples)} labels; expected as many")
        return cls._of_store(store, None, of_samples, n_channels, n_steps, n_classes)

    @classmethod
    def with_targets(
        cls, samples: Iterable[Sample], targets: Iterable[npt.NDArray[np.float64]], n_channels: int, n_steps: int
    ) -> Self:
        """Return a data set of samples as :meth:`from_samples`, and of their targets, which may be a generator, too.

        Parameters
        ----------
        samples
            Steps and channels of each sample.
        targets
            mV, float64 (n_steps, n_outputs), of each sample.
        n_channels, n_steps
            Numbers of input channels and of time steps of a sample.

        Raises
        ------
        DatasetError
            If a sample or a target is not allowed.
        """
        store, rows = EventStore.of_samples(samples, n_steps, n_channels), _target_rows(targets, n_steps)
        if len(store) != len(rows):
            raise DatasetError(f"{len(store)} samples and {len(rows)} targets; expected as many")
        return cls._of_store(store, rows, np.zeros(len(store), np.int64), n_channels, n_steps, 1)

    @classmethod
    def _of_store(
        cls,
        store: EventStore,
        targets: SampleRows | None,
        labels: npt.NDArray[np.int64],
        n_channels: int,
        n_steps: int,
        n_classes: int,
    ) -> Self:
        of_store = () if targets is None else (targets,)
        return cls.__new__(cls)._hold((store,), of_store, _all_of(store), labels, n_channels, n_steps, n_classes)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    @property
    def n_outputs(self) -> int | None:
        """Number of signals in the targets; None: classes are learned."""
        return self._targets[0].row_shape[0] if self._targets else None

    @property
    def n_readout(self) -> int:
        """Number of readouts that answer: one for each signal or class."""
        return self.n_outputs or self.n_classes

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """The index of the first event of each sample, int64 (n_samples + 1,)."""
        lengths = np.empty(len(self), np.int64)
        for number, store in enumerate(self._stores):
            here = self._places[:, 0] == number
            lengths[here] = np.diff(store.offsets)[self._places[here, 1]]
        return np.concatenate([[0], np.cumsum(lengths)])

    @property
    def steps(self) -> npt.NDArray[np.int32]:
        """The steps of all events, int32 (n_events,), which must fit into memory."""
        return np.concatenate([np.empty(0, np.int32), *(steps for steps, _ in self.samples())])

    @property
    def channels(self) -> npt.NDArray[np.int32]:
        """The channels of all events, int32 (n_events,), which must fit into memory."""
        return np.concatenate([np.empty(0, np.int32), *(channels for _, channels in self.samples())])

    def sample(self, index: int) -> Sample:
        """Return steps and channels of the events of one sample, each int32 (n_events,).

        Raises
        ------
        DatasetError
            If the file of the sample is damaged.
        """
        store, number = self._places[index].tolist()
        sample: Sample = self._stores[store].sample(number)
        return sample

    def target(self, index: int) -> npt.NDArray[np.float64]:
        """Return the signals that one sample of a data set with targets teaches, mV, float64 (n_steps, n_outputs).

        Raises
        ------
        DatasetError
            If the file of the sample is damaged.
        """
        store, number = self._places[index].tolist()
        target: npt.NDArray[np.float64] = self._targets[store].rows(number)
        return target

    def targets(self) -> Iterator[npt.NDArray[np.float64]]:
        """Yield the targets of all samples, one after another."""
        return map(self.target, range(len(self)))

    def samples(self) -> Iterator[Sample]:
        """Yield all samples, one after another."""
        return map(self.sample, range(len(self)))

    def events_by_channel(self) -> npt.NDArray[np.int64]:
        """Return the number of events of each channel, int64 (n_channels,)."""
        n_events = np.zeros(self.n_channels, np.int64)
        for _, channels in self.samples():
            n_events += np.bincount(channels, minlength=self.n_channels)
        return n_events

    def subset(self, indices: Sequence[int] | IntArray) -> Self:
        """Return the samples ``indices``, in that order."""
        chosen = np.asarray(indices, np.int64)
        return self._like(self._stores, self._targets, self._places[chosen], self.labels[chosen])

    def joined(self, other: Self) -> Self:
        """Return the samples of both data sets, those of ``other`` last.

        Raises
        ------
        DatasetError
            If the data sets differ in their channels, steps, classes or targets.
        """
        self.check_fits(other)
        return self._like(
            self._stores + other._stores,
            self._targets + other._targets,
            np.concatenate([self._places, other._places + np.array([len(self._stores), 0])]),
            np.concatenate([self.labels, other.labels]),
        )

    def check_fits(self, other: Self, own_name: str = "one", other_name: str = "the other") -> None:
        """Raise a :class:`DatasetError` if data sets differ in their channels, steps, classes or targets."""
        for name in ("n_channels", "n_steps", "n_classes", "n_outputs"):
            own, others = getattr(self, name), getattr(other, name)
            if own != others:
                raise DatasetError(
                    f"{name}: {own} in {own_name} and {others} in {other_name}; expected data sets of equal {name}"
                )

    def _like(
        self,
        stores: tuple[EventStore, ...],
        targets: tuple[SampleRows, ...],
        places: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
    ) -> Self:
        empty = type(self).__new__(type(self))
        return empty._hold(stores, targets, places, labels, self.n_channels, self.n_steps, self.n_classes)

    def select_channels(self, selected: IntArray) -> Self:
        """Return the data set reduced to the ``selected`` channels (ascending), which are renumbered from 0."""
        new_number = np.full(self.n_channels, -1, np.int32)
        new_number[selected] = np.arange(len(selected), dtype=np.int32)

        def reduced(sample: Sample) -> Sample:
            steps, channels = sample[0], new_number[sample[1]]
            kept = channels >= 0
            return steps[kept], channels[kept]

        store = EventStore.of_samples(map(reduced, self.samples()), self.n_steps, len(selected))
        targets = None if self.n_outputs is None else _target_rows(self.targets(), self.n_steps)
        return self._of_store(store, targets, self.labels, len(selected), self.n_steps, self.n_classes)

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
        learn: Literal["labels", "targets"] = "labels",
    ) -> "EventDataset":
        """Read recordings in HDF5 as of SHD, in an ``.npz`` file, or in a folder in the format of N-MNIST.

        Parameters
        ----------
        path
            File or folder.
        n_steps, duration, n_channels, sensor_size, pooling, events_beyond, align, learn
            See :class:`eprop_core.datasets.parameters.Events`.
        classes
            All labels, integers or names, in the order of the classes' numbers; None: those of the file.

        Raises
        ------
        ParameterError
            If a parameter is not allowed.
        DatasetError
            If the file is missing, damaged or does not fit.
        """
        from eprop_core.datasets.recordings.read import parameters_of, read_file  # these modules import this one

        parameters = parameters_of(
            path,
            n_steps=n_steps,
            duration=duration,
            n_channels=n_channels,
            sensor_size=sensor_size,
            pooling=pooling,
            events_beyond=events_beyond,
            align=align,
            learn=learn,
        )
        return read_file(parameters, classes)

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
        learn: Literal["labels", "targets"] = "labels",
    ) -> Self:
        """Return recordings in memory as events in time steps; docs/reference/data.md describes the rule.

        Parameters
        ----------
        recordings
            Pairs of events and label, such as a data set of Tonic; they are read once, one after the other. Events are
            a structured array (n_events,) with fields ``t``, ``x``, ``p`` and, of a sensor with rows, ``y``. With
            ``learn = "targets"`` pairs of events and target, mV, an array (steps, n_outputs) or (steps,), where steps
            are a multiple of ``n_steps``.
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
        pooling, events_beyond, align, learn
            See :class:`eprop_core.datasets.parameters.Events`.

        Raises
        ------
        ParameterError
            If a parameter is not allowed.
        DatasetError
            If a recording is no such array or does not fit the sensor and the duration.
        """
        from eprop_core.datasets.recordings.binning import Binning  # these modules import this one
        from eprop_core.datasets.recordings.read import parameters_of
        from eprop_core.datasets.recordings.sensor import Sensor
        from eprop_core.datasets.recordings.structured import StructuredArrays, check_types

        check_types(recordings, duration, time_unit, sensor_size, classes)
        parameters = parameters_of(
            "recordings",
            n_steps=n_steps,
            duration=duration,
            sensor_size=sensor_size,
            pooling=pooling,
            events_beyond=events_beyond,
            align=align,
            learn=learn,
        )
        binning = Binning.of(parameters, Sensor(*sensor_size))
        arrays = StructuredArrays(recordings, binning, duration / time_unit, learn)
        store = EventStore.of_samples(arrays.samples(), binning.n_steps, binning.n_channels)
        targets = _target_rows(arrays.learned, binning.n_steps) if learn == "targets" else None
        labels, n_classes = arrays.numbers(classes)
        print(f"{len(store)} samples, {arrays.tally}", file=sys.stderr)
        return cls._of_store(store, targets, labels, binning.n_channels, binning.n_steps, n_classes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file, which appears complete or not at all."""
        numbers = self.n_channels, self.n_steps, self.n_classes
        description = event_file.Description(self.offsets, self.labels, *numbers)
        targets = None if self.n_outputs is None else self.targets()
        event_file.write(path, self.samples(), description, targets, self.n_outputs)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Open a file that :meth:`save` wrote, which must stay as it is.

        Raises
        ------
        DatasetError
            If the file is missing or damaged. Damage to the events of a sample is found when the sample is read.
        """
        store, (_, labels, *numbers), targets = event_file.read(path)
        return cls._of_store(store, targets, labels, *numbers)


_DTYPES = [np.dtype(np.int32), np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.int64)]


def _target_rows(targets: Iterable[npt.NDArray[np.float64]], n_steps: int) -> SampleRows:
    targets = iter(targets)
    first = next(targets, None)
    if first is None:
        raise DatasetError("no targets; expected one for each sample")
    shape = n_steps, first.shape[-1]

    def checked() -> Iterator[npt.NDArray[np.float64]]:
        for number, target in enumerate(chain([first], targets)):
            if target.dtype != np.float64 or target.shape != shape or target.size == 0:
                raise DatasetError(
                    f"sample {number}: target of type {target.dtype} and shape {target.shape}; expected float64 {shape}"
                )
            if fault := fault_of_target(target):
                raise DatasetError(f"sample {number}: {fault}")
            yield np.ascontiguousarray(target)

    return SampleRows.of(checked(), target_type(shape[1]))


def _all_of(store: EventStore) -> npt.NDArray[np.int64]:
    return np.stack([np.zeros(len(store), np.int64), np.arange(len(store))], axis=1)


class Splits(NamedTuple):
    """Training, test and validation samples of a data set, with their provenance."""

    train: EventDataset
    test: EventDataset
    sensor_channels: IntArray | None = None
    """(n_channels,), for each channel polarity * sensor_size**2 + y * sensor_size + x; None: not from a sensor."""
    sensor_size: int | None = None
    """pixels, edge of the square sensor"""
    origins: Mapping[str, Origin] = {}
    """Files of the data, by name."""
    validation: EventDataset | None = None
    """Validation samples that the data set itself names; None: it names none"""
    notes: Mapping[str, Any] = {}
    """Further properties of the data, which `prepare` writes to dataset.json"""

    @property
    def checksums(self) -> dict[str, str]:
        """sha256 of the source data, by name."""
        return {name: origin.sha256 for name, origin in self.origins.items()}

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
    return np.sort(np.argsort(-dataset.events_by_channel(), kind="stable")[:n_channels])


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
    keys = np.sort(np.asarray(steps, np.int64) * n_channels + np.asarray(channels, np.int64))
    keys = keys[np.diff(keys, prepend=keys[:1] - 1) > 0]  # numpy.unique takes ten times as long
    steps_of_keys, channels_of_keys = np.divmod(keys, n_channels)
    return steps_of_keys.astype(np.int32), channels_of_keys.astype(np.int32)
