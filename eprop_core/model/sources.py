"""Presynaptic side of a plastic projection: one record per source, and the cutoff.

The trace z and the state depend on the source alone, so they are kept once per source and not per synapse. Where many
ranks share a network, a spike has few synapses on each rank, and most of the time to process it is spent waiting for
memory. All that a spike needs of its source is therefore one record, within one cache line.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.prefetch import CACHE_LINE, SPIKES_AHEAD
from eprop_core.model.synapses import ACTIVATING, INACTIVE

NO_SPIKE_YET = -1

NO_ENTRY = -1
"""No spike has entered since the synapses were processed last."""

SOURCE = np.dtype(
    [
        # z relative to the block's start; of an inactive source the plain trace of the last time index that counted
        # or, onto readouts, of the one after; with spike-timing-dependent plasticity K_plus after the latest arrival
        ("trace", "f8"),
        ("first_synapse", "i8"),
        ("n_synapses", "i4"),
        ("last_emission", "i4"),  # step of the latest spike up to the present time index; NO_SPIKE_YET before the first
        ("optimized", "i4"),  # steps that the optimizer has processed; NO_SPIKE_YET before the first spike has arrived
        ("state", "i2"),  # INACTIVE or ACTIVE
        ("group", "i2"),  # number of the group of sources, which decides the optimizers (:mod:`eprop_core.model.parts`)
    ]
)
"""State of a source."""

STEPWISE = np.dtype(
    [
        ("entered", "f8"),  # what a spike adds to z after ``advanced_to``, apart since it may be large
        ("advanced_to", "i8"),  # the first time index that stepwise synapses have not processed
    ]
)
"""State that the source of stepwise synapses has besides."""

LAST_STEP = np.iinfo(np.int32).max
"""The last step that a source can keep."""


class Sources(NamedTuple):
    """Sources of one plastic projection."""

    records: np.ndarray
    """SOURCE (n,), each within one cache line."""
    cutoff: int
    """Steps of silence after which a source becomes inactive; 0 if it never does."""
    stepwise: np.ndarray | None
    """STEPWISE (n,), of stepwise synapses; None for others."""
    entry: np.ndarray
    """int64 (n,), of synapses that lack a filter: the time index at which the latest spike entered, or NO_ENTRY."""
    silent: np.ndarray
    """int32 (SPIKES_AHEAD,), sources that become inactive as soon as their synapses have been fetched."""

    @classmethod
    def at_rest(
        cls,
        indptr: np.ndarray,
        cutoff: int | None,
        group: np.ndarray | int = 0,
        *,
        are_stepwise: bool = False,
        lack_filter: bool = False,
    ) -> "Sources":
        """Create sources that have never spiked.

        ``indptr``, int64 (n + 1,), locates their synapses; ``group`` is the number of their group, or of each one's.
        """
        n = len(indptr) - 1
        records = _new_records(n)
        records["last_emission"] = records["optimized"] = NO_SPIKE_YET
        records["first_synapse"] = indptr[:-1]
        records["n_synapses"] = np.diff(indptr)
        records["state"] = INACTIVE
        records["group"] = group
        stepwise = np.zeros(n, STEPWISE) if are_stepwise else None
        entry = np.full(n if lack_filter else 0, NO_ENTRY)
        return cls(records, cutoff or 0, stepwise, entry, np.zeros(SPIKES_AHEAD, np.int32))

    def copied_records(self) -> np.ndarray:
        """Return a copy of ``records``, each within one cache line, too."""
        copied = _new_records(len(self.records))
        copied[:] = self.records
        return copied


def _new_records(n: int) -> np.ndarray:
    """Return ``n`` records of zeros, each within one cache line."""
    room = np.zeros(n * SOURCE.itemsize + CACHE_LINE, np.uint8)
    begin = -room.ctypes.data % CACHE_LINE
    return room[begin : begin + n * SOURCE.itemsize].view(SOURCE)


@kernel
def synapses_of(source):
    """Return the first synapse of a source, and the one after its last."""
    return source["first_synapse"], source["first_synapse"] + source["n_synapses"]


@kernel
def state_after(source, emission):
    """Return the state of a source: ACTIVATING if it is inactive and emits a spike at the present time index."""
    return ACTIVATING if emission and source["state"] == INACTIVE else source["state"]


@kernel
def reaches_cutoff(source, cutoff, time_index):
    """Whether the latest spike of a source was emitted ``cutoff`` steps before ``time_index``."""
    return source["last_emission"] + cutoff == time_index
