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

from eprop_core.compilation import glue, kernel
from eprop_core.fetching import fetch_source, fetch_synapses
from eprop_core.optimizers import Optimizer
from eprop_core.sources import NO_SPIKE_YET, Sources, expire, register
from eprop_core.spikes import spikes_of
from eprop_core.synapses import PAUSED, RUNNING, WAKING, Synapses, Visit, deliver, forget, settle, update_all, visit
from eprop_core.walk import take_over, update, wake, walk

NEGLIGIBLE = 1e-30
"""Traces that have decayed to less than this fraction of their size are taken for zero."""


class Resets(NamedTuple):
    """Samples before each of which sources and targets of a projection return to rest."""

    length: int
    """Steps of a sample; 0 where none resets anything."""
    sources_begin: int
    """Step in which the first sample begins for the sources."""
    targets_begin: int
    """Step in which it begins for the targets."""
    first_step_counts: bool
    """Whether spikes are received in the first step of a sample."""


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
    resets: Resets


@glue
def _power(decay, exponent):
    """decay^exponent, or 0 where that is negligible."""
    power = decay**exponent
    return power if power > NEGLIGIBLE else 0.0


@glue
def _adaptation_after(adaptation, age):
    """What remains of the trace of an adaptation after ``age`` steps beyond the cutoff."""
    if adaptation is None:
        return 0.0
    return _power(adaptation.rho, age)


@glue
def _visit(rows, projection, history, i, arrives, enters, current, fixed_point):
    """Let a spike of source ``i`` visit its synapses at the present row; ``rows`` are those of ``history``."""
    sources, synapses, decay = projection.sources, projection.synapses, history.decay
    offset = history.row[0] - history.origin[0]
    jump = decay.alpha_growth[offset + projection.entry_lead] if enters else 0.0
    if rows is None:
        _visit_at_once(projection, history, i, arrives, jump, current, fixed_point)
    else:
        _walk_to(projection, history, i, offset)
        if arrives:
            _update_arriving(projection, i, history.row[0])
            deliver(synapses, synapses.offset[i], synapses.offset[i + 1], current, fixed_point)
        if projection.entry_lead == 1:
            sources.entered[i] += jump  # counts from the next row on
            return
    sources.trace[i] += jump


@glue
def _visit_at_once(projection, history, i, arrives, jump, current, fixed_point):
    sources, synapses, decay, decay_reg = projection.sources, projection.synapses, history.decay, history.decay_reg
    row, offset = history.row[0], history.row[0] - history.origin[0]
    state, z, last_emission = sources.state[i], sources.trace[i], sources.last_emission[i]
    # The first spike finds nothing to learn from, and has the optimizer count from the start.
    updates = arrives and projection.updates_at_spikes and row > sources.optimized[i] > NO_SPIKE_YET
    revive, revive_reg, revive_adaptation, age = 0.0, 0.0, 0.0, 0
    if state == WAKING:
        if last_emission != NO_SPIKE_YET:
            age = row - last_emission - (len(sources.wheel) - 1)
            revive = _power(decay.kappa, age - (offset - 1))
            revive_reg = _power(decay_reg.kappa, age - (offset - 1))
            revive_adaptation = _adaptation_after(history.adaptation, age)
        sources.last_emission[i] = row
        sources.state[i] = RUNNING
    event = Visit(
        state,
        arrives,
        updates,
        jump != 0.0,
        z,
        jump,
        z / decay.alpha_growth[offset],
        revive,
        revive_reg,
        revive_adaptation,
        age + 1,
        decay.kappa_growth[offset],
        decay_reg.kappa_growth[offset],
        sources.optimized[i],
        row,
    )
    first, last = synapses.offset[i], synapses.offset[i + 1]
    visit(
        synapses,
        history.sums,
        history.sums_reg,
        history.adaptation,
        history.own_decay,
        first,
        last,
        event,
        projection.optimizer,
        current,
        fixed_point,
    )
    if updates:
        sources.optimized[i] = row
    elif arrives:
        sources.optimized[i] = max(0, sources.optimized[i])


@glue
def _walk_to(projection, history, i, end):
    """Walk the synapses of source ``i`` up to the offset ``end``; wake it if it is about to run."""
    sources, synapses, row = projection.sources, projection.synapses, history.row[0]
    first, last = synapses.offset[i], synapses.offset[i + 1]
    if sources.state[i] == WAKING:
        if sources.last_emission[i] != NO_SPIKE_YET:
            age = row - sources.last_emission[i] - (len(sources.wheel) - 1)
            kappa, kappa_reg = _power(history.decay.kappa, age), _power(history.decay_reg.kappa, age)
            rho = _adaptation_after(history.adaptation, age)
            wake(synapses, history, first, last, age, kappa, kappa_reg, rho)
        sources.last_emission[i] = row
        sources.state[i] = RUNNING
        sources.walked[i] = row
    elif sources.state[i] == RUNNING:
        begin = sources.walked[i] - history.origin[0]
        if end > begin:
            z, entered, optimizer = sources.trace[i], sources.entered[i], projection.optimizer
            walk(synapses, history, first, last, z, entered, begin, end, optimizer, max(0, sources.optimized[i]))
            sources.trace[i] = z + entered
            sources.entered[i] = 0.0
            sources.walked[i] = history.origin[0] + end
            if optimizer.each_step:
                sources.optimized[i] = sources.walked[i]


