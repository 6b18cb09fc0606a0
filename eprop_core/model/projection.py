"""A projection in one step: its synapses process the spikes that concern them, and deliver those that arrive.

All that a plastic projection does in step T concerns one time index of the running sums, h = T - lag, where

    lag = max(delay, delay of the learning signals - 1)

so that at time index h all spikes emitted up to h are known, and all learning signals of earlier time indices have
arrived:

    emission   spikes emitted at h activate sources that were silent beyond the cutoff,
    cutoff     sources whose latest spike was emitted at h - cutoff are brought up to date and become inactive, while
               the sums are still those of h - 1, whose learning signal is known,
    arrival    spikes arriving at T (emitted at T - delay) update weights and are delivered,
    entry      spikes emitted at h - delay + ``entry_lead`` enter the trace.

With unit delays the first, third and fourth concern the same spikes, which are then processed once.
"""

from typing import NamedTuple

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.prefetch import prefetch_source, prefetch_synapses
from eprop_core.model.optimizers import Optimizer
from eprop_core.model.running_sums import RunningSums
from eprop_core.model.sources import NO_SPIKE_YET, Sources, expire, register
from eprop_core.model.spikes import Spikes, spikes_of
from eprop_core.model.stepwise import activate, advance, take_over, update
from eprop_core.model.synapses import (
    ACTIVATING,
    ACTIVE,
    INACTIVE,
    Spike,
    Synapses,
    bring_up_to_date,
    deliver,
    forget,
    process,
    update_all,
)

NEGLIGIBLE = 1e-30
"""Traces that have decayed to less than this fraction of their size are set to zero."""


class Resets(NamedTuple):
    """Samples, before each of which sources and targets of a projection return to rest."""

    length: int
    """Steps of a sample; 0 without resets."""
    sources_begin: int
    """Step in which the first sample begins for the sources."""
    targets_begin: int
    """Step in which the first sample begins for the targets."""
    first_step_counts: bool
    """Whether spikes that arrive in the first step of a sample are received."""


class ProjectionState(NamedTuple):
    """The part of a projection that one rank holds."""

    synapses: Synapses
    sources: Sources
    spikes: Spikes
    """Of the sources; projections with the same sources share them."""
    running_sums: RunningSums
    """Of the targets; projections onto the same targets with the same lag share them."""
    advances_sums: bool
    """Whether the running sums advance with this projection; False where an earlier one shares them."""
    optimizer: Optimizer
    plastic: bool
    updates_at_spikes: bool
    """Whether an arriving spike updates the weights; else the end of a batch of samples does."""
    delay: int
    """Steps from a spike's emission to its arrival."""
    entry_lead: int
    """1 where a spike that enters at h changes the trace from h + 1 on (onto neurons), 0 where from h on (readouts)."""
    resets: Resets


@kernel
def _power(decay, exponent):
    """decay^exponent, or 0 if that is negligible."""
    power = decay**exponent
    return power if power > NEGLIGIBLE else 0.0


@kernel
def _adaptation_after(adaptation, age):
    """Factor by which the trace of an adaptation has decayed ``age`` steps after the source became inactive."""
    if adaptation is None:
        return 0.0
    return _power(adaptation.rho, age)


@kernel
def _process(step_values, projection, i, arrives, enters, current, fixed_point):
    """Process a spike of source ``i`` at the present time index; ``step_values`` are those of its running sums."""
    sources, synapses, running_sums = projection.sources, projection.synapses, projection.running_sums
    decay = running_sums.decay
    offset = running_sums.time_index[0] - running_sums.block_start[0]
    jump = decay.alpha_growth[offset + projection.entry_lead] if enters else 0.0
    if step_values is None:
        _process_at_once(projection, i, arrives, jump, current, fixed_point)
    else:
        _advance_to(projection, i, offset)
        if arrives:
            _update_arriving(projection, i, running_sums.time_index[0])
            deliver(synapses, synapses.indptr[i], synapses.indptr[i + 1], current, fixed_point)
        if projection.entry_lead == 1:
            sources.entered[i] += jump  # counts from the next time index on
            return
    sources.trace[i] += jump


