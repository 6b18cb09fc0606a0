"""The loop over steps on one rank: deliver, read out, update; and between communication intervals, collocate.

Before a communication interval (``communication_interval`` in ``network/features.py``) each rank lets the spikes of its
own neurons visit their output synapses, which live with their source, and so knows its part of the readouts' input for
the whole interval (:func:`collocate`). That part and the latest spikes are exchanged; every rank then knows all that it
needs to compute the interval by itself (:func:`compute`).

Feedback that follows the output weights must be read in the step in which an error arrives, after the output synapses'
updates of that step and before any later one. So :func:`collocate`, which makes these updates step by step, also forms
the learning signals of such feedback, and keeps them until the input and recurrent synapses come to their row. Nothing
then depends on where intervals begin.
"""

import ctypes
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.clock import seconds
from eprop_core.compiled.compilation import kernel
from eprop_core.model.neurons import (
    FINITE,
    Feedback,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
    copy_signals,
    learning_signals,
    rest_neurons,
    rest_readouts,
    update_readouts,
    update_recurrent,
)
from eprop_core.model.projection import Projection, begin_time_index, end_sample, process_time_index, start_new_block
from eprop_core.model.running_sums import (
    RunningSums,
    advance,
    advance_readouts,
    keep_error,
    keep_signals,
    keep_surrogate_gradient,
    move_step_values,
    next_powers,
    reset_sums,
)
from eprop_core.model.spikes import Spikes, copy_ids

UPDATE, DELIVER, PLASTICITY, COLLOCATE = range(4)
"""Entries of ``Rank.times``; PLASTICITY is the part of DELIVER that goes to plastic projections."""

SPIKES, INPUT_EVENTS, RECURRENT_EVENTS, OUTPUT_EVENTS = range(4)
"""Entries of ``Rank.counts``."""

STOPPED = -2
"""In place of the neuron whose voltage ceases to be finite, where an exchange failed."""

EXCHANGE = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
"""Called before an interval with its first step and the one after its last; returns the step to stop before, or
:data:`FAILED`."""

FAILED = 0
"""Also what ctypes returns for an exception that the called function does not catch."""

NANOSECONDS_WITHOUT_PYTHON = 100_000_000
"""Time after which a rank without others returns to Python, so that a signal takes effect."""

NEVER = np.iinfo(np.int64).max


class Samples(NamedTuple):
    """What happens between samples. They begin later for those whom the spikes reach later."""

    length: int
    """Steps of a sample; 0 where samples make no difference."""
    neurons_begin: int
    """Step in which the first sample begins for the recurrent neurons."""
    readouts_begin: int
    """The same for the readouts."""
    reset: bool
    """Whether all returns to rest before each sample."""
    batch_size: int
    """Samples after which weights are updated; 0 where spikes do that."""
    rate_average: bool
    """Whether the rate regularization acts at the end of each sample, instead of all the time."""
    last: int
    """Number of the last sample that counts, which ends its batch even if that is incomplete; else :data:`NEVER`."""


class ArrivedSignals(NamedTuple):
    """Learning signals of feedback that follows the output weights, from the arrival of their errors on."""

    by_time_index: np.ndarray
    """float64 (depth, n), by row of the recurrent neurons; depth 0 where feedback is constant."""
    next_error: np.ndarray
    """int64 (1,), the first step of the readouts whose error has not arrived."""
    feedback_delay: int

    @classmethod
    def none(cls, depth: int, n: int, feedback_delay: int) -> "ArrivedSignals":
        """No error has arrived."""
        return cls(np.zeros((depth, n)), np.zeros(1, np.int64), feedback_delay)


class Rank(NamedTuple):
    """All that one rank holds."""

    first_id: int
    interval: int
    parameters: RecurrentParameters
    neurons: RecurrentState
    readout_parameters: ReadoutParameters
    readouts: ReadoutState
    input: Projection
    recurrent: Projection
    output: Projection
    feedback: Feedback
    signals: ArrivedSignals
    input_sums: RunningSums
    recurrent_sums: RunningSums
    """The same object as ``input_sums`` where ``shared_sums`` is set."""
    shared_sums: bool
    output_sums: RunningSums
    learns: bool
    """Whether recurrent neurons have plastic synapses."""
    samples: Samples
    input_spikes: Spikes
    spikes: Spikes
    """Of all ranks, global ids."""
    own_spikes: Spikes
    """Of this rank, numbered from its first neuron."""
    published: np.ndarray
    """int64 (1,), the first step whose spikes have not been exchanged."""
    counts: np.ndarray
    times: np.ndarray
    clock: np.ndarray


