"""Synapses of a bundle: from those of its projections, and back to them; and which optimizer each of them has."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from eprop_core.compiled.compilation import called_kernel
from eprop_core.model.optimizers import Optimizers, optimizers_of
from eprop_core.model.parts import Parts
from eprop_core.model.projection import ProjectionState
from eprop_core.model.rank import Counters
from eprop_core.model.synapse_records import new_records
from eprop_core.model.synapses import NO_TARGET, Synapses
from eprop_core.network.bundles import Bundle
from eprop_core.network.connections import Range
from eprop_core.network.projections import ProjectionSpec, Role
from eprop_core.parameters import Network


@called_kernel
def _copy_ranges(first: np.ndarray, n: np.ndarray, records: np.ndarray, place: np.ndarray, copied: np.ndarray) -> None:
    """Copy the ``n[i]`` records from ``first[i]`` on to those from ``place[i]`` on in ``copied``, for all i."""
    for i in range(len(n)):
        for k in range(n[i]):
            for word in range(records.shape[1]):
                copied[place[i] + k, word] = records[first[i] + k, word]


def merged(members: Sequence[Synapses]) -> Synapses:
    """Return listed synapses of several projections in one list, with ascending targets for each source.

    The ``members`` have ascending targets, and are compressed by those sources alone that have any.
    """
    if len(members) == 1:
        return members[0]
    sources = [member.source for member in members if member.source is not None]
    source = np.unique(np.concatenate(sources))
    n_of = [np.zeros(len(source), np.int64) for _ in members]
    for member, ids, n in zip(members, sources, n_of, strict=True):
        n[np.searchsorted(source, ids)] = np.diff(member.indptr)
    indptr = np.concatenate(([0], np.cumsum(np.sum(n_of, axis=0))))
    columns = members[0].columns
    records, place = new_records(int(indptr[-1]), columns.n), indptr[:-1].copy()
    for member, ids, n in zip(members, sources, n_of, strict=True):
        own = np.searchsorted(source, ids)
        _copy_ranges(member.indptr[:-1], np.diff(member.indptr), member.records, place[own], records)
        place += n
    return Synapses(indptr, records, columns, source.astype(np.int32))


def merged_rows(bundle: Bundle, members: Iterable[Synapses], recurrent: Range) -> Synapses:
    """Return the rows of the projections of a full bundle as the rows of all of them, on one rank.

    The ``members``, in the order of the bundle, have places for the own sources and targets of their projections alone.
    """
    if len(bundle.specs) == 1:
        return next(iter(members))
    lacks_itself = bundle.first.source == bundle.first.target
    source = np.arange(bundle.first.source.size, dtype=np.int32)
    rows = None
    for spec, own in zip(bundle.specs, members, strict=True):
        assert own.rows is not None
        if rows is None:
            columns, rows = own.columns, np.zeros((len(source), own.columns.n, recurrent.n))
        (sources,), (targets,) = spec.source_ids, spec.target_ids
        first, last = recurrent.local(targets.start), recurrent.local(targets.stop)
        rows[sources.start : sources.stop, :, first:last] = own.rows
    is_own = lacks_itself & (source >= recurrent.first) & (source < recurrent.last)
    indptr = np.concatenate(([0], np.cumsum(recurrent.n - is_own)))
    absent = np.where(is_own, source - recurrent.first, NO_TARGET).astype(np.int32)
    return Synapses(indptr, new_records(0, columns.n), columns, source, rows, absent)


class _Block(NamedTuple):
    """The synapses from some sources of a bundle onto some targets."""

    sources: slice
    """Numbers of the sources."""
    targets: slice
    """Local numbers of the targets."""

    @classmethod
    def of(cls, synapses: Synapses, spec: ProjectionSpec, recurrent: Range) -> "_Block":
        """Return that of a projection, among ``synapses`` of its bundle on the rank with the neurons ``recurrent``."""
        (sources,), (targets,) = spec.source_ids, spec.target_ids
        assert synapses.source is not None
        first_source, last_source = np.searchsorted(synapses.source, (sources.start, sources.stop))
        first, last = recurrent.local(targets.start), recurrent.local(targets.stop)
        return cls(slice(int(first_source), int(last_source)), slice(first, last))


def n_before(synapses: Synapses, target: int) -> np.ndarray:
    """Return how many synapses of each source have a local target below ``target``, int64 (n_sources,)."""
    if synapses.absent is not None and synapses.in_rows:
        is_before = (synapses.absent != NO_TARGET) & (synapses.absent < target)
        return np.asarray(target - is_before.astype(np.int64))
    if synapses.n == 0:
        return np.zeros(len(synapses.indptr) - 1, np.int64)
    return np.add.reduceat(synapses.target < target, synapses.indptr[:-1], dtype=np.int64)


def part_of(synapses: Synapses, bundle: Bundle, spec: ProjectionSpec, recurrent: Range) -> Synapses:
    """Return the synapses of a projection among those of its ``bundle`` on one rank.

    They are listed copies where there are several projections, else the synapses themselves.
    """
    if len(bundle.specs) == 1:
        return synapses
    assert synapses.source is not None
    block = _Block.of(synapses, spec, recurrent)
    if synapses.in_rows:
        return _from_rows(synapses, block)
    source = synapses.source[block.sources]
    first, n = _ranges(synapses, block)
    indptr = np.concatenate(([0], np.cumsum(n)))
    records = new_records(int(indptr[-1]), synapses.columns.n)
    _copy_ranges(first, n, synapses.records, indptr[:-1], records)
    return Synapses(indptr, records, synapses.columns, source)


def in_a_list(synapses: Synapses) -> Synapses:
    """Return the synapses of a bundle as if no projection of the rank had rows."""
    if synapses.in_rows:
        return _from_rows(synapses, _Block(slice(None), slice(None)))
    return synapses._replace(rows=None, absent=None)


def _from_rows(synapses: Synapses, block: _Block) -> Synapses:
    assert synapses.rows is not None
    assert synapses.source is not None
    there = synapses.is_there()[block.sources, block.targets]
    indptr = np.concatenate(([0], np.cumsum(there.sum(axis=1))))
    target = np.nonzero(there)[1] + (block.targets.start or 0)
    values = synapses.rows[block.sources, :, block.targets].transpose(0, 2, 1)[there]
    return Synapses.listed(indptr, target, values, synapses.columns)._replace(source=synapses.source[block.sources])


def put_back(part: Synapses, synapses: Synapses, bundle: Bundle, spec: ProjectionSpec, recurrent: Range) -> None:
    """Copy the values of a ``part``, which :func:`part_of` returned, to the ``synapses`` of the bundle."""
    if len(bundle.specs) == 1:
        return
    block = _Block.of(synapses, spec, recurrent)
    if synapses.rows is not None and synapses.in_rows:
        there = synapses.is_there()[block.sources, block.targets]
        by_source = np.zeros((*there.shape, synapses.columns.n))
        by_source[there] = part.values
        synapses.rows[block.sources, :, block.targets] = by_source.transpose(0, 2, 1)
        return
    first, n = _ranges(synapses, block)
    _copy_ranges(part.indptr[:-1], n, part.records, first, synapses.records)


def _ranges(synapses: Synapses, block: _Block) -> tuple[np.ndarray, np.ndarray]:
    """Return the first synapse of each source of a block, and how many it has, int64 (n,)."""
    before, until = (n_before(synapses, target)[block.sources] for target in (block.targets.start, block.targets.stop))
    return synapses.indptr[:-1][block.sources] + before, until - before


def n_per_source(synapses: Synapses, parts: Parts, bundle: Bundle, spec: ProjectionSpec) -> np.ndarray:
    """Return how many synapses of a projection each source of its bundle has on a rank, int64 (n_sources,)."""
    n = np.diff(synapses.indptr)
    if len(bundle.specs) == 1:
        return n
    assert synapses.source is not None
    (sources,), (targets,) = spec.source_ids, spec.target_ids
    ends = np.column_stack((np.zeros_like(n), parts.ends, n))
    group = bundle.groups("target").index(targets)
    is_source = (synapses.source >= sources.start) & (synapses.source < sources.stop)
    return np.asarray((ends[:, group + 1] - ends[:, group]) * is_source)


def parts_of(bundle: Bundle, network: Network, synapses: Synapses, recurrent: Range) -> Parts:
    """Return the parts of the synapses of a bundle on one rank."""
    if len(bundle.specs) == 1:
        return Parts.one()
    *others, _ = bundle.groups("target")
    ends = [n_before(synapses, recurrent.local(ids.stop)) for ids in others]
    parts = Parts.one()._replace(
        ends=np.column_stack(ends) if ends else np.zeros((len(synapses.indptr) - 1, 0), np.int64),
        arrivals=np.zeros(len(synapses.indptr) - 1, np.int64),
    )
    return with_optimizers_of(bundle, network, parts)


def source_groups(bundle: Bundle, synapses: Synapses) -> np.ndarray | int:
    """Return the number of its group for each source, int64 (n_sources,); 0 where there is one projection."""
    if len(bundle.specs) == 1 or synapses.source is None:
        return 0
    return np.searchsorted([ids.start for ids in bundle.groups("source")], synapses.source, side="right") - 1


def optimizers(bundle: Bundle, network: Network) -> Optimizers:
    """Return the different optimizers of the projections of a bundle."""
    weight_decay = network.feedback.weight_decay if bundle.first.role is Role.OUTPUT else 0.0
    return optimizers_of(_different(bundle, network), weight_decay)


def _different(bundle: Bundle, network: Network) -> list[Any]:
    if not bundle.first.plastic:
        return [network.optimizer(bundle.name)]
    different: list[Any] = []
    for spec in bundle.specs:
        if (optimizer := network.optimizer(spec.name)) not in different:
            different.append(optimizer)
    return different


def with_optimizers_of(bundle: Bundle, network: Network, parts: Parts) -> Parts:
    """Return the parts of a bundle with as few boundaries as its optimizers allow.

    There is none between two groups of targets if, from each group of sources, both have the same optimizer, or one of
    them has no synapses.
    """
    different, missing = _different(bundle, network), -1
    sources, targets = bundle.groups("source"), bundle.groups("target")
    number = np.full((len(targets), len(sources)), missing)
    for spec in bundle.specs if bundle.first.plastic and len(bundle.specs) > 1 else ():
        pair = targets.index(spec.target_ids[0]), sources.index(spec.source_ids[0])
        number[pair] = different.index(network.optimizer(spec.name))
    of_parts, boundaries = [number[0]], []
    for group in range(1, len(targets)):
        last, present = of_parts[-1], number[group]
        if np.all((last == present) | (last == missing) | (present == missing)):
            of_parts[-1] = np.where(last == missing, present, last)
        else:
            of_parts.append(present)
            boundaries.append(group - 1)
    optimizer = np.maximum(np.stack(of_parts, axis=1), 0)
    return parts._replace(boundaries=np.array(boundaries, np.int64), optimizer=np.ascontiguousarray(optimizer))


def count_events(states: Iterable[tuple[Bundle, ProjectionState]], counters: Counters) -> dict[str, int]:
    """Return the synaptic events of each projection since the start; ``states`` are all bundles and their states."""
    by_projection = {}
    n_earlier = iter(counters.of_projections)
    for (bundle, state), n_of_bundle in zip(states, counters.synaptic_events, strict=True):
        for spec in bundle.specs:
            n = int(next(n_earlier))
            if len(bundle.specs) > 1:
                n += int(state.parts.arrivals @ n_per_source(state.synapses, state.parts, bundle, spec))
            by_projection[spec.name] = n if len(bundle.specs) > 1 else int(n_of_bundle)
    return by_projection


def keep_events(states: Sequence[tuple[Bundle, ProjectionState]], counters: Counters) -> None:
    """Keep the events by projection in the counters, so that a state without the arrivals of spikes has them, too."""
    counters.of_projections[:] = list(count_events(states, counters).values())
    for _, state in states:
        state.parts.arrivals[:] = 0
