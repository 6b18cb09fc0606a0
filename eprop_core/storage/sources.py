"""State of the sources of plastic synapses, and spikes on their way, by the ids of neurons or input channels.

This module alone knows how these lie in memory.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.model.local_sources import LocalSources
from eprop_core.model.projection import ProjectionState
from eprop_core.model.sources import SOURCE, STEPWISE
from eprop_core.model.spikes import Spikes
from eprop_core.network.connections import Range

_PLACE = ("first_synapse", "n_synapses")
"""Fields of a source's record that say where its synapses are."""


def ids_of_sources(projection: ProjectionState, recurrent: Range) -> np.ndarray:
    """Return the ids of the sources that have a state, ascending; ``recurrent`` are the neurons of the rank."""
    ids = projection.synapses.source
    n = len(projection.sources.records)
    return np.arange(recurrent.first, recurrent.first + n) if ids is None else ids[:n]


def state_of_sources(projection: ProjectionState) -> dict[str, np.ndarray]:
    """Return views of the values of all sources, (n,), by name; the names are the same on all ranks."""
    sources, running_sums = projection.sources, projection.running_sums
    state = {name: sources.records[name] for name in SOURCE.names or () if name not in _PLACE}
    if sources.stepwise is not None:
        state |= {name: sources.stepwise[name] for name in STEPWISE.names or ()}
    if running_sums.lacks_filter:
        state["entry"] = sources.entry
    return state


class SpikeList(NamedTuple):
    """Spikes in the slots of a ring buffer, one slot after the other."""

    length: np.ndarray
    """int64 (depth,), number of spikes in each slot."""
    ids: np.ndarray
    """int32 (n,), global ids, ascending in each slot."""


def spike_list(spikes: Spikes, ids: np.ndarray) -> SpikeList:
    """Return the spikes of sources whose global ids are ``ids``."""
    in_slots = [ids[numbers[:n]] for numbers, n in zip(spikes.ids, spikes.length, strict=True)]
    return SpikeList(spikes.length.copy(), np.concatenate(in_slots).astype(np.int32))


def set_spikes(spikes: Spikes, ids: np.ndarray, lists: list[SpikeList]) -> None:
    """Replace the spikes of the sources ``ids``, ascending, by theirs in several lists; one may be in some of them."""
    places = []
    for given in lists:
        number = np.searchsorted(ids, given.ids)
        own = number < len(ids)
        own[own] = ids[number[own]] == given.ids[own]
        slot = np.repeat(np.arange(len(given.length)), given.length)
        places.append((slot * np.int64(len(ids)) + number)[own])
    slot, number = np.divmod(np.unique(np.concatenate(places)), max(1, len(ids)))
    spikes.length[:] = np.bincount(slot, minlength=len(spikes.length))
    first = 0
    for slot_ids, n in zip(spikes.ids, spikes.length.tolist(), strict=True):
        slot_ids[:n] = number[first : first + n]
        first += n


def ids_of_spikes(spikes: Spikes, recurrent: Range) -> np.ndarray:
    """Return the global ids of the sources whose spikes are kept; ``recurrent`` are the neurons of the rank."""
    if spikes.local_sources is None:
        return np.arange(recurrent.first, recurrent.last)
    return _ids_of_local_sources(spikes.local_sources)


def _ids_of_local_sources(local_sources: LocalSources) -> np.ndarray:
    bits = np.unpackbits(local_sources.has_targets.astype("<u8").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits)
