"""The events of samples, one after another: in an array, or mapped from a file, where they may exceed the memory."""

import mmap
import tempfile
import zlib
from collections.abc import Iterable
from itertools import accumulate
from typing import Self

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError

Sample = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Steps and channels of the events of a sample, sorted by step, then by channel."""
IntArray = npt.NDArray[np.integer]

_LARGEST_RESIDENT = 2**20
"""Bytes that are read before the process gives back the pages that it has mapped; the system keeps them cached."""


def event_type(n_steps: int, n_channels: int) -> np.dtype[np.void]:
    """Return the type of a stored event: the smallest integers that hold its step and its channel."""
    fields = {"step": n_steps, "channel": n_channels}
    return np.dtype([(name, "<u2" if n <= 2**16 else "<u4") for name, n in fields.items()])


def packed(steps: IntArray, channels: IntArray, n_steps: int, n_channels: int) -> np.ndarray:
    """Return events as a structured array of the type :func:`event_type`."""
    events = np.empty(len(steps), event_type(n_steps, n_channels))
    events["step"], events["channel"] = steps, channels
    return events


class EventStore:
    """The events of samples in a structured array.

    Parameters
    ----------
    events
        Array (n_events,) of the type :func:`event_type`.
    offsets
        int64 (n_samples + 1,), index of the first event of each sample.
    mapped
        The mapped file that ``events`` lies in; None: it lies in memory.
    checksums
        uint32 (n_samples,), CRC-32 of the events of each sample; None: these cannot be damaged.
    name
        Name of the file, for messages.
    sizes
        Numbers of steps and channels, with which the events of a sample are compared when they are first read; None:
        they were compared before.
    """

    def __init__(
        self,
        events: np.ndarray,
        offsets: npt.NDArray[np.int64],
        mapped: mmap.mmap | None = None,
        checksums: npt.NDArray[np.uint32] | None = None,
        name: str = "",
        sizes: tuple[int, int] | None = None,
    ) -> None:
        self.offsets = offsets
        self._events = events
        self._mapped = mapped
        self._checksums = checksums
        self._name = name
        self._sizes = sizes
        self._compared = np.zeros(len(offsets) - 1, bool)
        self._read = 0  # bytes, since pages were given back

    @classmethod
    def of(cls, samples: Iterable[Sample], n_steps: int, n_channels: int) -> Self:
        """Return the samples in an unnamed temporary file, which is written as they come.

        Raises
        ------
        DatasetError
            If the events of a sample are not allowed.
        """
        lengths = []
        with tempfile.TemporaryFile() as file:
            for number, (steps, channels) in enumerate(samples):
                if fault := fault_of(steps, channels, n_steps, n_channels):
                    raise DatasetError(f"sample {number}: {fault}")
                file.write(packed(steps, channels, n_steps, n_channels).data)
                lengths.append(len(steps))
            file.flush()
            offsets = np.fromiter(accumulate(lengths, initial=0), np.int64)
            if offsets[-1] == 0:  # an empty file cannot be mapped
                return cls(np.empty(0, event_type(n_steps, n_channels)), offsets)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(np.frombuffer(mapped, event_type(n_steps, n_channels)), offsets, mapped)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.offsets) - 1

    def sample(self, index: int) -> Sample:
        """Return steps and channels of the events of one sample, each int32 (n_events,).

        Raises
        ------
        DatasetError
            If the events in the file are not those that were written.
        """
        events = self._events[self.offsets[index] : self.offsets[index + 1]]
        if self._checksums is not None and zlib.crc32(events.data) != self._checksums[index]:
            raise DatasetError(f"{self._name}: damaged in the events of sample {index}; expected those of its checksum")
        steps, channels = events["step"].astype(np.int32), events["channel"].astype(np.int32)
        if self._sizes is not None and not self._compared[index]:
            if fault := fault_of(steps, channels, *self._sizes):
                raise DatasetError(f"{self._name}: sample {index}: {fault}")
            self._compared[index] = True
        if self._mapped is not None:
            self._read += events.nbytes
            if self._read > _LARGEST_RESIDENT:
                self._mapped.madvise(mmap.MADV_DONTNEED)
                self._read = 0
        return steps, channels


def fault_of_offsets(offsets: IntArray, n_events: int) -> str | None:
    """Return what is not allowed in the indices of the first events of samples and their end; None if nothing is."""
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != n_events or np.any(np.diff(offsets) < 0):
        return f"offsets must ascend from 0 to the number of events, {n_events}"
    return None


def fault_of(
    steps: IntArray, channels: IntArray, n_steps: int, n_channels: int, first_events: IntArray | None = None
) -> str | None:
    """Return what is not allowed in the events of a sample, or of samples; None if nothing is.

    Parameters
    ----------
    steps, channels
        Integers (n_events,).
    n_steps, n_channels
        Numbers of steps and channels.
    first_events
        Index of the first event of each sample but the first; None: there is one sample.
    """
    if len(steps) != len(channels):
        return f"{len(channels)} channels and {len(steps)} steps; expected as many"
    for name, values, bound in (("steps", steps, n_steps), ("channels", channels, n_channels)):
        if values.size and (values.min() < 0 or values.max() >= bound):
            return f"{name}: from {values.min()} to {values.max()}; allowed are 0 to {bound - 1}"
    out_of_order = steps[1:] < steps[:-1]
    out_of_order |= (steps[1:] == steps[:-1]) & (channels[1:] <= channels[:-1])
    if first_events is not None:
        out_of_order[first_events[(first_events > 0) & (first_events < len(steps))] - 1] = False
    if out_of_order.any():
        event = int(np.argmax(out_of_order)) + 1
        return f"event {event}: expected order by step, then channel, each pair once in a sample"
    return None