class Run(NamedTuple):
    """Stimulus and recording of a run that starts at step ``start``."""

    start: int
    input_indptr: np.ndarray
    """int64 (n_steps + 1,), first event of each step."""
    input_channels: np.ndarray
    """int32 (n_events,)"""
    target: np.ndarray
    learning_window: np.ndarray
    readout: np.ndarray
    error: np.ndarray
    spikes_per_step: np.ndarray
    """int64 (n_steps,), of this rank."""


@kernel
def _share_of_rate_error(samples, kappa_reg, time_index):
    """Factor of the rate error in the learning signal of a row."""
    if samples.rate_average:
        return 1.0 if _samples_ended(samples, time_index + 1, samples.neurons_begin) > 0 else 0.0
    return 1.0 - kappa_reg


@kernel
def _shared_share(sums_reg, share):
    """The part of ``share`` that belongs to the signal of the error: none where the rate has a filter of its own."""
    if sums_reg is None:
        return share
    return 0.0


@kernel
def _receive_errors(rank, last_error):
    """Form the learning signals of all errors that arrive now, those of the steps before ``last_error``."""
    signals, samples, errors, rate_errors = rank.signals, rank.samples, rank.readouts.error, rank.neurons.rate_error
    if not rank.learns or len(signals.by_time_index) == 0:
        return
    for step in range(signals.next_error[0], last_error):
        time_index = step - (samples.readouts_begin - samples.neurons_begin)
        share = _share_of_rate_error(samples, rank.parameters.kappa_reg, time_index)
        learning_signals(
            signals.by_time_index[time_index % len(signals.by_time_index)],
            rank.feedback,
            errors[step % len(errors)],
            _shared_share(rank.input_sums.sums_reg, share),
            rate_errors[time_index % len(rate_errors)],
        )
    signals.next_error[0] = max(signals.next_error[0], last_error)


@kernel
def _learning_signals(running_sums, signals, samples, kappa_reg, feedback, errors, rate_errors):
    """Compute the learning signals of the present row, which are known by now.

    ``errors`` are those of the readouts, ``rate_errors`` those of the neurons, of the last steps.
    """
    time_index = running_sums.time_index[0]
    error = errors[(time_index + samples.readouts_begin - samples.neurons_begin) % len(errors)]
    rate_error = rate_errors[time_index % len(rate_errors)]
    share = _share_of_rate_error(samples, kappa_reg, time_index)
    if len(signals.by_time_index) > 0:
        copy_signals(running_sums.signal, signals.by_time_index[time_index % len(signals.by_time_index)])
    else:
        learning_signals(running_sums.signal, feedback, error, _shared_share(running_sums.sums_reg, share), rate_error)
    if running_sums.sums_reg is not None:
        learning_signals(running_sums.signal_reg, feedback, error[:0], share, rate_error)
    keep_signals(running_sums.step_values, running_sums)


@kernel
def _next_time_index(running_sums, learns, surrogate_gradients):
    """Move the sums to the next row."""
    time_index = running_sums.time_index[0]
    running_sums.time_index[0] = time_index + 1
    if learns:
        offset = time_index - running_sums.block_start[0]
        psi = surrogate_gradients[(time_index + 1) % len(surrogate_gradients)]
        next_powers(running_sums.own_decay)
        advance(
            running_sums.sums,
            running_sums.adaptation,
            running_sums.own_decay,
            running_sums.decay,
            offset,
            psi,
            running_sums.signal,
        )
        _advance_reg(running_sums.sums_reg, running_sums, offset, psi)
        keep_surrogate_gradient(running_sums.step_values, offset + 1, psi)


@kernel
def _advance_reg(sums_reg, running_sums, offset, psi):
    if sums_reg is not None:
        decay, signal = running_sums.decay_reg, running_sums.signal_reg
        advance(sums_reg, running_sums.adaptation, running_sums.own_decay, decay, offset, psi, signal)


@kernel
def _start_block(running_sums):
    """Move the origin to the present row."""
    move_step_values(running_sums.step_values, running_sums.time_index[0] - running_sums.block_start[0])
    reset_sums(running_sums.sums, running_sums.adaptation, running_sums.own_decay)
    _reset_sums_reg(running_sums.sums_reg, running_sums)
    running_sums.block_start[0] = running_sums.time_index[0]


