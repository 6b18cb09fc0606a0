"""Presynaptic side of a plastic projection: one record per source, and the cutoff.

The trace z and the state depend on the source alone, so they are kept once per source and not per synapse. Where many
ranks share a network, a spike has few synapses on each rank, and its time is that of reaching memory. All that a spike
needs of its source is therefore one record, which fills one cache line.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.model.synapses import ACTIVATING, INACTIVE

NO_SPIKE_YET = -1

CACHE_LINE = 64
"""Bytes of a cache line."""

SOURCE = np.dtype(
    [
        ("trace", "f8"),  # z relative to the start of the present block
        ("entered", "f8"),  # what a spike adds to z after advanced_to; apart from the trace, since it may be large
        ("last_emission", "i8"),  # step of the latest spike up to the present time index; NO_SPIKE_YET before the first
        ("optimized", "i8"),  # steps that the optimizer has processed; NO_SPIKE_YET before the first spike has arrived
        ("advanced_to", "i8"),  # the first time index that stepwise synapses have not processed
        ("first_synapse", "i8"),
        ("n_synapses", "i8"),
        ("state", "i8"),  # INACTIVE or ACTIVE
    ]
)
"""State of a source."""


class Sources(NamedTuple):
    """Sources of one plastic projection."""

    records: np.ndarray
    """SOURCE (n,), each in a cache line of its own."""
    cutoff: int
    """Steps of silence after which a source becomes inactive; 0 if it never does."""

    @classmethod
    def at_rest(cls, indptr: np.ndarray, cutoff: int | None) -> "Sources":
        """Create sources that have never spiked; ``indptr``, int64 (n + 1,), locates their synapses."""
        n = len(indptr) - 1
        room = np.zeros(n * SOURCE.itemsize + CACHE_LINE, np.uint8)
        begin = -room.ctypes.data % CACHE_LINE
        records = room[begin : begin + n * SOURCE.itemsize].view(SOURCE)
        records["last_emission"] = records["optimized"] = NO_SPIKE_YET
        records["first_synapse"] = indptr[:-1]
        records["n_synapses"] = np.diff(indptr)
        records["state"] = INACTIVE
        return cls(records, cutoff or 0)


@kernel
def state_after(source, emission):
    """Return the state of a source: ACTIVATING if it is inactive and emits a spike at the present time index."""
    return ACTIVATING if emission and source["state"] == INACTIVE else source["state"]


@kernel
def reaches_cutoff(source, cutoff, time_index):
    """Whether the latest spike of a source was emitted ``cutoff`` steps before ``time_index``."""
    return source["last_emission"] + cutoff == time_index
