"""Events as they are stored: rows of a step and a channel."""

from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.sample_rows import SampleRows
from eprop_core.errors import DatasetError

Sample = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Steps and channels of the events of a sample, sorted by step, then by channel."""
IntArray = npt.NDArray[np.integer]


def event_type(n_steps: int, n_channels: int) -> np.dtype[np.void]:
    """Return the type of a stored event: the smallest integers that hold its step and its channel."""
    fields = {"step": n_steps, "channel": n_channels}
    return np.dtype([(name, "<u2" if n <= 2**16 else "<u4") for name, n in fields.items()])


def packed(steps: IntArray, channels: IntArray, n_steps: int, n_channels: int) -> np.ndarray:
    """Return events as a structured array of the type :func:`event_type`."""
    events = np.empty(len(steps), event_type(n_steps, n_channels))
    events["step"], events["channel"] = steps, channels
    return events


class EventStore(SampleRows):
    """The events of samples, rows of the type :func:`event_type`."""

    @classmethod
    def of_samples(cls, samples: Iterable[Sample], n_steps: int, n_channels: int) -> Self:
        """Return the samples in an unnamed temporary file, which is written as they come.

        Raises
        ------
        DatasetError
            If the events of a sample are not allowed.
        """

        def checked() -> Iterator[np.ndarray]:
            for number, (steps, channels) in enumerate(samples):
                if fault := fault_of(steps, channels, n_steps, n_channels):
                    raise DatasetError(f"sample {number}: {fault}")
                yield packed(steps, channels, n_steps, n_channels)

        return cls.of(checked(), event_type(n_steps, n_channels))

    def sample(self, index: int) -> Sample:
        """Return steps and channels of the events of one sample, each int32 (n_events,).

        Raises
        ------
        DatasetError
            If the events in the file are not those that were written.
        """
        events = self.rows(index)
        return events["step"].astype(np.int32), events["channel"].astype(np.int32)


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
    for name, values in (("steps", steps), ("channels", channels)):
        if values.size and values.dtype.kind not in "iu":
            return f"{name}: of type {values.dtype}; expected integers"
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
