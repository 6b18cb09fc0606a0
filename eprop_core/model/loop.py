"""The loop over steps on one rank: deliver spikes, update readouts and neurons; and exchange spikes between intervals.

Before a communication interval (``communication_interval`` in ``network/features.py``) each rank processes the spikes
of its own neurons at their output synapses, which live with their source, and so knows its part of the readouts' input
for the whole interval (:func:`deliver_to_readouts`). The ranks exchange this part and the latest spikes. Then every
rank can compute the interval by itself (:func:`compute`).

Feedback that goes along the output synapses must be read in the step in which an error arrives, after the output
synapses' updates of that step and before any later one. Therefore :func:`deliver_to_readouts`, which makes these
updates step by step, also computes the learning signals of such feedback, and keeps them until the synapses onto the
recurrent neurons reach their time index. So no result depends on where intervals begin.
"""

import ctypes

from eprop_core.compiled.clock import seconds
from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.poisson import draw_step
from eprop_core.model.neurons import (
    FINITE,
    OWN,
    copy_signals,
    error_of_loss,
    keep_errors,
    learning_signals,
    learning_signals_along_output,
    rate_signals,
    rest_neurons,
    rest_readouts,
    update_readouts,
    update_recurrent,
)
from eprop_core.model.own_errors import own_error
from eprop_core.model.projection import begin_time_index, end_block, end_sample, process_time_index
from eprop_core.model.running_sums import (
    advance_readout_sums,
    advance_sums,
    block_is_full,
    keep_signals,
    signals_differ,
    start_block,
)
from eprop_core.model.samples import samples_ended, size_of_ending_batch
from eprop_core.model.spikes import copy_ids, replace_received
from eprop_core.model.stdp import begin_step

STOPPED = -2
"""Returned instead of a neuron whose voltage is not finite if an exchange failed."""

CALLBACK = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
"""Type of the functions that are called before and after an interval, with the first step of it and the step after its
last one. They return the step before which the run ends, or :data:`FAILED`."""

FAILED = 0
"""ctypes returns this also if the called function raises an exception."""

OUTPUT = -1
"""Entry of the output in the arrays of :class:`Counters <eprop_core.model.rank.Counters>` by bundle: the last."""

NANOSECONDS_WITHOUT_PYTHON = 100_000_000
"""Time after which a rank without others returns to Python, so that a signal takes effect."""


@kernel
def _share_of_rate_error(samples, kappa_reg, time_index):
    """Factor of the rate error in the learning signal of a time index."""
    if samples.rate_average:
        return 1.0 if samples_ended(samples, time_index + 1, samples.neurons_begin) > 0 else 0.0
    return 1.0 - kappa_reg


@kernel
def _shared_share(running_sums, share):
    """The part of ``share`` in the signal of the error: 0 where the rate regularization has a signal of its own."""
    return 0.0 if signals_differ(running_sums) else share


@kernel
def _receive_errors(rank, last_error):
    """Compute the learning signals of all errors that arrive now, those of the steps before ``last_error``."""
    signals, samples, errors, rate_errors = rank.signals, rank.samples, rank.readouts.error, rank.neurons.rate_error
    if not rank.learns or len(signals.by_time_index) == 0:
        return
    synapses = rank.feedback.synapses
    for step in range(signals.next_error[0], last_error):
        time_index = step - (samples.readouts_begin - samples.neurons_begin)
        share = _share_of_rate_error(samples, rank.parameters.kappa_reg, time_index)
        learning_signals_along_output(
            signals.by_time_index[time_index % len(signals.by_time_index)],
            synapses.indptr,
            synapses.records,
            rank.feedback.column,
            errors[step % len(errors)],
            _shared_share(rank.onto_neurons[0].running_sums, share),
            rate_errors[time_index % len(rate_errors)],
        )
    signals.next_error[0] = max(signals.next_error[0], last_error)


@kernel
def _compute_signals(running_sums, signals, samples, kappa_reg, feedback, errors, rate_errors):
    """Compute the learning signals of the present time index, whose errors have arrived by now.

    ``errors`` are those of the readouts in the last steps, ``rate_errors`` those of the neurons' rates.
    """
    time_index = running_sums.time_index[0]
    error = errors[(time_index + samples.readouts_begin - samples.neurons_begin) % len(errors)]
    rate_error = rate_errors[time_index % len(rate_errors)]
    share = _share_of_rate_error(samples, kappa_reg, time_index)
    if len(signals.by_time_index) > 0:
        copy_signals(running_sums.signal, signals.by_time_index[time_index % len(signals.by_time_index)])
    else:
        learning_signals(running_sums.signal, feedback, error, _shared_share(running_sums, share), rate_error)
    if signals_differ(running_sums):
        rate_signals(running_sums.signal_reg, share, rate_error)
    keep_signals(running_sums)


