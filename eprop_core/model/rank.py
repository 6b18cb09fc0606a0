"""The state of one rank, and the tables of a run."""

from typing import Any, NamedTuple

import numpy as np

from eprop_core.compiled.poisson import PoissonSource
from eprop_core.model.neurons import (
    FeedbackTable,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
)
from eprop_core.model.own_errors import NO_FUNCTION
from eprop_core.model.projection import ProjectionState
from eprop_core.model.samples import SampleSchedule
from eprop_core.model.spikes import Spikes


class ArrivedSignals(NamedTuple):
    """Learning signals of feedback along the output synapses, from the arrival of their errors on."""

    by_time_index: np.ndarray
    """float64 (depth, n), ring buffer over the time indices of the recurrent neurons; depth 0 for random feedback."""
    next_error: np.ndarray
    """int64 (1,), the first step of the readouts whose error has not arrived."""
    feedback_delay: int

    @classmethod
    def none(cls, depth: int, n: int, feedback_delay: int) -> "ArrivedSignals":
        """Create the state in which no error has arrived."""
        return cls(np.zeros((depth, n)), np.zeros(1, np.int64), feedback_delay)


class Counters(NamedTuple):
    """Counts and times of one rank since the start."""

    spikes: np.ndarray
    """int64 (1,)"""
    synaptic_events: np.ndarray
    """int64, by bundle: those onto the recurrent neurons in their order, then the output."""
    of_projections: np.ndarray
    """int64, synaptic events by projection, in the order of the bundles, without those of the spikes that
    :class:`Parts <eprop_core.model.parts.Parts>` count."""
    update_time: np.ndarray
    """float64 (1,), s, for neurons, readouts, and the neurons' learning signals and running sums."""
    delivery_time: np.ndarray
    """float64, s, by bundle, for the spikes of its sources."""
    upkeep_time: np.ndarray
    """float64 (1,), s, for plastic synapses onto recurrent neurons at cutoffs and at the ends of blocks and samples."""

    @classmethod
    def at_zero(cls, n_bundles: int, n_projections: int) -> "Counters":
        """Create counters for ``n_projections`` projections in ``n_bundles`` bundles, among them the output."""
        return cls(
            spikes=np.zeros(1, np.int64),
            synaptic_events=np.zeros(n_bundles, np.int64),
            of_projections=np.zeros(n_projections, np.int64),
            update_time=np.zeros(1),
            delivery_time=np.zeros(n_bundles),
            upkeep_time=np.zeros(1),
        )


class RankState(NamedTuple):
    """Everything that one rank holds."""

    first_id: int
    """Global id of the rank's first neuron."""
    interval: int
    """Steps of a communication interval."""
    parameters: RecurrentParameters
    neurons: RecurrentState
    readout_parameters: ReadoutParameters
    readouts: ReadoutState
    onto_neurons: tuple[ProjectionState, ...]
    """Bundles of projections onto the recurrent neurons (:mod:`eprop_core.network.bundles`). All have the same type, so
    that a loop over them is compiled once."""
    output: ProjectionState
    """Projection onto the readouts."""
    feedback: FeedbackTable
    signals: ArrivedSignals
    learns: bool
    """Whether recurrent neurons have plastic synapses."""
    samples: SampleSchedule
    input_spikes: tuple[Spikes, ...]
    """By bundle from the inputs, of the channels that have targets on this rank."""
    spikes: tuple[Spikes, ...]
    """By recurrent bundle, of the neurons of all ranks that have targets on this rank."""
    own_spikes: Spikes
    """Of the recurrent neurons of this rank, numbered from its first neuron."""
    published: np.ndarray
    """int64 (1,), the first step whose spikes have not been exchanged."""
    counters: Counters
    clock: np.ndarray
    """Scratch space of :func:`eprop_core.compiled.clock.seconds`."""


class RunTable(NamedTuple):
    """Stimulus and recording of a run, by step from ``start`` on."""

    start: int
    """First step of the run."""
    input_indptr: np.ndarray
    """int64 (n_steps + 1,), first event of each step."""
    input_channels: np.ndarray
    """int32 (n_events,)"""
    poisson: PoissonSource
    """Draws the input spikes in the place of the events; without channels where there is no Poisson input."""
    target: np.ndarray
    """float64 (n_steps, n_readout)"""
    learning_window: np.ndarray
    """bool (n_steps,)"""
    readout: np.ndarray
    """float64 (n_steps, n_readout), written by the run."""
    error: np.ndarray
    """float64 (n_steps, n_readout), written by the run."""
    spikes_per_step: np.ndarray
    """int64 (n_steps,), of this rank, written by the run."""
    own_function: Any = NO_FUNCTION
    """Computes errors where no loss does; see :func:`eprop_core.model.own_errors.own_function`."""
