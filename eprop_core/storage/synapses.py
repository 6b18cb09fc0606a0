"""The synapses of a rank as edges of a file, and the edges of a file as synapses of a rank.

The edges of a projection are ordered by the neurons with whose ranks they live: by target, or by source for those onto
the readouts. So each rank's edges lie side by side in a file, on any number of ranks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from eprop_core.model.synapse_records import new_records
from eprop_core.model.synapses import ELIGIBILITY, GRADIENT, NO_COLUMN, WEIGHT, Columns, Synapses
from eprop_core.network.connections import Range
from eprop_core.network.projections import ProjectionSpec, Role
from eprop_core.storage.hdf5 import PIECE
from eprop_core.storage.ordering import append_edges, copy_from_edges, copy_to_edges, count

_SHARE = 32
"""Parts in which the synapses are brought into the order of the file, each of which needs some memory."""


class Ends(NamedTuple):
    """The neurons that the synapses of a projection connect on one rank."""

    sources: Range
    targets: Range
    by_source: bool
    """Whether synapses live with their source, instead of with their target."""

    @classmethod
    def of(cls, projection: ProjectionSpec, recurrent: Range) -> "Ends":
        """Return those of a projection on the rank with the neurons ``recurrent``."""
        return cls(*projection.ranges(recurrent), projection.role is Role.OUTPUT)

    @property
    def owners(self) -> Range:
        """The neurons with which the synapses live."""
        return self.sources if self.by_source else self.targets


class Edges(NamedTuple):
    """Some neighbouring edges of a projection."""

    source: np.ndarray
    """int32 (n,), global ids."""
    target: np.ndarray
    """int32 (n,), global ids."""
    values: np.ndarray
    """float64 (n_columns, n), values of their synapses."""


def columns_by_name(columns: Columns) -> dict[str, int]:
    """Return names of all values of a synapse, and their columns."""
    names = {WEIGHT: "weight", GRADIENT: "gradient", ELIGIBILITY: "eligibility"}
    names |= {column: name for name, column in columns._asdict().items() if name != "n" and column != NO_COLUMN}
    by_name, last, number = {}, "", 0
    for column in range(columns.n):
        last, number = (names[column], 1) if column in names else (last, number + 1)
        by_name[last if number == 1 else f"{last}_{number}"] = column
    return by_name


def edges_per_owner(synapses: Synapses, ends: Ends) -> np.ndarray:
    """Return the number of synapses of each neuron with which they live, int64."""
    if ends.by_source:
        return np.diff(synapses.indptr)
    if synapses.in_rows:
        return np.asarray(np.count_nonzero(synapses.is_there(), axis=0))
    n_edges = np.zeros(ends.targets.n, np.int64)
    count(synapses.target, n_edges)
    return n_edges


def edges(synapses: Synapses, ends: Ends, n_per_owner: np.ndarray, columns: Sequence[int]) -> Iterator[Edges]:
    """Yield all synapses of a rank, with their values in ``columns``, in the order of a file, in parts."""
    indptr, indices = synapses.indptr, np.array(columns, np.int64)
    ids = np.arange(ends.sources.n, dtype=np.int32) if synapses.source is None else synapses.source
    done = np.zeros(0 if ends.by_source else len(indptr) - 1, np.int32)
    is_there = synapses.is_there() if synapses.in_rows else np.zeros((0, 0), np.bool_)
    for first, last, begin, end in _parts(n_per_owner):
        owner = np.repeat(np.arange(first, last, dtype=np.int32), n_per_owner[first:last])
        if synapses.rows is not None and synapses.in_rows:
            there, target = is_there[:, first:last].T, owner
            source = np.nonzero(there)[1].astype(np.int32)
            values = synapses.rows[:, indices, first:last].transpose(1, 2, 0)[:, there]
        elif ends.by_source:
            source, target, values = owner, synapses.target[begin:end], synapses.values[begin:end, indices].T
        else:
            source, target, values = np.empty_like(owner), owner, np.empty((len(indices), len(owner)))
            place = np.cumsum(n_per_owner[first:last]) - n_per_owner[first:last]
            copy_to_edges(indptr, done, synapses.records, indices, first, last, place, source, values)
        yield Edges(ids[source] + np.int32(ends.sources.first), target + np.int32(ends.targets.first), values)


def set_values(
    synapses: Synapses,
    ends: Ends,
    n_per_owner: np.ndarray,
    columns: Sequence[int],
    of_edges: Callable[[int, int], np.ndarray],
) -> None:
    """Replace the values in ``columns`` of all synapses of a rank.

    ``of_edges`` returns the values of some of the rank's edges, float64 (n_columns, n): from the first argument on, and
    before the second.
    """
    indptr, indices = synapses.indptr, np.array(columns, np.int64)
    done = np.zeros(0 if ends.by_source else len(indptr) - 1, np.int32)
    is_there = synapses.is_there() if synapses.in_rows else np.zeros((0, 0), np.bool_)
    for first, last, begin, end in _parts(n_per_owner):
        values = of_edges(begin, end)
        if synapses.rows is not None and synapses.in_rows:
            there = is_there[:, first:last].T
            by_target = np.zeros((len(indices), *there.shape))
            by_target[:, there] = values
            synapses.rows[:, indices, first:last] = by_target.transpose(2, 0, 1)
        elif ends.by_source:
            synapses.values[begin:end, indices] = values.T
        else:
            place = np.cumsum(n_per_owner[first:last]) - n_per_owner[first:last]
            copy_from_edges(indptr, done, synapses.records, indices, first, last, place, values)


def _parts(n_per_owner: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Yield the first owner and the one after the last, the first edge and the one after the last, of each part."""
    indptr = np.concatenate(([0], np.cumsum(n_per_owner)))
    size = max(PIECE, int(indptr[-1]) // _SHARE)
    first = 0
    while first < len(n_per_owner):
        # One owner at least, and as many as fit.
        last = max(first + 1, int(np.searchsorted(indptr, indptr[first] + size, side="right")) - 1)
        yield first, last, int(indptr[first]), int(indptr[last])
        first = last


def synapses_of(
    sources: Iterable[np.ndarray], parts: Iterable[Edges], ends: Ends, taken: Sequence[int], columns: Columns
) -> Synapses:
    """Return the edges of a rank as synapses.

    Parameters
    ----------
    sources
        Sources of all edges, in the order of the file.
    parts
        All edges in that order.
    ends
        Neurons that the edges connect.
    taken
        Columns for the values of the edges; all others are 0.
    columns
        Columns of the values of a synapse.
    """
    indptr = np.zeros(ends.sources.n + 1, np.int64)
    for ids in sources:
        count(ids - ends.sources.first, indptr[1:])
    np.cumsum(indptr, out=indptr)
    n = int(indptr[-1])
    synapses = Synapses(indptr, new_records(n, columns.n), columns)
    next_place, indices = indptr[:-1].copy(), np.array(taken, np.int64)
    for source, target, values in parts:
        append_edges(
            source - ends.sources.first,
            target - ends.targets.first,
            values,
            indices,
            next_place,
            synapses.records,
        )
    return synapses
