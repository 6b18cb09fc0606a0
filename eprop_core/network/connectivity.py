"""Connectivity: from rules or explicit lists to the compressed synapses that one rank owns.

Connections are drawn target by target from streams keyed by the target's global id (``drawing.py``), so that a network
does not depend on the number of ranks. The result is compressed by source: the synapses of one source lie side by side,
with ascending targets, in the order in which a spike is processed.
"""

import numpy as np

from eprop_core.arrays import array_of
from eprop_core.compiled.purpose import Purpose
from eprop_core.model.synapses import WEIGHT, Columns, Synapses
from eprop_core.network import drawing
from eprop_core.network.connections import Connections, Range
from eprop_core.network.initial_weights import weight_scale
from eprop_core.parameters import AllToAll, Connectivity, FixedInDegree, InitialWeights
from eprop_core.parsing import ParameterError

_DISTRIBUTION = {"normal": drawing.NORMAL, "uniform": drawing.UNIFORM, "constant": drawing.CONSTANT}


def draw(
    connectivity: Connectivity,
    weights: InitialWeights,
    *,
    seed: int,
    name: str,
    sources: Range,
    targets: Range,
    columns: Columns,
    stream: int = 0,
    autapses: bool = True,
    rows: bool = False,
) -> Synapses:
    """Draw the synapses from ``sources`` onto ``targets`` that a rule describes.

    Parameters
    ----------
    connectivity
        Rule of the connections.
    weights
        Distribution of the initial weights.
    seed
        Seed of the network.
    name
        Role of the projection, which has random numbers of its own.
    sources, targets
        Ranges of ids whose synapses are kept.
    columns
        Columns of the values of a synapse.
    stream
        Number of the projection among those of its role, each of which has random numbers of its own.
    autapses
        Whether a connection may have the same id at both ends. If not, the two populations are the same.
    rows
        Whether to store the values in rows; only for a rule that connects each source to all targets.

    Returns
    -------
    Synapses
        Compressed by source; all values but the weights are 0.
    """
    if isinstance(connectivity, AllToAll):
        kind, in_degree, probability = drawing.ALL_TO_ALL, 0, 0.0
    elif isinstance(connectivity, FixedInDegree):
        kind = drawing.FIXED_IN_DEGREE_MULTAPSES if connectivity.allow_multapses else drawing.FIXED_IN_DEGREE
        in_degree, probability = connectivity.in_degree, 0.0
    else:
        kind, in_degree, probability = drawing.BERNOULLI, 0, connectivity.probability
    n_sources = sources.size if autapses else sources.size - 1
    rule = drawing.Rule(
        kind=kind,
        in_degree=in_degree,
        probability=probability,
        distribution=_DISTRIBUTION[weights.distribution],
        scale=weight_scale(weights, connectivity, n_sources, targets.size),
        seed=np.uint64(seed),
        source_purpose=Purpose.of_projection(name, "sources").in_stream(stream),
        weight_purpose=Purpose.of_projection(name, "weights").in_stream(stream),
        no_self=not autapses,
        first_source=sources.first,
        last_source=sources.last,
        n_sources=sources.size,
        first_target=targets.first,
        last_target=targets.last,
    )
    return (drawing.draw_rows if rows else drawing.draw_synapses)(rule, columns)


def as_arrays(connections: Connections, name: str) -> Connections:
    """Return connections of the projection ``name`` as arrays; a :class:`ParameterError` for other values."""

    def array(dtype: type[np.generic], field: str) -> np.ndarray:
        return array_of(dtype, f"connections[{name!r}].{field}", getattr(connections, field), ParameterError)

    return Connections(array(np.int64, "source"), array(np.int64, "target"), array(np.float64, "weight"))


