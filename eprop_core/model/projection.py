"""A projection in one step: its synapses process the spikes that concern them, and deliver those that arrive.

All that a plastic projection does in step T concerns one time index of the running sums, h = T - lag, where

    lag = max(delay, delay of the learning signals - 1)    onto neurons,
    lag = delay                                            onto readouts, which need no feedback,

so that at time index h all spikes emitted up to h are known, and all learning signals of earlier time indices have
arrived:

    cutoff     sources whose latest spike was emitted at h - cutoff are brought up to date and become inactive: onto
               neurons while the sums are still those of h - 1, whose learning signal is known,
    emission   spikes emitted at h activate sources that were silent beyond the cutoff, or had not spiked yet,
    arrival    spikes arriving at T (emitted at T - delay) update weights and are delivered,
    entry      spikes emitted at h - delay + ``entry_lead`` enter the trace.

With unit delays of all projections, the last three concern the same spikes onto neurons, which are then processed once.
Otherwise each of them is a visit to the synapses of its own, at its own time index; an emission visits them only to
activate them.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.prefetch import (
    SPIKES_AHEAD,
    prefetch_first,
    prefetch_record,
    prefetch_source,
    prefetch_synapses,
    synapses_ahead,
)
from eprop_core.model.optimizers import Optimizers, elapsed_steps, one_step, optimizer_at
from eprop_core.model.parts import Parts, count_arrival, end_of_part, n_parts
from eprop_core.model.powers import NEGLIGIBLE, power
from eprop_core.model.running_sums import RunningSums, kappa_growth, offset_in_block, power_of_kappa
from eprop_core.model.sources import NO_ENTRY, NO_SPIKE_YET, Sources, reaches_cutoff, state_after, synapses_of
from eprop_core.model.spikes import Spikes, spikes_of
from eprop_core.model.stdp import SpikeTiming, applies, process_arriving
from eprop_core.model.stepwise import activate, advance_gradients, advance_weights, take_next_weights, update
from eprop_core.model.synapses import (
    ACTIVATING,
    ACTIVE,
    INACTIVE,
    SpikeEffects,
    Synapses,
    TakenBack,
    bring_up_to_date,
    deliver,
    forget,
    process,
    update_all_of,
)


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
    """Of the sources."""
    running_sums: RunningSums
    """Of the targets; projections onto the same targets with the same lag share them."""
    advances_sums: bool
    """Whether the running sums advance with this projection; False where an earlier one shares them."""
    optimizers: Optimizers
    """Of the parts of the synapses of each source."""
    parts: Parts
    plastic: bool
    updates_at_spikes: bool
    """Whether an arriving spike updates the weights; else the end of a batch of samples does."""
    delay: int
    """Steps from a spike's emission to its arrival."""
    entry_lead: int
    """1 where a spike that enters at h changes the trace from h + 1 on (onto neurons), 0 where from h on (readouts)."""
    resets: Resets
    spike_timing: SpikeTiming | None = None
    """None where no projection of the network has spike-timing-dependent plasticity, which takes the rule's place."""

    @property
    def has_spike_timing(self) -> bool:
        """Whether it has spike-timing-dependent plasticity."""
        return self.spike_timing is not None and self.spike_timing.applies


@kernel
def _adaptation_after(adaptation, age):
    """Factor by which the trace of an adaptation has decayed ``age`` steps after the source became inactive."""
    if adaptation is None:
        return 0.0
    return power(adaptation.powers_of_rho, age)


@kernel
def _activated_trace(projection, source, age):
    """Return the plain trace of a source that is activated ``age`` steps after it became inactive."""
    # Onto neurons, the stored trace is that of the time index before the source became inactive.
    return source["trace"] * power(projection.running_sums.decay.powers_of_alpha, age + projection.entry_lead)


@kernel
def _inactive_trace(projection, source):
    """Return the plain trace of a source at the time index of the sums, which it keeps while it is inactive."""
    running_sums = projection.running_sums
    offset = offset_in_block(running_sums)
    return source["trace"] / running_sums.decay.steps[offset]["alpha_growth"]