@kernel
def _reset_sums_reg(sums_reg, running_sums):
    if sums_reg is not None:
        reset_sums(sums_reg, running_sums.adaptation, running_sums.own_decay)


@kernel
def _samples_ended(samples, time_index, begin):
    """Number of samples that have ended before ``time_index`` if one ends just there, else 0."""
    if samples.length == 0 or time_index <= begin or (time_index - begin) % samples.length != 0:
        return 0
    return (time_index - begin) // samples.length


@kernel
def _block_ends(samples, running_sums, begin):
    """Whether the present block is full or a sample ends; samples begin in step ``begin`` for the targets."""
    time_index = running_sums.time_index[0]
    return (
        time_index - running_sums.block_start[0] >= running_sums.decay.block
        or _samples_ended(samples, time_index, begin) > 0
    )


@kernel
def _size_of_ending_batch(samples, time_index, begin):
    """Number of samples in the batch that ends just before ``time_index``, 0 if none does."""
    ended = _samples_ended(samples, time_index, begin)
    if samples.batch_size == 0 or ended == 0 or ended > samples.last:
        return 0
    if ended % samples.batch_size == 0:
        return samples.batch_size
    return ended % samples.batch_size if ended == samples.last else 0


@kernel
def _end_sample(samples, running_sums, begin, projection):
    """At a new origin, if a sample ends there: update weights per batch, and reset."""
    ended = _samples_ended(samples, running_sums.time_index[0], begin)
    if ended > 0:
        n_samples = _size_of_ending_batch(samples, running_sums.time_index[0], begin)
        n_updates = (ended - 1) // samples.batch_size if n_samples > 0 else 0
        end_sample(projection, running_sums, n_samples, n_updates)


@kernel
def collocate(rank, first_step, last_step):
    """Compute this rank's part of the readouts' input in the steps ``first_step`` .. ``last_step - 1``."""
    before = seconds(rank.clock)
    running_sums, output, fixed_point = rank.output_sums, rank.output, rank.readout_parameters.fixed_point
    for step in range(first_step, last_step):
        time_index = running_sums.time_index[0]
        error = rank.readouts.error[time_index % len(rank.readouts.error)]
        if output.plastic:
            advance_readouts(running_sums.sums, running_sums.decay, time_index - running_sums.block_start[0], error)
            keep_error(running_sums.step_values, time_index - running_sums.block_start[0], error)
        running_sums.time_index[0] = time_index + 1
        begin_time_index(output, rank.own_spikes, running_sums, time_index + 1)
        if _block_ends(rank.samples, running_sums, rank.samples.readouts_begin):
            start_new_block(output, running_sums)
            _start_block(running_sums)
            if _size_of_ending_batch(rank.samples, time_index + 1, rank.samples.readouts_begin) > 0:
                # A batch's own errors meet the weights before its update, even those that arrive later.
                _receive_errors(rank, time_index + 1)
            _end_sample(rank.samples, running_sums, rank.samples.readouts_begin, output)
        current = rank.readouts.current[step - first_step]
        current[:] = 0
        rank.counts[OUTPUT_EVENTS] += process_time_index(output, rank.own_spikes, running_sums, current, fixed_point)
        _receive_errors(rank, step - rank.signals.feedback_delay + 1)
    rank.times[COLLOCATE] += seconds(rank.clock) - before


@kernel
def _begin_time_index(rank, running_sums, of_input, of_recurrent):
    """Move a history, of one projection or of both, to the row that this step is about."""
    neurons, samples, time_index = rank.neurons, rank.samples, running_sums.time_index[0] + 1
    if rank.learns:
        kappa_reg, errors = rank.parameters.kappa_reg, rank.readouts.error
        _learning_signals(running_sums, rank.signals, samples, kappa_reg, rank.feedback, errors, neurons.rate_error)
    if of_input:
        begin_time_index(rank.input, rank.input_spikes, running_sums, time_index)
    if of_recurrent:
        begin_time_index(rank.recurrent, rank.spikes, running_sums, time_index)
    _next_time_index(running_sums, rank.learns, neurons.surrogate_gradient)
    if _block_ends(samples, running_sums, samples.neurons_begin):
        if of_input:
            start_new_block(rank.input, running_sums)
        if of_recurrent:
            start_new_block(rank.recurrent, running_sums)
        _start_block(running_sums)
        if of_input:
            _end_sample(samples, running_sums, samples.neurons_begin, rank.input)
        if of_recurrent:
            _end_sample(samples, running_sums, samples.neurons_begin, rank.recurrent)


