"""The arrays of a rank's state, and what each of them belongs to.

All arrays in the nested tuples of a :class:`RankState` are found, so that a new one cannot be forgotten: it must be
classified here, or no checkpoint is written.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np

from eprop_core.model.rank import RankState


class Kind(Enum):
    """Owner of an array, which decides how the array is divided among ranks."""

    BUILT = "follows from parameters, connections and weights"
    SCRATCH = "is written before it is read"
    NEURONS = "the rank's neurons, along the first axis"
    STEPS_OF_NEURONS = "steps, along the first axis, and the rank's neurons, along the second"
    WHOLE = "the same on all ranks"
    SYNAPSES = "the rank's synapses"
    SOURCES = "the sources that have synapses on the rank"
    SPIKES = "spikes of such sources, or of the rank's neurons"
    COUNTS = "what the rank has counted"


_ONTO_NEURONS = r"onto_neurons\.\d+"
_PROJECTION = rf"({_ONTO_NEURONS}|output)"
_SPIKES = r"((input_spikes|spikes)\.\d+|own_spikes)"
_KINDS = {
    r"parameters\..*": Kind.BUILT,
    r"neurons\.phase": Kind.BUILT,
    r"neurons\.(v|refractory|adaptation|spiked|rate|current)": Kind.NEURONS,
    r"neurons\.(surrogate_gradient|rate_error)": Kind.STEPS_OF_NEURONS,
    r"readouts\.(v|error)": Kind.WHOLE,
    r"readouts\.current": Kind.SCRATCH,
    rf"{_PROJECTION}\.synapses\.(indptr|source|absent)": Kind.BUILT,
    rf"{_PROJECTION}\.synapses\.(records|rows)": Kind.SYNAPSES,
    rf"{_PROJECTION}\.sources\..*": Kind.SOURCES,
    rf"{_PROJECTION}\.optimizers\..*": Kind.BUILT,
    rf"{_PROJECTION}\.parts\.(ends|boundaries|optimizer)": Kind.BUILT,
    rf"{_PROJECTION}\.parts\.arrivals": Kind.SCRATCH,  # all are kept in the counters before a state is written
    rf"{_PROJECTION}\.running_sums\.(decay|decay_reg|adaptation)\..*": Kind.BUILT,
    rf"{_PROJECTION}\.running_sums\.(time_index|block_start)": Kind.WHOLE,
    rf"{_ONTO_NEURONS}\.running_sums\.(sums|sums_reg|signal|signal_reg)": Kind.NEURONS,
    rf"{_ONTO_NEURONS}\.running_sums\.own_decay\.alpha": Kind.BUILT,
    rf"{_ONTO_NEURONS}\.running_sums\.own_decay\.power": Kind.NEURONS,
    rf"{_ONTO_NEURONS}\.running_sums\.(step_values|unfiltered)\..*": Kind.STEPS_OF_NEURONS,
    rf"{_ONTO_NEURONS}\.spike_timing\.rule\..*": Kind.BUILT,
    rf"{_ONTO_NEURONS}\.spike_timing\.k_minus": Kind.SCRATCH,
    rf"{_ONTO_NEURONS}\.spike_timing\.(k_minus_at_spike|latest|second|spikes|n_spikes)": Kind.NEURONS,
    r"output\.running_sums\.(sums|sums_reg|signal|signal_reg|step_values\..*)": Kind.WHOLE,  # of the readouts
    r"feedback\.(synapses\..*|to_all)": Kind.BUILT,  # static, or those onto the readouts
    r"signals\.by_time_index": Kind.STEPS_OF_NEURONS,
    r"signals\.next_error": Kind.WHOLE,
    rf"{_SPIKES}\.(ids|length)": Kind.SPIKES,
    rf"{_SPIKES}\.local_sources\..*": Kind.BUILT,
    r"published": Kind.WHOLE,
    r"counters\..*": Kind.COUNTS,
    r"clock": Kind.SCRATCH,
}
_SHARED = re.compile(rf"{_PROJECTION}\.spikes\..*")
"""Arrays that projections share, which are found elsewhere, too."""


def kind_of(name: str) -> Kind:
    """Return what an array belongs to.

    Raises
    ------
    LookupError
        The array is not classified.
    """
    kinds = [kind for pattern, kind in _KINDS.items() if re.fullmatch(pattern, name)]
    if len(kinds) != 1:
        raise LookupError(f"{name}: an array of the state must have one kind in eprop_core/storage/state.py")
    return kinds[0]


def arrays(state: RankState) -> Iterator[tuple[str, np.ndarray, Kind]]:
    """Yield each array of a state once, with its name, such as "neurons.v", and its kind."""
    seen: set[int] = set()
    for name, array in _arrays("", state):
        if _SHARED.fullmatch(name) or id(array) in seen:
            continue
        seen.add(id(array))
        yield name, array, kind_of(name)


def _arrays(name: str, part: Any) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(part, np.ndarray):
        yield name, part
    elif isinstance(part, tuple):
        names = part._fields if hasattr(part, "_fields") else range(len(part))
        for field, value in zip(names, part, strict=True):
            yield from _arrays(f"{name}.{field}" if name else str(field), value)
