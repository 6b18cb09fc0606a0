"""The binary format of N-MNIST: 5 bytes for each event, big endian.

They are x, y, one bit of polarity (1 = ON) and 23 bits of time in us.

Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.layout import LARGEST_RECORDING
from eprop_core.errors import DatasetError

_BYTES_PER_EVENT = 5

IntArray = npt.NDArray[np.int32]


class Unpacked(NamedTuple):
    """Events of several recordings, one after another, each int32 (n_events,)."""

    x: IntArray
    y: IntArray
    polarity: IntArray
    times: IntArray
    """us, ascending in each recording"""
    first_events: npt.NDArray[np.int64]
    """(n_recordings + 1,), index of the first event of each recording"""

    def where(self, place: int, names: Sequence[str]) -> str:
        """Return the recording, the event and the byte of the event ``place``, for messages."""
        recording = int(np.searchsorted(self.first_events, place, side="right")) - 1
        event = place - int(self.first_events[recording])
        return f"{names[recording]}: event {event} (byte {event * _BYTES_PER_EVENT})"


def unpack(data: Sequence[bytes], names: Sequence[str]) -> Unpacked:
    """Return the events of several recordings.

    Parameters
    ----------
    data
        Content of each file.
    names
        Name of each file, for messages.

    Raises
    ------
    DatasetError
        If a recording is empty, truncated or nothing but zeros, or at the first event before its predecessor.
    """
    for content, name in zip(data, names, strict=True):
        if not content:
            raise DatasetError(f"{name}: empty; expected {_BYTES_PER_EVENT} bytes for each event")
        if len(content) > LARGEST_RECORDING:
            raise DatasetError(f"{name}: has more than {LARGEST_RECORDING} bytes; expected a shorter recording")
        if len(content) % _BYTES_PER_EVENT:
            whole = len(content) // _BYTES_PER_EVENT
            raise DatasetError(
                f"{name}: truncated in event {whole} (byte {whole * _BYTES_PER_EVENT}); "
                f"expected a multiple of {_BYTES_PER_EVENT} bytes, found {len(content)}"
            )
        if len(content) > _BYTES_PER_EVENT and not any(content):  # as of a file whose data were lost
            raise DatasetError(f"{name}: {len(content)} zeros, the same event again and again; expected a recording")
    first_events = np.cumsum([0, *(len(content) // _BYTES_PER_EVENT for content in data)])
    x, y, high, middle, low = np.frombuffer(b"".join(data), np.uint8).reshape(-1, _BYTES_PER_EVENT).T.astype(np.int32)
    times = (high & 0x7F) << 16 | middle << 8 | low
    events = Unpacked(x, y, high >> 7, times, first_events)
    backward = np.diff(times, prepend=0) < 0
    backward[first_events[:-1]] = False
    if backward.any():
        place = int(np.argmax(backward))
        raise DatasetError(
            f"{events.where(place, names)}: time {times[place]} us after {times[place - 1]} us; expected times in "
            "ascending order"
        )
    return events