@kernel
def _update_arriving(projection, i, row):
    """Update the weights that a spike finds; the first one finds nothing to learn from."""
    sources, synapses, optimizer = projection.sources, projection.synapses, projection.optimizer
    first, last, optimized = synapses.offset[i], synapses.offset[i + 1], sources.optimized[i]
    if optimizer.each_step:
        take_over(synapses, first, last, optimizer)
    elif row > optimized > NO_SPIKE_YET:
        update(synapses, first, last, optimizer, optimized, row)
        sources.optimized[i] = row
    else:
        sources.optimized[i] = max(0, optimized)


@glue
def _settle(rows, projection, history, i, row_ends):
    synapses = projection.synapses
    if rows is None:
        settle(synapses, history, synapses.offset[i], synapses.offset[i + 1], projection.sources.trace[i], row_ends)
    else:
        offset = history.row[0] - history.origin[0]
        _walk_to(projection, history, i, offset + 1 if row_ends else offset)


@glue
def begin_row(projection, spikes, history, row):
    """Register the spikes emitted at ``row``, and pause what has been silent too long by then.

    Recurrent neurons call it while their sums still stand at the row before, whose learning signal is known: what
    pauses needs the traces of that row, and its gradient. Readouts have no traces and call it at ``row``.
    """
    if projection.plastic:
        sources = projection.sources
        register(sources, spikes_of(spikes, row), row)
        silent = sources.silent[: expire(sources, row)]
        for n in range(len(silent)):
            fetch_synapses(projection.synapses, silent, n)
            i = silent[n]
            _settle(history.rows, projection, history, i, history.row[0] < row)
            sources.state[i] = PAUSED


@glue
def move_to_new_origin(projection, history):
    """Settle what is running before the sums start again from the present row."""
    if projection.plastic:
        sources = projection.sources
        shrinkage = 1.0 / history.decay.alpha_growth[history.row[0] - history.origin[0]]
        for i in range(len(sources.trace)):
            if sources.state[i] == RUNNING:
                _settle(history.rows, projection, history, i, False)
            z = sources.trace[i] * shrinkage
            sources.trace[i] = z if z > NEGLIGIBLE else 0.0


@kernel
def end_sample(projection, history, n_samples, n_updates):
    """After the sums have moved to a new origin where a sample begins: update per batch, and reset.

    ``n_samples`` is the size of the batch that ends, 0 if none does or spikes update; ``n_updates`` were made before.
    """
    if projection.plastic:
        if n_samples > 0:
            update_all(projection.synapses, projection.optimizer, n_samples, n_updates)
        if projection.resets.length > 0:
            forget(projection.synapses, history)
            for i in range(len(projection.sources.trace)):
                projection.sources.trace[i] = 0.0


@glue
def _is_lost(resets, emission, arrival):
    """Whether a spike meets a reset on its way, or arrives in the first step of a sample where that does not count."""
    if resets.length == 0:
        return False
    since = arrival - resets.targets_begin
    if since % resets.length == 0 and not resets.first_step_counts:
        return True
    return (emission - resets.sources_begin) // resets.length != since // resets.length


@glue
def _leaves_a_trace(resets, arrival):
    """Whether a spike that arrives enters the trace: not before the first sample, which begins at rest."""
    return resets.length == 0 or arrival >= resets.targets_begin


@glue
def visit_row(projection, spikes, history, current, fixed_point):
    """Wake, update and deliver the spikes of a row; return the number of synaptic events."""
    synapses, delay, row = projection.synapses, projection.delay, history.row[0]
    rows, resets, step = history.rows, projection.resets, row + history.horizon
    together = projection.plastic and history.horizon == delay
    entering_too = together and delay == projection.entry_lead
    if projection.plastic and not together:
        for i in spikes_of(spikes, row):
            if projection.sources.state[i] == WAKING:
                _visit(rows, projection, history, i, False, False, current, fixed_point)
    events = 0
    arrives = not _is_lost(resets, step - delay, step)
    arriving = spikes_of(spikes, step - delay)
    for n in range(len(arriving)):
        fetch_synapses(synapses, arriving, n)
        if projection.plastic:
            fetch_source(projection.sources, arriving, n)
        i = arriving[n]
        first, last = synapses.offset[i], synapses.offset[i + 1]
        events += last - first if arrives else 0
        if projection.plastic:
            enters = entering_too and arrives and _leaves_a_trace(resets, step)
            _visit(rows, projection, history, i, arrives, enters, current, fixed_point)
        elif arrives:
            deliver(synapses, first, last, current, fixed_point)
    if projection.plastic and not entering_too:
        emission = row - delay + projection.entry_lead
        if _leaves_a_trace(resets, emission + delay) and not _is_lost(resets, emission, emission + delay):
            for i in spikes_of(spikes, emission):
                _visit(rows, projection, history, i, False, True, current, fixed_point)
    return events
