"""Projections that are processed as one: which optimizer each synapse has, and how many synapses a spike reaches.

A spike costs the least if all its synapses are in one list. Projections between groups that differ in their optimizers'
values alone therefore share a list. Groups have consecutive ids, and the synapses of a source have ascending targets,
so those onto one group lie side by side. They are a part of the source's synapses, and the optimizer of a part follows
from two groups: that of the source and that of the targets. It is looked up once for each part and spike.
"""

from typing import Any, NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel


class Parts(NamedTuple):
    """Parts of the synapses of each source."""

    ends: np.ndarray
    """int64 (n_sources, n_groups of targets - 1), synapses of a source onto the groups up to each but the last."""
    boundaries: np.ndarray
    """int64 (n_parts - 1,), the columns of ``ends`` beyond which another optimizer may begin."""
    optimizer: np.ndarray
    """int64 (n_groups of sources, n_parts), number of the optimizer."""
    arrivals: np.ndarray
    """int64 (n_sources,), spikes that have arrived; (0,) where a single projection has all synapses."""

    @classmethod
    def one(cls) -> "Parts":
        """Return the single part of the synapses of one projection."""
        return cls(np.zeros((0, 0), np.int64), np.zeros(0, np.int64), np.zeros((1, 1), np.int64), np.zeros(0, np.int64))


@kernel
def n_parts(parts: Parts) -> int:
    """Return the number of parts of the synapses of each source, at least 1."""
    return len(parts.boundaries) + 1


@kernel
def end_of_part(parts: Parts, i: int, source: Any, part: int) -> Any:
    """Return the synapse after the last one of a part of the i-th source, whose record is ``source``."""
    if part == len(parts.boundaries):
        return source["first_synapse"] + source["n_synapses"]
    return source["first_synapse"] + parts.ends[i, parts.boundaries[part]]


@kernel
def count_arrival(parts: Parts, i: int) -> None:
    """Count a spike of the i-th source that arrives, if it reaches synapses of several projections."""
    if len(parts.arrivals) > 0:
        parts.arrivals[i] += 1