@kernel
def _process_at_once(projection, i, arrives, jump, current, fixed_point):
    """Process a spike with the running sums, which cover all the time since the one before."""
    sources, synapses, running_sums = projection.sources, projection.synapses, projection.running_sums
    decay, decay_reg = running_sums.decay, running_sums.decay_reg
    time_index, offset = running_sums.time_index[0], running_sums.time_index[0] - running_sums.block_start[0]
    state, z, last_emission = sources.state[i], sources.trace[i], sources.last_emission[i]
    # The first spike has no gradient to learn from. From then on the optimizer counts the steps since step 0.
    updates = arrives and projection.updates_at_spikes and time_index > sources.optimized[i] > NO_SPIKE_YET
    remaining, remaining_reg, remaining_adaptation, age = 0.0, 0.0, 0.0, 0
    if state == ACTIVATING:
        if last_emission != NO_SPIKE_YET:
            age = time_index - last_emission - (len(sources.wheel) - 1)
            remaining = _power(decay.kappa, age - (offset - 1))
            remaining_reg = _power(decay_reg.kappa, age - (offset - 1))
            remaining_adaptation = _adaptation_after(running_sums.adaptation, age)
        sources.last_emission[i] = time_index
        sources.state[i] = ACTIVE
    spike = Spike(
        state,
        arrives,
        updates,
        jump != 0.0,
        z,
        jump,
        z / decay.alpha_growth[offset],
        remaining,
        remaining_reg,
        remaining_adaptation,
        age + 1,
        decay.kappa_growth[offset],
        decay_reg.kappa_growth[offset],
        sources.optimized[i],
        time_index,
    )
    first, last = synapses.indptr[i], synapses.indptr[i + 1]
    process(
        synapses,
        running_sums.sums,
        running_sums.sums_reg,
        running_sums.adaptation,
        running_sums.own_decay,
        first,
        last,
        spike,
        projection.optimizer,
        current,
        fixed_point,
    )
    if updates:
        sources.optimized[i] = time_index
    elif arrives:
        sources.optimized[i] = max(0, sources.optimized[i])


@kernel
def _advance_to(projection, i, end):
    """Advance the stepwise synapses of source ``i`` to the offset ``end``; activate it if it is about to be active."""
    sources, synapses, running_sums = projection.sources, projection.synapses, projection.running_sums
    time_index = running_sums.time_index[0]
    first, last = synapses.indptr[i], synapses.indptr[i + 1]
    if sources.state[i] == ACTIVATING:
        if sources.last_emission[i] != NO_SPIKE_YET:
            age = time_index - sources.last_emission[i] - (len(sources.wheel) - 1)
            kappa, kappa_reg = _power(running_sums.decay.kappa, age), _power(running_sums.decay_reg.kappa, age)
            rho = _adaptation_after(running_sums.adaptation, age)
            activate(synapses, running_sums, first, last, age, kappa, kappa_reg, rho)
        sources.last_emission[i] = time_index
        sources.state[i] = ACTIVE
        sources.advanced_to[i] = time_index
    elif sources.state[i] == ACTIVE:
        begin = sources.advanced_to[i] - running_sums.block_start[0]
        if end > begin:
            z, entered, optimizer = sources.trace[i], sources.entered[i], projection.optimizer
            advance(
                synapses, running_sums, first, last, z, entered, begin, end, optimizer, max(0, sources.optimized[i])
            )
            sources.trace[i] = z + entered
            sources.entered[i] = 0.0
            sources.advanced_to[i] = running_sums.block_start[0] + end
            if optimizer.each_step:
                sources.optimized[i] = sources.advanced_to[i]


@kernel
def _update_arriving(projection, i, time_index):
    """Update the weights that an arriving spike finds; the first spike has no gradient to learn from."""
    sources, synapses, optimizer = projection.sources, projection.synapses, projection.optimizer
    first, last, optimized = synapses.indptr[i], synapses.indptr[i + 1], sources.optimized[i]
    if optimizer.each_step:
        take_over(synapses, first, last, optimizer)
    elif time_index > optimized > NO_SPIKE_YET:
        update(synapses, first, last, optimizer, optimized, time_index)
        sources.optimized[i] = time_index
    else:
        sources.optimized[i] = max(0, optimized)


@kernel
def _bring_up_to_date(step_values, projection, i, step_ends):
    """Bring the synapses of source ``i`` up to date, including the learning signal of this index if ``step_ends``."""
    synapses, running_sums = projection.synapses, projection.running_sums
    if step_values is None:
        bring_up_to_date(
            synapses, running_sums, synapses.indptr[i], synapses.indptr[i + 1], projection.sources.trace[i], step_ends
        )
    else:
        offset = running_sums.time_index[0] - running_sums.block_start[0]
        _advance_to(projection, i, offset + 1 if step_ends else offset)


