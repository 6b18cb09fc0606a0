"""Limits of the integers in a checkpoint: compiled code takes them for places in memory, and does not check them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from eprop_core.errors import NetworkFileError
from eprop_core.model.projection import ProjectionState
from eprop_core.model.rank import RankState
from eprop_core.model.sources import NO_ENTRY, NO_SPIKE_YET
from eprop_core.model.synapses import ACTIVE, INACTIVE
from eprop_core.network.assembly import states
from eprop_core.parameters import Network


class Limited(NamedTuple):
    """Integers of a state with their limits."""

    name: str
    values: np.ndarray
    lowest: int
    highest: int


def check_state(network: Network, state: RankState, step: int) -> None:
    """Check the integers of the state that a rank has after ``step`` steps.

    Raises
    ------
    NetworkFileError
        An impossible value; the message names the dataset.
    """
    for own in _limited(network, state, step):
        if len(own.values) and not own.lowest <= own.values.min() <= own.values.max() <= own.highest:
            raise NetworkFileError(f"state/{own.name}: has values outside {own.lowest} to {own.highest}")


def _limited(network: Network, state: RankState, step: int) -> Iterator[Limited]:
    longest = int(state.parameters.refractory_steps.max(initial=0))
    yield Limited("neurons/refractory", state.neurons.refractory, 0, longest)
    for bundle, projection in states(network, state):
        yield from _of_projection(bundle.name, projection, step)


def _of_projection(name: str, projection: ProjectionState, step: int) -> Iterator[Limited]:
    sums, sources, timing = projection.running_sums, projection.sources, projection.spike_timing
    now = step - 1 - sums.lag
    yield Limited(f"{name}: running_sums/time_index", sums.time_index, now, now)
    yield Limited(f"{name}: running_sums/block_start", sums.block_start, now - sums.decay.block, now)
    block_start = int(sums.block_start[0])
    if projection.plastic or projection.has_spike_timing:
        records = sources.records
        yield Limited(f"sources/{name}/state", records["state"], INACTIVE, ACTIVE)
        yield Limited(f"sources/{name}/last_emission", records["last_emission"], NO_SPIKE_YET, step)
        yield Limited(f"sources/{name}/optimized", records["optimized"], NO_SPIKE_YET, step)
    if projection.plastic:
        if sources.stepwise is not None:
            advanced = sources.stepwise["advanced_to"]
            yield Limited(f"sources/{name}/advanced_to", advanced, min(0, now), max(0, now + 1))
            active = advanced[sources.records["state"] == ACTIVE]
            yield Limited(f"sources/{name}/advanced_to", active, block_start, now + 1)
        entered = sources.entry[sources.entry != NO_ENTRY]
        yield Limited(f"sources/{name}/entry", entered, block_start, now)
    if timing is not None and timing.applies:
        yield Limited(f"{name}: spike_timing/n_spikes", timing.n_spikes, 0, timing.spikes.shape[1])
        for key, steps in (("latest", timing.latest), ("second", timing.second)):
            yield Limited(f"{name}: spike_timing/{key}", steps, NO_SPIKE_YET, step)
