"""Cache lines that a spike touches when it arrives, counted from where the arrays of a rank are in memory."""

import numpy as np

from eprop_core.compiled.prefetch import CACHE_LINE
from eprop_core.model.projection import ProjectionState


def bytes_per_synapse(projection: ProjectionState) -> float:
    """Return the bytes of the cache lines that spikes touch, per synapse that they reach; 0 without synapses.

    Each source that has synapses spikes once. Its spike touches the record of the source, or its entry of ``indptr`` in
    a static projection, and the records of its synapses, or its row.
    """
    synapses = projection.synapses
    n_synapses = synapses.n
    if n_synapses == 0:
        return 0.0
    if synapses.rows is not None and synapses.in_rows:
        i = np.arange(len(synapses.rows))
        return CACHE_LINE * (len(i) + _lines(synapses.rows, i, i + 1)) / n_synapses
    first, end = synapses.indptr[:-1], synapses.indptr[1:]
    first, end = first[first < end], end[first < end]
    return CACHE_LINE * (len(first) + _lines(synapses.records, first, end)) / n_synapses


def _lines(array: np.ndarray, first: np.ndarray, end: np.ndarray) -> int:
    """Return the sum of the cache lines in which the rows first .. end - 1 lie, over int64 arrays of both."""
    first_byte, last_byte = (array.ctypes.data + row * array.strides[0] for row in (first, end))
    return int(np.sum((last_byte - 1) // CACHE_LINE - first_byte // CACHE_LINE + 1))