@kernel
def _block_ends(samples, running_sums, begin):
    """Whether the present block is full or a sample ends; samples begin in step ``begin`` for the targets."""
    return block_is_full(running_sums) or samples_ended(samples, running_sums.time_index[0], begin) > 0


@kernel
def _end_sample(samples, projection, begin):
    """If a sample ends at the start of this block: update the weights if a batch ends, and reset."""
    time_index = projection.running_sums.time_index[0]
    ended = samples_ended(samples, time_index, begin)
    if ended > 0:
        n_samples = size_of_ending_batch(samples, time_index, begin)
        n_updates = (ended - 1) // samples.batch_size if n_samples > 0 else 0
        end_sample(projection, n_samples, n_updates)


@kernel
def deliver_to_readouts(rank, first_step, last_step):
    """Process the output synapses in the steps ``first_step`` .. ``last_step - 1``.

    Computes this rank's part of the readouts' input in these steps.
    """
    before = seconds(rank.clock)
    samples, output, counters = rank.samples, rank.output, rank.counters
    running_sums, fixed_point = output.running_sums, rank.readout_parameters.fixed_point
    for step in range(first_step, last_step):
        time_index = running_sums.time_index[0] + 1
        if output.plastic:
            advance_readout_sums(running_sums, rank.readouts.error[(time_index - 1) % len(rank.readouts.error)])
        else:
            running_sums.time_index[0] = time_index
        begin_time_index(output, time_index)
        if _block_ends(samples, running_sums, samples.readouts_begin):
            end_block(output)
            start_block(running_sums)
            if size_of_ending_batch(samples, time_index, samples.readouts_begin) > 0:
                # The errors of a batch meet the weights before its update, even those errors that arrive later.
                _receive_errors(rank, time_index)
            _end_sample(samples, output, samples.readouts_begin)
        current = rank.readouts.current[step - first_step]
        current[:] = 0
        counters.synaptic_events[OUTPUT] += process_time_index(output, current, fixed_point)
        _receive_errors(rank, step - rank.signals.feedback_delay + 1)
    counters.delivery_time[OUTPUT] += seconds(rank.clock) - before


@kernel
def _begin_time_indices(rank, start):
    """Advance the projections onto the recurrent neurons and their sums to the time indices that this step concerns.

    ``start`` and the returned number are the times (s) before and after.
    """
    neurons, samples, counters = rank.neurons, rank.samples, rank.counters
    for projection in rank.onto_neurons:
        if rank.learns and projection.advances_sums:
            kappa_reg, errors = rank.parameters.kappa_reg, rank.readouts.error
            _compute_signals(
                projection.running_sums,
                rank.signals,
                samples,
                kappa_reg,
                rank.feedback,
                errors,
                neurons.rate_error,
            )
    signals_known = seconds(rank.clock)
    for projection in rank.onto_neurons:
        begin_time_index(projection, projection.running_sums.time_index[0] + 1)
    begun = seconds(rank.clock)
    any_block_ends = False
    for projection in rank.onto_neurons:
        running_sums = projection.running_sums
        if projection.advances_sums:
            if rank.learns:
                surrogate_gradients = neurons.surrogate_gradient
                slot = (running_sums.time_index[0] + 1) % len(surrogate_gradients)
                advance_sums(running_sums, surrogate_gradients[slot])
            else:
                running_sums.time_index[0] += 1
        any_block_ends = any_block_ends or _block_ends(samples, running_sums, samples.neurons_begin)
    advanced = seconds(rank.clock)
    counters.update_time[0] += (signals_known - start) + (advanced - begun)
    counters.upkeep_time[0] += begun - signals_known
    if not any_block_ends:
        return advanced
    _end_blocks(rank)
    ended = seconds(rank.clock)
    counters.upkeep_time[0] += ended - advanced
    return ended


@kernel
def _end_blocks(rank):
    """End the blocks that are full or whose sample ends, and start the next ones."""
    samples = rank.samples
    for projection in rank.onto_neurons:
        if _block_ends(samples, projection.running_sums, samples.neurons_begin):
            end_block(projection)
    for projection in rank.onto_neurons:
        running_sums = projection.running_sums
        if projection.advances_sums and _block_ends(samples, running_sums, samples.neurons_begin):
            start_block(running_sums)
        _end_sample(samples, projection, samples.neurons_begin)


@kernel
def _rest_before_sample(samples, neurons, readouts, step):
    """Bring the populations to rest for which a sample begins."""
    if samples.reset and samples.length > 0:
        if (step - samples.neurons_begin) % samples.length == 0:
            rest_neurons(neurons, samples.rate_average)
        if (step - samples.readouts_begin) % samples.length == 0:
            rest_readouts(readouts)