@kernel
def _process(step_values, projection, i, emission, arrives, enters, current, fixed_point):
    """Process a spike of source ``i`` at the present time index; ``step_values`` are those of its running sums.

    ``emission``, ``arrives`` and ``enters`` say which of these events of the spike belong to this time index.
    """
    source, synapses, running_sums = projection.sources.records[i], projection.synapses, projection.running_sums
    decay = running_sums.decay
    offset = offset_in_block(running_sums)
    jump = decay.steps[offset + projection.entry_lead]["alpha_growth"] if enters else 0.0
    if step_values is None:
        _process_at_once(projection, i, source, emission, arrives, jump, current, fixed_point)
    else:
        _advance_to(projection, i, emission, offset)
        if arrives:
            _update_arriving(projection, i, source, running_sums.time_index[0])
            first, last = synapses_of(source)
            deliver(synapses, i, first, last, current, fixed_point)
        if projection.entry_lead == 1:
            projection.sources.stepwise[i]["entered"] += jump  # counts from the next time index on
            return
    source["trace"] += jump


@kernel
def _take_back(projection, i):
    """Return what the latest spike contributed too early, as :class:`TakenBack`, and forget its entry."""
    sources = projection.sources
    factor, offset = 0.0, 0
    if len(sources.entry) > 0 and sources.entry[i] != NO_ENTRY:
        factor, offset = 1.0, sources.entry[i] - projection.running_sums.block_start[0]
        sources.entry[i] = NO_ENTRY
    return TakenBack(factor, offset)


@kernel
def _process_at_once(projection, i, source, emission, arrives, jump, current, fixed_point):
    """Process a spike with the running sums, which cover all the time since the one before."""
    synapses, running_sums = projection.synapses, projection.running_sums
    decay, decay_reg = running_sums.decay, running_sums.decay_reg
    time_index, offset = running_sums.time_index[0], offset_in_block(running_sums)
    state, z, plain_trace = state_after(source, emission), source["trace"], 0.0
    # The first spike has no gradient to learn from. From then on the optimizer counts the steps since step 0.
    updates = arrives and projection.updates_at_spikes and time_index > source["optimized"] > NO_SPIKE_YET
    remaining, remaining_reg, remaining_adaptation, inactive_steps = 0.0, 0.0, 0.0, 0
    if state == ACTIVATING:
        if source["last_emission"] != NO_SPIKE_YET:
            inactive_steps = time_index - source["last_emission"] - projection.sources.cutoff
            remaining = power_of_kappa(decay, inactive_steps + 1) * kappa_growth(decay, offset)
            remaining_reg = power_of_kappa(decay_reg, inactive_steps + 1) * kappa_growth(decay_reg, offset)
            remaining_adaptation = _adaptation_after(running_sums.adaptation, inactive_steps)
            plain_trace = _activated_trace(projection, source, inactive_steps)
            z = plain_trace * decay.steps[offset]["alpha_growth"]
        source["trace"] = z
        source["state"] = ACTIVE
    if emission:
        source["last_emission"] = time_index
    optimized = source["optimized"]
    first, last = synapses_of(source)
    # An optimizer that updates at spikes from running sums is linear, so all numbers but the steps are 0.
    elapsed = elapsed_steps(projection.optimizers.first, optimized, time_index if updates else optimized)
    spike = SpikeEffects(
        state=state,
        arrives=arrives,
        updates=updates,
        enters=jump != 0.0,
        trace=z,
        jump=jump,
        plain_trace=plain_trace,
        remaining=remaining,
        remaining_reg=remaining_reg,
        remaining_adaptation=remaining_adaptation,
        age=inactive_steps + 1,
        growth=kappa_growth(decay, offset),
        growth_reg=kappa_growth(decay_reg, offset),
        taken_back=_take_back(projection, i),
        elapsed=elapsed,
        ahead=synapses_ahead(np.uint64(first), np.uint64(last)),
    )
    for part in range(n_parts(projection.parts)):
        last = end_of_part(projection.parts, i, source, part)
        optimizer = optimizer_at(projection.optimizers, projection.parts.optimizer[source["group"], part])
        process(synapses, i, first, last, running_sums, spike, optimizer, current, fixed_point)
        first = last
    if jump != 0.0 and len(projection.sources.entry) > 0:
        projection.sources.entry[i] = time_index
    if updates:
        source["optimized"] = time_index
    elif arrives:
        source["optimized"] = max(0, source["optimized"])


