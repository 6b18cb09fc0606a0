"""The spikes of a population in the last few steps, one list per step."""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import inlined, kernel


class Spikes(NamedTuple):
    """Ring buffer of spike lists."""

    ids: np.ndarray
    """int32 (depth, n), ascending ids within each list."""
    length: np.ndarray
    """int64 (depth,), length of each list."""

    @classmethod
    def none(cls, depth: int, n: int) -> "Spikes":
        """Create empty lists for ``depth`` steps of a population of ``n``; memory is used only as far as lists grow."""
        return cls(np.zeros((depth, n), np.int32), np.zeros(depth, np.int64))


@inlined
def spikes_of(spikes, step):
    """Return the ids of the neurons that spiked in ``step``, one of the last ``depth`` steps."""
    slot = step % len(spikes.length)
    return spikes.ids[slot, : spikes.length[slot]]


@kernel
def copy_ids(destination, start, source, first, n, shift):
    """Copy ``n`` ids from ``source[first:]`` to ``destination[start:]`` and add ``shift`` to each."""
    for i in range(n):
        destination[start + i] = source[first + i] + shift