def compress(connections: Connections, name: str, sources: Range, targets: Range, columns: Columns) -> Synapses:
    """Compress an explicit list of connections.

    Parameters
    ----------
    connections
        All connections of the projection.
    name
        Name of the projection, for messages.
    sources, targets
        Ranges of ids whose synapses are kept.
    columns
        Columns of the values of a synapse.

    Returns
    -------
    Synapses
        Compressed by source; all values but the weights are 0.

    Raises
    ------
    ParameterError
        The arrays differ in length, an id is out of range, or a weight is not finite.
    """
    source, target, weight = connections
    if not (source.shape == target.shape == weight.shape and source.ndim == 1):
        shapes = f"{source.shape}, {target.shape}, {weight.shape}"
        raise ParameterError(
            f"connections[{name!r}]: source, target, weight must be vectors of one length, not {shapes}"
        )
    for what, ids, size in (("source", source, sources.size), ("target", target, targets.size)):
        wrong = np.flatnonzero((ids < 0) | (ids >= size))
        if wrong.size:
            raise ParameterError(
                f"connections[{name!r}].{what}[{wrong[0]}] = {ids[wrong[0]]}: allowed are 0 to {size - 1}"
            )
    wrong = np.flatnonzero(~np.isfinite(weight))
    if wrong.size:
        raise ParameterError(f"connections[{name!r}].weight[{wrong[0]}] = {weight[wrong[0]]}: must be finite")
    own = (source >= sources.first) & (source < sources.last) & (target >= targets.first) & (target < targets.last)
    source, target, weight = source[own] - sources.first, target[own] - targets.first, weight[own]
    order = np.lexsort((target, source))
    offset = np.zeros(sources.n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=sources.n), out=offset[1:])
    values = np.zeros((len(target), columns.n))
    values[:, WEIGHT] = weight[order]
    return Synapses.listed(offset, target[order], values, columns)


def numbers_within(ids: tuple[range, ...], own: Range) -> Range:
    """Return the range of the numbers, counted from 0 among ``ids``, of those that are in the range ``own``."""
    first, last = (sum(len(range(part.start, min(part.stop, end))) for part in ids) for end in (own.first, own.last))
    return Range(first, last, sum(map(len, ids)))


def by_ids(
    synapses: Synapses, source_ids: tuple[range, ...], target_ids: tuple[range, ...], sources: Range, targets: Range
) -> Synapses:
    """Return synapses between neurons with some ids as those between two ranges, which contain more neurons.

    The i-th source of the given ``synapses`` is the i-th of ``source_ids`` within the range ``sources``; likewise the
    targets.
    """
    own_sources, own_targets = (
        np.concatenate([np.arange(max(part.start, own.first), min(part.stop, own.last)) - own.first for part in ids])
        for ids, own in ((source_ids, sources), (target_ids, targets))
    )
    indptr = np.zeros(sources.n + 1, np.int64)
    indptr[1 + own_sources] = np.diff(synapses.indptr)
    np.cumsum(indptr, out=indptr)
    return Synapses.listed(indptr, own_targets[synapses.target], synapses.values, synapses.columns)


def check_ids(
    connections: Connections, name: str, source_ids: tuple[range, ...], target_ids: tuple[range, ...]
) -> None:
    """Raise a :class:`ParameterError` if an explicit connection has an end that is not among the given ids."""
    for end, allowed in (("source", source_ids), ("target", target_ids)):
        ids = getattr(connections, end)
        there = np.zeros(ids.shape, np.bool_)
        for part in allowed:
            there |= (ids >= part.start) & (ids < part.stop)
        wrong = np.flatnonzero(~there)
        if wrong.size:
            groups = " and ".join(f"{part.start} to {part.stop - 1}" for part in allowed)
            raise ParameterError(
                f"connections[{name!r}].{end}[{wrong[0]}] = {ids[wrong[0]]}: its groups have the ids {groups}"
            )


def of_local_sources(synapses: Synapses) -> Synapses:
    """Return the same synapses, compressed by those sources alone that have any."""
    has_targets = np.diff(synapses.indptr) > 0
    indptr = np.concatenate((synapses.indptr[:1], synapses.indptr[1:][has_targets]))
    source = np.flatnonzero(has_targets).astype(np.int32) if synapses.source is None else synapses.source[has_targets]
    return synapses._replace(indptr=indptr, source=source)


def expand(synapses: Synapses, sources: Range, targets: Range, column: int = WEIGHT) -> Connections:
    """List the synapses between two ranges with global ids and the values in ``column``, sorted by (target, source)."""
    ids = np.arange(sources.first, sources.last)
    source = np.repeat(ids if synapses.source is None else ids[synapses.source], np.diff(synapses.indptr))
    target = synapses.targets()
    order = np.lexsort((source, target))
    return Connections(source[order], target[order].astype(np.int64) + targets.first, synapses.column(column)[order])