@kernel
def _advance_to(projection, i, emission, end):
    """Advance the stepwise synapses of source ``i`` to the offset ``end``; ``emission`` activates an inactive one."""
    sources, synapses, running_sums = projection.sources, projection.synapses, projection.running_sums
    source = sources.records[i]
    time_index = running_sums.time_index[0]
    first, last = synapses_of(source)
    state = state_after(source, emission)
    if state == ACTIVATING:
        if source["last_emission"] != NO_SPIKE_YET:
            age = time_index - source["last_emission"] - sources.cutoff
            kappa = power_of_kappa(running_sums.decay, age)
            kappa_reg = power_of_kappa(running_sums.decay_reg, age)
            growth = running_sums.decay.steps[offset_in_block(running_sums)]["alpha_growth"]
            source["trace"] = _activated_trace(projection, source, age) * growth
            rho = _adaptation_after(running_sums.adaptation, age)
            activate(synapses, running_sums, first, last, age, kappa, kappa_reg, rho)
        source["state"] = ACTIVE
        sources.stepwise[i]["advanced_to"] = time_index
    elif state == ACTIVE:
        begin = sources.stepwise[i]["advanced_to"] - running_sums.block_start[0]
        if end > begin:
            z, entered = source["trace"], sources.stepwise[i]["entered"]
            if projection.optimizers.first.each_step:
                first_step = max(0, source["optimized"])
                for part in range(n_parts(projection.parts)):
                    last = end_of_part(projection.parts, i, source, part)
                    optimizer = optimizer_at(projection.optimizers, projection.parts.optimizer[source["group"], part])
                    advance_weights(synapses, running_sums, first, last, z, entered, begin, end, optimizer, first_step)
                    first = last
            else:
                advance_gradients(synapses, running_sums, first, last, z, entered, begin, end)
            source["trace"] = z + entered
            sources.stepwise[i]["entered"] = 0.0
            sources.stepwise[i]["advanced_to"] = running_sums.block_start[0] + end
            if projection.optimizers.first.each_step:
                source["optimized"] = running_sums.block_start[0] + end
    if emission:
        source["last_emission"] = time_index


@kernel
def _update_arriving(projection, i, source, time_index):
    """Update the weights that an arriving spike finds; the first spike has no gradient to learn from."""
    synapses = projection.synapses
    first, last = synapses_of(source)
    optimized = source["optimized"]
    if projection.optimizers.first.each_step:
        take_next_weights(synapses, first, last, projection.optimizers.first)
    elif time_index > optimized > NO_SPIKE_YET:
        for part in range(n_parts(projection.parts)):
            last = end_of_part(projection.parts, i, source, part)
            optimizer = optimizer_at(projection.optimizers, projection.parts.optimizer[source["group"], part])
            update(synapses, first, last, optimizer, optimized, time_index)
            first = last
        source["optimized"] = time_index
    else:
        source["optimized"] = max(0, optimized)


@kernel
def _bring_up_to_date(step_values, projection, i, step_ends):
    """Bring the synapses of source ``i`` up to date, including the learning signal of this index if ``step_ends``."""
    source, synapses, running_sums = projection.sources.records[i], projection.synapses, projection.running_sums
    if step_values is None:
        first, last = synapses_of(source)
        taken_back = _take_back(projection, i)
        bring_up_to_date(synapses, i, first, last, running_sums, source["trace"], step_ends, taken_back)
    else:
        offset = offset_in_block(running_sums)
        _advance_to(projection, i, False, offset + 1 if step_ends else offset)


@kernel
def begin_time_index(projection, time_index):
    """Let the sources that reach the cutoff at ``time_index`` become inactive.

    Projections onto recurrent neurons call it while their sums are still those of the previous time index, whose
    learning signal is known: the sources that become inactive need its traces and its gradient. The projection onto
    the readouts, whose synapses have no eligibility, calls it when its sums are those of ``time_index``: they include
    the error of the step before.
    """
    if projection.plastic and projection.sources.cutoff > 0:
        _deactivate(projection, time_index)


