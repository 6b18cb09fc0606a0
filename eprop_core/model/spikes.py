"""The spikes of a population in the last few steps, one list per step."""

import contextlib
import math
import mmap
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import inlined, kernel
from eprop_core.errors import InsufficientMemoryError
from eprop_core.model.local_sources import LocalSources, local_number


class Spikes(NamedTuple):
    """Ring buffer of spike lists."""

    ids: np.ndarray
    """int32 (depth, n), ascending within each list: ids, or numbers of local sources."""
    length: np.ndarray
    """int64 (depth,), length of each list."""
    local_sources: LocalSources | None
    """The neurons whose spikes are kept, and under which numbers; None for all neurons under their ids."""

    @classmethod
    def none(cls, depth: int, n: int, local_sources: LocalSources | None = None) -> "Spikes":
        """Create empty lists for ``depth`` steps of ``n`` neurons; memory is used only as far as lists grow."""
        return cls(_empty_lists((depth, n)), np.zeros(depth, np.int64), local_sources)

    def copied_ids(self) -> np.ndarray:
        """Return a copy of ``ids``, which takes as much memory as the lists need."""
        copied = _empty_lists(self.ids.shape)
        for slot, n in enumerate(self.length):
            copied[slot, :n] = self.ids[slot, :n]
        return copied


def _empty_lists(shape: tuple[int, ...]) -> np.ndarray:
    advice = ": use a smaller plasticity.cutoff, smaller delays or fewer neurons"
    return zeros_in_small_pages(shape, np.int32, f"the spikes of the last {shape[0]} steps", advice)


def zeros_in_small_pages(shape: tuple[int, ...], dtype: type, name: str, advice: str = "") -> np.ndarray:
    """Return zeros that take memory page by page; numpy would ask for pages of 2 MB, one for each short list.

    ``name`` says what they are where there is no memory, and ``advice`` what to do.
    """
    n_bytes = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
    try:
        pages = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError):
        raise InsufficientMemoryError(f"{name} need up to {n_bytes / 1e9:.1f} GB{advice}") from None
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Linux
        with contextlib.suppress(OSError):  # a system may have no large pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype, math.prod(shape)).reshape(shape)


@inlined
def spikes_of(spikes, step):
    """Return the list of ``step``, one of the last ``depth`` steps."""
    slot = step % len(spikes.length)
    return spikes.ids[slot, : spikes.length[slot]]


@kernel
def clear(spikes, step):
    """Empty the list of a step."""
    spikes.length[step % len(spikes.length)] = 0


@kernel
def receive(spikes, step, ids, first, n):
    """Append the local sources among the ``n`` neurons ``ids[first:]`` to the list of a step."""
    slot = step % len(spikes.length)
    length = spikes.length[slot]
    for k in range(first, first + n):
        number = local_number(spikes.local_sources, ids[k])
        if number >= 0:
            spikes.ids[slot, length] = number
            length += 1
    spikes.length[slot] = length


@kernel
def replace_received(of_projections, step, ids, first, n):
    """Replace the list of a step, in each projection, by the local sources among the ``n`` neurons ``ids[first:]``."""
    for spikes in of_projections:
        clear(spikes, step)
        receive(spikes, step, ids, first, n)


@kernel
def copy_ids(destination, start, source, first, n, shift):
    """Copy ``n`` ids from ``source[first:]`` to ``destination[start:]`` and add ``shift`` to each."""
    for i in range(n):
        destination[start + i] = source[first + i] + shift
