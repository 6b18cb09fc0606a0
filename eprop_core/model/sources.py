"""Presynaptic side of a plastic projection: traces, latest spikes, and a timing wheel for the cutoff.

The trace z and the state depend on the source alone, so they are kept once per source and not per synapse. A timing
wheel lists at every time index the sources that may have reached the cutoff. An active source stays in one slot, and
moves to the slot of its latest spike only when that slot's turn comes.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.prefetch import prefetch_source
from eprop_core.model.synapses import ACTIVATING, ACTIVE, INACTIVE

NO_SPIKE_YET = -1


class Sources(NamedTuple):
    """State of the sources of one plastic projection; one entry per source unless said otherwise."""

    trace: np.ndarray
    """float64, z relative to the start of the present block."""
    last_emission: np.ndarray
    """int64, step of the latest spike up to the present time index; NO_SPIKE_YET before the first."""
    state: np.ndarray
    """int8, INACTIVE or ACTIVE; ACTIVATING from the registration of a spike until it is processed at the same index."""
    optimized: np.ndarray
    """int64, number of steps that the optimizer has processed; NO_SPIKE_YET before the first spike has arrived."""
    advanced_to: np.ndarray
    """int64, the first time index that stepwise synapses have not processed."""
    entered: np.ndarray
    """float64, what a spike adds to z after that time index. It is kept apart from ``trace``, since it may be large."""
    wheel: np.ndarray
    """int32 (cutoff + 1,), first source in each slot, -1 for none; empty without a cutoff."""
    next_in_slot: np.ndarray
    """int32, the source after this one in its slot, -1 for none."""
    silent: np.ndarray
    """int32, space for a list of sources."""

    @classmethod
    def at_rest(cls, n: int, cutoff: int | None) -> "Sources":
        """Create ``n`` sources that have never spiked."""
        slots = 0 if cutoff is None else cutoff + 1
        return cls(
            trace=np.zeros(n),
            last_emission=np.full(n, NO_SPIKE_YET, np.int64),
            state=np.full(n, INACTIVE, np.int8),
            optimized=np.full(n, NO_SPIKE_YET, np.int64),
            advanced_to=np.zeros(n, np.int64),
            entered=np.zeros(n),
            wheel=np.full(slots, -1, np.int32),
            next_in_slot=np.full(n if slots else 0, -1, np.int32),
            silent=np.empty(n if slots else 0, np.int32),
        )


@kernel
def _await_cutoff(sources, i, time_index):
    slot = time_index % len(sources.wheel)
    sources.next_in_slot[i] = sources.wheel[slot]
    sources.wheel[slot] = i


@kernel
def register(sources, emitted, time_index):
    """Register the spikes emitted at ``time_index``.

    An inactive source is marked ACTIVATING and keeps its last emission until it is activated.
    """
    cutoff = len(sources.wheel) - 1
    for n in range(len(emitted)):
        prefetch_source(sources, emitted, n)
        i = emitted[n]
        if sources.state[i] == ACTIVE:
            sources.last_emission[i] = time_index
        else:
            sources.state[i] = ACTIVATING
            if cutoff >= 0:
                _await_cutoff(sources, i, time_index + cutoff)


@kernel
def expire(sources, time_index):
    """Write the active sources that reach the cutoff at ``time_index`` to ``sources.silent``; return their number."""
    cutoff = len(sources.wheel) - 1
    if cutoff < 0:
        return 0
    slot = time_index % len(sources.wheel)
    i = sources.wheel[slot]
    sources.wheel[slot] = -1
    n = 0
    while i >= 0:
        following = sources.next_in_slot[i]
        if sources.last_emission[i] + cutoff == time_index:
            sources.silent[n] = i
            n += 1
        else:
            _await_cutoff(sources, i, sources.last_emission[i] + cutoff)
        i = following
    return n