@kernel
def _rest_before_sample(samples, neurons, readouts, step):
    """Bring to rest those for whom a sample begins."""
    if samples.reset and samples.length > 0:
        if (step - samples.neurons_begin) % samples.length == 0:
            rest_neurons(neurons, samples.rate_average)
        if (step - samples.readouts_begin) % samples.length == 0:
            rest_readouts(readouts)


@kernel
def _receive_input(spikes, run, step):
    slot = step % len(spikes.length)
    first, last = run.input_indptr[step - run.start], run.input_indptr[step - run.start + 1]
    spikes.length[slot] = last - first
    copy_ids(spikes.ids[slot], 0, run.input_channels, first, last - first, 0)


@kernel
def compute(rank, run, first_step, last_step):
    """Compute the steps of an interval whose spikes and currents are known.

    Returns the step and the local neuron where a voltage ceases to be finite, or (first_step, FINITE).
    """
    for step in range(first_step, last_step):
        start = seconds(rank.clock)
        _receive_input(rank.input_spikes, run, step)
        _begin_time_index(rank, rank.input_sums, True, rank.shared_sums)
        if not rank.shared_sums:
            _begin_time_index(rank, rank.recurrent_sums, False, True)
        middle = seconds(rank.clock)
        current, delivered = rank.neurons.current, middle
        for projection, spikes, running_sums, kind in (
            (rank.input, rank.input_spikes, rank.input_sums, INPUT_EVENTS),
            (rank.recurrent, rank.spikes, rank.recurrent_sums, RECURRENT_EVENTS),
        ):
            rank.counts[kind] += process_time_index(projection, spikes, running_sums, current, None)
            before, delivered = delivered, seconds(rank.clock)
            if projection.plastic:
                rank.times[PLASTICITY] += delivered - before
        t = step - run.start
        _rest_before_sample(rank.samples, rank.neurons, rank.readouts, step)
        update_readouts(
            rank.readouts,
            rank.readout_parameters,
            step,
            step - first_step,
            run.target[t],
            run.learning_window[t],
            run.readout[t],
            run.error[t],
        )
        slot = step % len(rank.own_spikes.length)
        n_spikes, not_finite = update_recurrent(rank.neurons, rank.parameters, step, 0, rank.own_spikes.ids[slot])
        rank.own_spikes.length[slot] = n_spikes
        run.spikes_per_step[t] = n_spikes
        rank.counts[SPIKES] += n_spikes
        rank.times[UPDATE] += (seconds(rank.clock) - delivered) + (middle - start)
        rank.times[DELIVER] += delivered - middle
        if not_finite != FINITE:
            return step, not_finite
    return first_step, FINITE


@kernel
def _publish_own(spikes, own_spikes, published, step):
    """Make the spikes of a single rank known to itself."""
    for s in range(published[0], step):
        own, all_ranks = s % len(own_spikes.length), s % len(spikes.length)
        n = own_spikes.length[own]
        spikes.length[all_ranks] = n
        copy_ids(spikes.ids[all_ranks], 0, own_spikes.ids[own], 0, n, 0)
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
def run_steps(rank, run, first_step, last_step, recorded, alone, exchange):
    """Simulate one rank: all there is, or one of several, which ``exchange`` spikes and currents before each interval.

    Calling back to Python takes less time than returning and beginning anew, which hands over each array by itself. A
    rank that is alone has nothing to call for, and returns from time to time.

    ``recorded``, int32, receives the neurons that spike. Returns the step after the last one that was simulated and
    :data:`FINITE`; or else the step that failed and the neuron that :func:`compute` returns, or STOPPED.
    """
    n, begin = 0, first_step
    seconds(rank.clock)
    entered = _nanoseconds_of_last_look(rank.clock)
    while begin < last_step:
        if alone and _nanoseconds_of_last_look(rank.clock) - entered > NANOSECONDS_WITHOUT_PYTHON:
            break
        end = min(begin + rank.interval, last_step)
        collocate(rank, begin, end)
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
        begin = end
    return begin, FINITE


@kernel
def _nanoseconds_of_last_look(clock):
    """Time at which the clock was looked at last, without looking at it again."""
    return clock[0] * 1_000_000_000 + clock[1]
