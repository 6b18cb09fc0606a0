"""The rule by which events with times become spikes of channels in time steps (docs/reference/data.md).

An event at time t of a sample of duration d is in the step floor(t / d * n_steps), so a step includes its beginning and
excludes its end. Times are float64. One that precedes the end of its step by less than the rounding of float32, 2^-23
of it, is taken to be that end: a time in decimals then has the same step in float32 and in float64. The order of events
in a file does not matter. Several events of a channel in one step are one spike.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import bin_events
from eprop_core.datasets.parameters import Recordings
from eprop_core.datasets.recordings.sensor import Sensor, check_range
from eprop_core.errors import DatasetError

_ROUNDING = 1 + 2.0**-23


@dataclass
class Tally:
    """Numbers of events."""

    events: int = 0
    """Of the files."""
    beyond: int = 0
    """Cut off, because they come at or after the end of a sample."""
    merged: int = 0
    """Merged with an earlier event of their channel in their step."""
    empty_samples: int = 0
    """Samples without events."""

    def __str__(self) -> str:
        """Return the numbers as a part of a sentence."""
        return (
            f"{self.events} events, of which {self.beyond} came after the end and were cut off, and {self.merged} were "
            f"merged with another of their channel and step; {self.empty_samples} samples without events"
        )


@dataclass(frozen=True)
class Binning:
    """How events are binned.

    Parameters
    ----------
    sensor
        The channels of the files.
    n_steps
        Time steps of a sample.
    pooling, events_beyond, align
        See :class:`eprop_core.datasets.parameters.Recordings`.
    """

    sensor: Sensor
    n_steps: int
    pooling: int = 1
    events_beyond: Literal["error", "cut"] = "error"
    align: Literal["start", "end"] = "start"

    @classmethod
    def of(cls, parameters: Recordings, sensor: Sensor) -> Self:
        """Return how the parameters of a data set bin the events of a sensor."""
        return cls(sensor, parameters.n_steps, parameters.pooling, parameters.events_beyond, parameters.align)

    @property
    def n_channels(self) -> int:
        """Number of channels after pooling."""
        return self.sensor.pooled(self.pooling).n_channels

    def spikes(
        self, times: npt.NDArray[np.float64], channels: npt.NDArray[np.int64], duration: float, where: str, tally: Tally
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return steps and channels of the spikes of a sample, each int32 (n_spikes,), sorted by step, then channel.

        Parameters
        ----------
        times
            float64 (n_events,), finite, from 0 on.
        channels
            int64 (n_events,), those of the sensor.
        duration
            Of a sample, in the unit of the times.
        where
            Name of the sample, for messages.
        tally
            Its numbers increase.

        Raises
        ------
        DatasetError
            If a channel is not one of the sensor's, or an event comes too late.
        """
        if len(times) != len(channels):
            raise DatasetError(f"{where}: {len(times)} times but {len(channels)} channels; expected as many")
        check_range("channel", channels, self.sensor.n_channels, where)
        with np.errstate(over="ignore"):  # of times beyond all ends
            position = np.floor(times * _ROUNDING * (self.n_steps / duration))
        beyond = position >= self.n_steps
        if beyond.any() and self.events_beyond == "error":
            event = int(np.argmax(beyond))
            raise DatasetError(
                f"{where}: event {event}: time {times[event]:.10g}; expected less than the duration {duration:.10g}, "
                "or events_beyond = cut"
            )
        steps = position[~beyond].astype(np.int64)
        if self.align == "end" and len(steps):
            steps += self.n_steps - 1 - steps.max()
        spikes = bin_events(steps, self.sensor.pool(channels[~beyond], self.pooling), self.n_channels)
        tally.events += len(times)
        tally.beyond += int(beyond.sum())
        tally.merged += len(steps) - len(spikes[0])
        tally.empty_samples += len(spikes[0]) == 0
        return spikes
