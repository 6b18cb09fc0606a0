"""Rows: the layout of projections in which each source reaches all neurons of a rank.

The values of a source are the rows of a matrix then, and the running sums are stored column by column. A loop over the
synapses of a source reads and writes contiguous numbers and needs no list of targets, so that the compiler vectorizes
it. The arithmetic, and so every bit, is that of listed synapses.

No neuron has a synapse onto itself. Its row has a place there all the same: kernels set its values to 0 after each use,
and undo what it added to the input.
"""

import numpy as np

from eprop_core.model.synapse_records import new_records
from eprop_core.model.synapses import NO_TARGET, Synapses


def absent_targets(synapses: Synapses, n_targets: int) -> np.ndarray | None:
    """Return the target that each source lacks, int32 (n_sources,), or None if a source lacks more than one.

    ``n_targets`` is the number of neurons of the rank. The synapses are listed, by ascending target.
    """
    counts = np.diff(synapses.indptr)
    if n_targets < 2 or len(counts) == 0 or counts.min() < n_targets - 1 or counts.max() > n_targets:
        return None
    ascends = np.diff(synapses.target) > 0
    ascends[synapses.indptr[1:-1] - 1] = True  # from one source to the next
    if not ascends.all():
        return None
    total = np.add.reduceat(synapses.target.astype(np.int64), synapses.indptr[:-1])
    return np.where(counts == n_targets, NO_TARGET, n_targets * (n_targets - 1) // 2 - total).astype(np.int32)


def in_rows(synapses: Synapses, absent: np.ndarray, n_targets: int) -> Synapses:
    """Return listed synapses in rows of ``n_targets``; ``absent`` is what :func:`absent_targets` returns for them."""
    rows = np.zeros((len(absent), synapses.columns.n, n_targets))
    for i, (first, last) in enumerate(zip(synapses.indptr[:-1], synapses.indptr[1:], strict=True)):
        rows[i][:, synapses.target[first:last]] = synapses.values[first:last].T
    return synapses._replace(records=new_records(0, synapses.columns.n), rows=rows, absent=absent)


def without_rows(synapses: Synapses) -> Synapses:
    """Return listed synapses for a rank on which another projection has rows."""
    return synapses._replace(rows=np.zeros((0, synapses.columns.n, 0)), absent=np.zeros(0, np.int32))
