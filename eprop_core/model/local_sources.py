"""The neurons of a population that have targets on this rank.

If many ranks share a network, a neuron may have no targets on a rank. A spike of such a neuron is dropped as soon as it
is received; all others have a record and a list of synapses. So a rank keeps two bits per neuron of the whole network,
and a dropped spike costs no access to memory outside the cache.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.bits import bit_count
from eprop_core.compiled.compilation import kernel

_WORD = 64

LOCAL_SOURCE_BYTES = 16 / _WORD
"""Bytes on a rank per neuron of the whole network."""


class LocalSources(NamedTuple):
    """Local sources, numbered from 0 in the order of their ids."""

    has_targets: np.ndarray
    """uint64 (n // 64 + 1,), a bit for each neuron of the population."""
    n_before: np.ndarray
    """int64 (n // 64 + 1,), number of local sources before the neurons of each word."""

    @classmethod
    def of(cls, ids: np.ndarray, n: int) -> "LocalSources":
        """Return those with the given ``ids``, ascending, of a population of ``n``."""
        present = np.zeros((n // _WORD + 1) * _WORD, np.bool_)
        present[ids] = True
        has_targets = np.packbits(present, bitorder="little").view("<u8").astype(np.uint64)
        n_in_word = np.bincount(ids // _WORD, minlength=len(has_targets))
        return cls(has_targets, np.cumsum(n_in_word) - n_in_word)


@kernel
def local_number(local_sources, i):
    """Return the number of neuron ``i`` among the local sources, or -1 if it has no targets here."""
    word, bit = local_sources.has_targets[i >> 6], np.uint64(1) << np.uint64(i & 63)
    if word & bit == np.uint64(0):
        return -1
    return local_sources.n_before[i >> 6] + bit_count(word & (bit - np.uint64(1)))
