"""Sensors: the channels of a recording, their positions, and how neighbouring channels are pooled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError

IntArray = npt.NDArray[np.int64]


class Sensor(NamedTuple):
    """Width, height and number of polarities, as Tonic calls them; channels without places are a width alone.

    A channel is (polarity * height + y) * width + x.
    """

    width: int
    height: int = 1
    polarities: int = 1

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.width * self.height * self.polarities

    def pooled(self, pooling: int) -> "Sensor":
        """Return the sensor whose pixels are squares of ``pooling`` pixels in each direction; the last may be less."""
        return Sensor(-(-self.width // pooling), -(-self.height // pooling), self.polarities)

    def pool(self, channels: IntArray, pooling: int) -> IntArray:
        """Return the channels of the pooled sensor, int64 (n_events,)."""
        if pooling == 1:
            return channels
        rest, x = np.divmod(channels, self.width)
        polarity, y = np.divmod(rest, self.height)
        return self.pooled(pooling).channels(x // pooling, y // pooling, polarity)

    def channels(self, x: IntArray, y: IntArray | int, polarity: IntArray | int) -> IntArray:
        """Return the channels of pixels, int64 (n_events,)."""
        return np.asarray((polarity * self.height + y) * self.width + x, np.int64)

    def checked_channels(self, x: IntArray, y: IntArray | None, polarity: IntArray, where: str) -> IntArray:
        """Return the channels of pixels, int64 (n_events,).

        A sensor of one polarity has all events in it, whatever their polarity.

        Parameters
        ----------
        x, y, polarity
            int64 (n_events,); None for a sensor of one row.
        where
            Name of the sample, for messages.

        Raises
        ------
        DatasetError
            At the first event that is off the sensor.
        """
        if y is None and self.height > 1:
            raise DatasetError(f"{where}: events have no y; expected one for a sensor of {self.height} rows")
        for name, values, n in (("x", x, self.width), ("y", y, self.height), ("polarity", polarity, self.polarities)):
            if values is not None and not (name == "polarity" and n == 1):
                check_range(name, values, n, where)
        return self.channels(x, 0 if y is None else y, 0 if self.polarities == 1 else polarity)


def sensor_of(n_channels: int | None, size: Sequence[int] | None) -> Sensor | None:
    """Return the sensor of a size, or channels without places; None if neither is given."""
    if size is not None:
        return Sensor(*size)
    return None if n_channels is None else Sensor(n_channels)


def check_range(name: str, values: IntArray, n: int, where: str) -> None:
    """Raise a :class:`DatasetError` at the first of ``values`` that is not one of 0 to n - 1."""
    wrong = (values < 0) | (values >= n)
    if wrong.any():
        event = int(np.argmax(wrong))
        raise DatasetError(f"{where}: event {event}: {name} = {values[event]}; expected 0 to {n - 1}")
