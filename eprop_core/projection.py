"""A projection in one step: the spikes that reach it visit its synapses and are delivered.

Everything that a plastic projection does in step T concerns one row of the running sums, h = T - horizon, where

    horizon = max(delay, delay of the learning signals - 1)

so that at row h all spikes emitted up to h are known, and all learning signals of earlier rows have arrived:

    emission   spikes emitted at h wake sources that were silent beyond the cutoff,
    cutoff     sources whose latest spike was emitted at h - cutoff are settled and pause, while the sums still stand at
               the row before and its learning signal is known,
    arrival    spikes arriving at T (emitted at T - delay) update weights and are delivered,
    entry      spikes emitted at h - delay + ``entry_lead`` enter the trace.

With unit delays the first, third and fourth concern the same spikes, and one visit does it all.
"""

from typing import NamedTuple

from eprop_core.clock import seconds
from eprop_core.compilation import kernel
from eprop_core.optimizers import Optimizer
from eprop_core.sources import NO_SPIKE_YET, Sources, expire, register
from eprop_core.spikes import spikes_of
from eprop_core.synapses import PAUSED, RUNNING, WAKING, Synapses, Visit, deliver, settle, visit

NEGLIGIBLE = 1e-30
"""Traces that have decayed to less than this fraction of their size are taken for zero."""


class Projection(NamedTuple):
    """Synapses, their sources, and when they are visited."""

    synapses: Synapses
    sources: Sources
    optimizer: Optimizer
    plastic: bool
    updates_at_spikes: bool
    """Whether an arriving spike updates the weights; else the end of a batch of samples does."""
    delay: int
    entry_lead: int
    """1 where a spike entering at row h changes the trace from h + 1 on (recurrent), 0 where from h on (readouts)."""


@kernel
def _power(decay, exponent):
    """decay^exponent, or 0 where that is negligible."""
    power = decay**exponent
    return power if power > NEGLIGIBLE else 0.0


@kernel
def _visit(projection, history, i, arrives, enters, current, fixed_point):
    sources, synapses, decay, decay_reg = projection.sources, projection.synapses, history.decay, history.decay_reg
    row, offset = history.row[0], history.row[0] - history.origin[0]
    state, z = sources.state[i], sources.trace[i]
    updates = arrives and projection.updates_at_spikes and sources.last_emission[i] != NO_SPIKE_YET
    revive, revive_reg, revive_adaptation = 0.0, 0.0, 0.0
    if state == WAKING:
        if sources.last_emission[i] != NO_SPIKE_YET:
            age = row - sources.last_emission[i] - (len(sources.wheel) - 1)
            revive = _power(decay.kappa, age - (offset - 1))
            revive_reg = _power(decay_reg.kappa, age - (offset - 1))
            revive_adaptation = _adaptation_after(history.adaptation, age)
        sources.last_emission[i] = row
        sources.state[i] = RUNNING
    jump = decay.alpha_growth[offset + projection.entry_lead] if enters else 0.0
    event = Visit(
        state,
        arrives,
        updates,
        enters,
        z,
        jump,
        z / decay.alpha_growth[offset],
        revive,
        revive_reg,
        revive_adaptation,
        decay.kappa_growth[offset],
        decay_reg.kappa_growth[offset],
        sources.optimized[i],
        row,
    )
    first, last = synapses.offset[i], synapses.offset[i + 1]
    visit(synapses, history, first, last, event, projection.optimizer, current, fixed_point)
    sources.trace[i] = z + jump
    if updates:
        sources.optimized[i] = row


@kernel
def _adaptation_after(adaptation, age):
    """What remains of the trace of an adaptation after ``age`` steps beyond the cutoff."""
    if adaptation is None:
        return 0.0
    return _power(adaptation.rho, age)


@kernel
def begin_row(projection, spikes, history, row):
    """Register the spikes emitted at ``row``, and pause what has been silent too long by then.

    Recurrent neurons call it while their sums still stand at the row before, whose learning signal is known: what
    pauses needs the traces of that row, and its gradient. Readouts have no traces and call it at ``row``.
    """
    if projection.plastic:
        sources, synapses = projection.sources, projection.synapses
        row_ends = history.row[0] < row
        register(sources, spikes_of(spikes, row), row)
        for n in range(expire(sources, row)):
            i = sources.silent[n]
            sources.state[i] = PAUSED
            settle(synapses, history, synapses.offset[i], synapses.offset[i + 1], sources.trace[i], row_ends)


@kernel
def move_to_new_origin(projection, history):
    """Settle what is running before the sums start again from the present row."""
    if projection.plastic:
        sources, synapses = projection.sources, projection.synapses
        shrinkage = 1.0 / history.decay.alpha_growth[history.row[0] - history.origin[0]]
        for i in range(len(sources.trace)):
            if sources.state[i] == RUNNING:
                settle(synapses, history, synapses.offset[i], synapses.offset[i + 1], sources.trace[i], False)
            z = sources.trace[i] * shrinkage
            sources.trace[i] = z if z > NEGLIGIBLE else 0.0


@kernel
def visit_row(projection, spikes, history, current, fixed_point, clock):
    """Wake, update and deliver the spikes of a row; return the number of synaptic events and the seconds of plasticity.

    ``clock`` is the scratch space of :func:`eprop_core.clock.seconds`, or None to leave out the timing.
    """
    synapses, delay, row = projection.synapses, projection.delay, history.row[0]
    together = projection.plastic and history.horizon == delay
    entering_too = together and delay == projection.entry_lead
    if projection.plastic and not together:
        for i in spikes_of(spikes, row):
            if projection.sources.state[i] == WAKING:
                _visit(projection, history, i, False, False, current, fixed_point)
    events, plasticity = 0, 0.0
    for i in spikes_of(spikes, row + history.horizon - delay):
        first, last = synapses.offset[i], synapses.offset[i + 1]
        events += last - first
        if projection.plastic:
            if clock is not None:
                plasticity -= seconds(clock)
            _visit(projection, history, i, True, entering_too, current, fixed_point)
            if clock is not None:
                plasticity += seconds(clock)
        else:
            deliver(synapses, first, last, current, fixed_point)
    if projection.plastic and not entering_too:
        for i in spikes_of(spikes, row - delay + projection.entry_lead):
            _visit(projection, history, i, False, True, current, fixed_point)
    return events, plasticity
