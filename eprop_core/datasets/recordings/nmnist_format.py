"""The binary format of N-MNIST: 5 bytes for each event, big endian.

They are x, y, one bit of polarity (1 = ON) and 23 bits of time in us.

Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437.
"""

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError

BYTES_PER_EVENT = 5

IntArray = npt.NDArray[np.int64]


def unpack(data: bytes, name: str) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return x, y, polarity and time (us) of the events of one recording, each int64 (n_events,); times ascend.

    Parameters
    ----------
    data
        Content of the file.
    name
        Name of the file, for messages.

    Raises
    ------
    DatasetError
        If the recording is empty or truncated, or at the first event before its predecessor.
    """
    if not data:
        raise DatasetError(f"{name}: empty; expected {BYTES_PER_EVENT} bytes for each event")
    if len(data) % BYTES_PER_EVENT:
        whole = len(data) // BYTES_PER_EVENT
        raise DatasetError(
            f"{name}: truncated in event {whole} (byte {whole * BYTES_PER_EVENT}); "
            f"expected a multiple of {BYTES_PER_EVENT} bytes, found {len(data)}"
        )
    x, y, high, middle, low = np.frombuffer(data, np.uint8).reshape(-1, BYTES_PER_EVENT).T.astype(np.int64)
    times = (high & 0x7F) << 16 | middle << 8 | low
    backward = np.diff(times, prepend=0) < 0
    if backward.any():
        event = int(np.argmax(backward))
        raise DatasetError(
            f"{name}: event {event} (byte {event * BYTES_PER_EVENT}): time {times[event]} us after "
            f"{times[event - 1]} us; expected times in ascending order"
        )
    return x, y, high >> 7, times