@kernel
def begin_time_index(projection, time_index):
    """Register the spikes emitted at ``time_index``, and let sources that reach the cutoff there become inactive.

    Projections onto recurrent neurons call it while their sums are still those of the previous time index, whose
    learning signal is known: the sources that become inactive need its traces and its gradient. The projection onto
    the readouts, which have no traces, calls it when its sums are those of ``time_index``.
    """
    if projection.plastic:
        sources, running_sums = projection.sources, projection.running_sums
        register(sources, spikes_of(projection.spikes, time_index), time_index)
        silent = sources.silent[: expire(sources, time_index)]
        for n in range(len(silent)):
            prefetch_synapses(projection.synapses, silent, n)
            i = silent[n]
            _bring_up_to_date(running_sums.step_values, projection, i, running_sums.time_index[0] < time_index)
            sources.state[i] = INACTIVE


@kernel
def end_block(projection):
    """Bring the active synapses up to date, and the traces relative to the block that starts at this time index."""
    if projection.plastic:
        sources, running_sums = projection.sources, projection.running_sums
        shrinkage = 1.0 / running_sums.decay.alpha_growth[running_sums.time_index[0] - running_sums.block_start[0]]
        for i in range(len(sources.trace)):
            if sources.state[i] == ACTIVE:
                _bring_up_to_date(running_sums.step_values, projection, i, False)
            z = sources.trace[i] * shrinkage
            sources.trace[i] = z if z > NEGLIGIBLE else 0.0


@kernel
def end_sample(projection, n_samples, n_updates):
    """Update the weights if a batch ends with the sample, and reset the traces; a block has just started.

    ``n_samples`` is the size of the batch that ends, or 0 if none does or spikes update the weights; ``n_updates``
    updates were made before.
    """
    if projection.plastic:
        if n_samples > 0:
            update_all(projection.synapses, projection.optimizer, n_samples, n_updates)
        if projection.resets.length > 0:
            forget(projection.synapses, projection.running_sums)
            for i in range(len(projection.sources.trace)):
                projection.sources.trace[i] = 0.0


@kernel
def _is_lost(resets, emission, arrival):
    """Whether a reset meets a spike on its way, or in the first step of a sample, if such spikes are not received."""
    if resets.length == 0:
        return False
    since = arrival - resets.targets_begin
    if since % resets.length == 0 and not resets.first_step_counts:
        return True
    return (emission - resets.sources_begin) // resets.length != since // resets.length


@kernel
def _leaves_a_trace(resets, arrival):
    """Whether a spike that arrives enters the trace; none does before the first sample, which begins at rest."""
    return resets.length == 0 or arrival >= resets.targets_begin


@kernel
def process_time_index(projection, current, fixed_point):
    """Activate sources, update weights and deliver spikes at the present time index.

    The weights of arriving spikes are added to ``current``, (n,): float64, pA, or in whole units of 1 / ``fixed_point``
    pA, int64. Returns the number of synaptic events.
    """
    synapses, spikes, delay, resets = projection.synapses, projection.spikes, projection.delay, projection.resets
    lag, step_values = projection.running_sums.lag, projection.running_sums.step_values
    time_index = projection.running_sums.time_index[0]
    step = time_index + lag
    together = projection.plastic and lag == delay
    entering_too = together and delay == projection.entry_lead
    if projection.plastic and not together:
        for i in spikes_of(spikes, time_index):
            if projection.sources.state[i] == ACTIVATING:
                _process(step_values, projection, i, False, False, current, fixed_point)
    events = 0
    arrives = not _is_lost(resets, step - delay, step)
    arriving = spikes_of(spikes, step - delay)
    for n in range(len(arriving)):
        prefetch_synapses(synapses, arriving, n)
        if projection.plastic:
            prefetch_source(projection.sources, arriving, n)
        i = arriving[n]
        first, last = synapses.indptr[i], synapses.indptr[i + 1]
        events += last - first if arrives else 0
        if projection.plastic:
            enters = entering_too and arrives and _leaves_a_trace(resets, step)
            _process(step_values, projection, i, arrives, enters, current, fixed_point)
        elif arrives:
            deliver(synapses, first, last, current, fixed_point)
    if projection.plastic and not entering_too:
        emission = time_index - delay + projection.entry_lead
        if _leaves_a_trace(resets, emission + delay) and not _is_lost(resets, emission, emission + delay):
            for i in spikes_of(spikes, emission):
                _process(step_values, projection, i, False, True, current, fixed_point)
    return events
