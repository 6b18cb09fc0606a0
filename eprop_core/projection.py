"""A projection in one step: the spikes that reach it visit its synapses and are delivered.

Everything that a plastic projection does in step T concerns one row of the running sums, h = T - horizon, where

    horizon = max(delay, delay of the learning signals - 1)

so that at row h all spikes emitted up to h are known, and all learning signals of earlier rows have arrived:

    emission   spikes emitted at h wake sources that were silent beyond the cutoff,
    cutoff     sources whose latest spike was emitted at h - cutoff are settled and pause,
    arrival    spikes arriving at T (emitted at T - delay) update weights and are delivered,
    entry      spikes emitted at h - delay + ``entry_lead`` enter the trace.

With unit delays the first, third and fourth concern the same spikes, and one visit does it all.
"""

from typing import NamedTuple

from eprop_core.clock import seconds
from eprop_core.compilation import kernel
from eprop_core.history import U_BEFORE, U
from eprop_core.sources import NO_SPIKE_YET, Sources, expire, register
from eprop_core.spikes import spikes_of
from eprop_core.synapses import PAUSED, RUNNING, WAKING, Optimizer, Synapses, Visit, deliver, settle, visit

NEGLIGIBLE = 1e-30
"""Traces that have decayed to less than this fraction of their size are taken for zero."""


class Projection(NamedTuple):
    """Synapses, their sources, and when they are visited."""

    synapses: Synapses
    sources: Sources
    optimizer: Optimizer
    plastic: bool
    delay: int
    entry_lead: int
    """1 where a spike entering at row h changes the trace from h + 1 on (recurrent), 0 where from h on (readouts)."""


@kernel
def _revival(decay, offset, age):
    """kappa^(age) for a trace that paused ``age`` steps before the row before this one, relative to the origin."""
    factor = decay.kappa ** (age - (offset - 1))
    return factor if factor > NEGLIGIBLE else 0.0


@kernel
def _visit(projection, history, i, arrives, enters, current, fixed_point):
    sources, synapses = projection.sources, projection.synapses
    row, offset = history.row[0], history.row[0] - history.origin[0]
    state, z = sources.state[i], sources.trace[i]
    revive, revive_reg = 0.0, 0.0
    if state == WAKING:
        if sources.last_emission[i] != NO_SPIKE_YET:
            age = row - sources.last_emission[i] - (len(sources.wheel) - 1)
            revive, revive_reg = _revival(history.decay, offset, age), _revival(history.decay_reg, offset, age)
        sources.last_emission[i] = row
        sources.state[i] = RUNNING
    jump = history.decay.alpha_growth[offset + projection.entry_lead] if enters else 0.0
    event = Visit(state, arrives, enters, z, jump, revive, revive_reg)
    first, last = synapses.offset[i], synapses.offset[i + 1]
    visit(synapses, history.sums, history.sums_reg, first, last, event, projection.optimizer, current, fixed_point)
    sources.trace[i] = z + jump


@kernel
def _settle_expired(projection, history, row, offset):
    """Pause the sources that reach the cutoff at ``row``."""
    sources, synapses = projection.sources, projection.synapses
    power, power_reg = history.decay.kappa_power[offset - 1], history.decay_reg.kappa_power[offset - 1]
    for n in range(expire(sources, row)):
        i = sources.silent[n]
        sources.state[i] = PAUSED
        first, last = synapses.offset[i], synapses.offset[i + 1]
        settle(synapses, history.sums, history.sums_reg, first, last, sources.trace[i], U_BEFORE, power, power_reg)


@kernel
def _settle_running(projection, history, offset):
    """Move all sources and their synapses to a new origin, the present row."""
    sources, synapses = projection.sources, projection.synapses
    power, power_reg = history.decay.kappa_power[offset], history.decay_reg.kappa_power[offset]
    shrinkage = 1.0 / history.decay.alpha_growth[offset]
    for i in range(len(sources.trace)):
        if sources.state[i] == RUNNING:
            first, last = synapses.offset[i], synapses.offset[i + 1]
            settle(synapses, history.sums, history.sums_reg, first, last, sources.trace[i], U, power, power_reg)
        z = sources.trace[i] * shrinkage
        sources.trace[i] = z if z > NEGLIGIBLE else 0.0


@kernel
def begin_row(projection, spikes, history):
    """Register the spikes emitted at the present row, pause what has been silent too long, move to a new origin."""
    if projection.plastic:
        row, offset = history.row[0], history.row[0] - history.origin[0]
        register(projection.sources, spikes_of(spikes, row), row)
        _settle_expired(projection, history, row, offset)
        if offset == history.decay.block:
            _settle_running(projection, history, offset)


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
