"""The spikes of the last few steps of a population, one list per step."""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import inlined, kernel


class Spikes(NamedTuple):
    """Ring of spike lists."""

    ids: np.ndarray
    """int32 (depth, n), ascending ids within each list."""
    length: np.ndarray
    """int64 (depth,), length of each list."""

    @classmethod
    def none(cls, depth: int, n: int) -> "Spikes":
        """A ring of empty lists for a population of ``n``; memory is touched only as far as lists grow."""
        return cls(np.zeros((depth, n), np.int32), np.zeros(depth, np.int64))


@inlined
def spikes_of(spikes, step):
    """The ids that spiked in ``step``, one of the last ``depth`` steps."""
    slot = step % len(spikes.length)
    return spikes.ids[slot, : spikes.length[slot]]


@kernel
def copy_ids(destination, start, source, first, n, shift):
    """Copy ``n`` ids to ``destination[start:]`` from ``source[first:]``, adding ``shift``."""
    for i in range(n):
        destination[start + i] = source[first + i] + shift