@kernel
def _receive_input(of_projections, run, step):
    t = step - run.start
    channels, first, n = run.input_channels, run.input_indptr[t], run.input_indptr[t + 1] - run.input_indptr[t]
    if len(run.poisson.channels) > 0:
        channels = run.poisson.spikes
        first, n = draw_step(run.poisson, t)
    replace_received(of_projections, step, channels, first, n)


@kernel
def _compute_errors(rank, run, step):
    """Compute the errors of the readouts in a step whose signals are known."""
    t, loss = step - run.start, rank.readout_parameters.loss
    error = run.error[t]
    if not run.learning_window[t]:
        error[:] = 0.0
    elif loss == OWN:
        own_error(run.own_function, t, run.readout[t], run.target[t], error)
    else:
        error_of_loss(loss, run.readout[t], run.target[t], error)
    keep_errors(rank.readouts, step, error)


@kernel
def compute(rank, run, first_step, last_step):
    """Compute the steps of an interval whose spikes and currents are known.

    Returns the step and the local neuron where a voltage ceases to be finite, or (first_step, FINITE).
    """
    counters = rank.counters
    start = seconds(rank.clock)
    for step in range(first_step, last_step):
        _receive_input(rank.input_spikes, run, step)
        delivered = _begin_time_indices(rank, start)
        for n, projection in enumerate(rank.onto_neurons):
            begin_step(projection.spike_timing, projection, rank.own_spikes, step)
            counters.synaptic_events[n] += process_time_index(projection, rank.neurons.current, None)
            before, delivered = delivered, seconds(rank.clock)
            counters.delivery_time[n] += delivered - before
        t = step - run.start
        _rest_before_sample(rank.samples, rank.neurons, rank.readouts, step)
        update_readouts(rank.readouts, rank.readout_parameters, step - first_step, run.readout[t])
        _compute_errors(rank, run, step)
        slot = step % len(rank.own_spikes.length)
        n_spikes, not_finite = update_recurrent(rank.neurons, rank.parameters, step, 0, rank.own_spikes.ids[slot])
        rank.own_spikes.length[slot] = n_spikes
        run.spikes_per_step[t] = n_spikes
        counters.spikes[0] += n_spikes
        start = seconds(rank.clock)
        counters.update_time[0] += start - delivered
        if not_finite != FINITE:
            return step, not_finite
    return first_step, FINITE


@kernel
def _publish_own(of_projections, own_spikes, published, step):
    """Take over the spikes of a single rank as those of all ranks."""
    for s in range(published[0], step):
        slot = s % len(own_spikes.length)
        replace_received(of_projections, s, own_spikes.ids[slot], 0, own_spikes.length[slot])
    published[0] = step


@kernel
def record_spikes(own_spikes, first_step, last_step, recorded, n):
    """Append the spikes of an interval to ``recorded``, int32, which has ``n`` entries; return their new number."""
    for step in range(first_step, last_step):
        slot = step % len(own_spikes.length)
        count = own_spikes.length[slot]
        copy_ids(recorded, n, own_spikes.ids[slot], 0, count, 0)
        n += count
    return n


@kernel
def run_steps(rank, run, first_step, last_step, recorded, alone, exchange, observed, observe):
    """Simulate one rank, which is ``alone`` or calls ``exchange`` for spikes and currents before each interval.

    Calling back to Python takes less time than returning to Python and calling again, which hands over each array. A
    rank that is alone returns from time to time. A rank that is ``observed`` calls ``observe`` after each interval.

    ``recorded``, int32, receives the neurons that spike. Returns the step after the last one that was simulated and
    :data:`FINITE`; or else the step that failed and the neuron that :func:`compute` returns, or :data:`STOPPED`.
    """
    n, begin = 0, first_step
    seconds(rank.clock)
    entered = _nanoseconds_when_last_read(rank.clock)
    while begin < last_step:
        if alone and _nanoseconds_when_last_read(rank.clock) - entered > NANOSECONDS_WITHOUT_PYTHON:
            break
        end = min(begin + rank.interval, last_step)
        deliver_to_readouts(rank, begin, end)
        if alone:
            _publish_own(rank.spikes, rank.own_spikes, rank.published, begin)
        else:
            stop = exchange(begin, end)
            if stop == FAILED:
                return begin, STOPPED
            last_step = min(last_step, stop)
        step, not_finite = compute(rank, run, begin, end)
        if not_finite != FINITE:
            return step, not_finite
        n = record_spikes(rank.own_spikes, begin, end, recorded, n)
        if observed and observe(begin, end) == FAILED:
            return end, STOPPED
        begin = end
    return begin, FINITE


@kernel
def _nanoseconds_when_last_read(clock):
    """Time that the clock showed when it was last read."""
    return clock[0] * 1_000_000_000 + clock[1]