@kernel
def _deactivate(projection, time_index):
    """Deactivate the sources whose latest spike was emitted one cutoff before ``time_index``.

    Many that spiked then have spiked again. Their synapses are not needed, so they are not fetched either: a source
    waits in ``sources.silent`` while its synapses are on their way.
    """
    sources, running_sums = projection.sources, projection.running_sums
    emitted = spikes_of(projection.spikes, time_index - sources.cutoff)
    present = spikes_of(projection.spikes, time_index)
    n_before = 0  # spikes of the present time index whose ids are smaller
    n, n_found, n_done = 0, 0, 0
    while n < len(emitted) or n_done < n_found:
        if n < len(emitted):
            prefetch_record(sources.records, emitted, n)
            i = emitted[n]
            n += 1
            while n_before < len(present) and present[n_before] < i:
                n_before += 1
            spikes_now = n_before < len(present) and present[n_before] == i
            source = sources.records[i]
            if reaches_cutoff(source, sources.cutoff, time_index) and not spikes_now:
                prefetch_first(projection.synapses, source["first_synapse"], source["n_synapses"])
                sources.silent[n_found % SPIKES_AHEAD] = i
                n_found += 1
        if n_done < n_found and (n == len(emitted) or n_found - n_done == SPIKES_AHEAD):
            i = sources.silent[n_done % SPIKES_AHEAD]
            source = sources.records[i]
            _bring_up_to_date(running_sums.step_values, projection, i, running_sums.time_index[0] < time_index)
            source["trace"] = _inactive_trace(projection, source)
            source["state"] = INACTIVE
            n_done += 1


@kernel
def end_block(projection):
    """Bring the active synapses up to date, and make the traces relative to the block that starts now."""
    if projection.plastic:
        records, running_sums = projection.sources.records, projection.running_sums
        offset = offset_in_block(running_sums)
        shrinkage = 1.0 / running_sums.decay.steps[offset]["alpha_growth"]
        for i in range(len(records)):
            source = records[i]
            if source["state"] == ACTIVE:
                _bring_up_to_date(running_sums.step_values, projection, i, False)
                z = source["trace"] * shrinkage
                source["trace"] = z if z > NEGLIGIBLE else 0.0


@kernel
def end_sample(projection, n_samples, n_updates):
    """Update the weights if a batch ends with the sample, and reset the traces; a block has just started.

    ``n_samples`` is the size of the batch that ends, or 0 if none does or spikes update the weights; ``n_updates``
    updates were made before.
    """
    if projection.plastic:
        if n_samples > 0:
            _update_all(projection, n_samples, n_updates)
        if projection.resets.length > 0:
            forget(projection.synapses, projection.running_sums)
            for i in range(len(projection.sources.records)):
                projection.sources.records[i]["trace"] = 0.0


@kernel
def _update_all(projection, n_samples, n_updates):
    """Update all weights with the mean gradient of ``n_samples`` samples; ``n_updates`` updates were made before."""
    for i in range(len(projection.sources.records)):
        source = projection.sources.records[i]
        first = source["first_synapse"]
        for part in range(n_parts(projection.parts)):
            last = end_of_part(projection.parts, i, source, part)
            optimizer = optimizer_at(projection.optimizers, projection.parts.optimizer[source["group"], part])
            update_all_of(projection.synapses, i, first, last, optimizer, n_samples, one_step(optimizer, n_updates))
            first = last


@kernel
def _is_lost(resets, emission, arrival):
    """Whether a spike is lost: a reset meets it on its way, or it arrives in a first step that does not count."""
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
            source = projection.sources.records[i]
            if source["state"] == ACTIVE:
                source["last_emission"] = time_index
            else:
                _process(step_values, projection, i, True, False, False, current, fixed_point)
    events = 0
    arrives = not _is_lost(resets, step - delay, step)
    arriving = spikes_of(spikes, step - delay)
    for n in range(len(arriving)):
        i = arriving[n]
        if arrives:
            count_arrival(projection.parts, i)
        if projection.plastic:
            records = projection.sources.records
            prefetch_source(records, synapses, arriving, n)
            events += records[i]["n_synapses"] if arrives else 0
            enters = entering_too and arrives and _leaves_a_trace(resets, step)
            _process(step_values, projection, i, together, arrives, enters, current, fixed_point)
        elif applies(projection.spike_timing):
            events += process_arriving(projection.spike_timing, projection, arriving, n, step - delay, current)
        elif arrives:
            prefetch_synapses(synapses, arriving, n)
            first, last = synapses.indptr[i], synapses.indptr[i + 1]
            events += last - first
            deliver(synapses, i, first, last, current, fixed_point)
    if projection.plastic and not entering_too:
        emission = time_index - delay + projection.entry_lead
        if _leaves_a_trace(resets, emission + delay) and not _is_lost(resets, emission, emission + delay):
            entering = spikes_of(spikes, emission)
            for n in range(len(entering)):
                prefetch_source(projection.sources.records, synapses, entering, n)
                _process(step_values, projection, entering[n], False, False, True, current, fixed_point)
    return events
