"""The loop over steps on one rank: deliver, read out, update; and between communication intervals, collocate.

A communication interval is the smallest delay of what travels between ranks, recurrent and output spikes. Before an
interval each rank lets the spikes of its own neurons visit their output synapses, which live with their source, and so
knows its part of the readouts' input for the whole interval (:func:`collocate`). That part and the latest spikes are
exchanged; every rank then knows all that it needs to compute the interval by itself (:func:`compute`).
"""

import ctypes
from typing import NamedTuple

import numpy as np

from eprop_core.clock import seconds
from eprop_core.compilation import glue, kernel
from eprop_core.history import (
    History,
    advance,
    advance_readouts,
    keep_error,
    keep_signals,
    keep_surrogate_gradient,
    move_origin,
    move_rows,
    next_powers,
)
from eprop_core.neurons import (
    FINITE,
    Feedback,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
    learning_signals,
    rest_neurons,
    rest_readouts,
    update_readouts,
    update_recurrent,
)
from eprop_core.projection import Projection, begin_row, end_sample, move_to_new_origin, visit_row
from eprop_core.spikes import Spikes, copy_ids

UPDATE, DELIVER, PLASTICITY, COLLOCATE = range(4)
"""Entries of ``Rank.times``; PLASTICITY is the part of DELIVER that goes to plastic projections."""

SPIKES, INPUT_EVENTS, RECURRENT_EVENTS, OUTPUT_EVENTS = range(4)
"""Entries of ``Rank.counts``."""

STOPPED = -2
"""In place of the neuron whose voltage ceases to be finite, where an exchange ended the run."""

EXCHANGE = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
"""Called before an interval with its first step and the one after its last; returns whether to go on."""


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
    input_history: History
    recurrent_history: History
    """The same object as ``input_history`` where ``shared_history`` is set."""
    shared_history: bool
    output_history: History
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
    input_offset: np.ndarray
    """int64 (n_steps + 1,), first event of each step."""
    input_channels: np.ndarray
    """int32 (n_events,)"""
    target: np.ndarray
    learning_window: np.ndarray
    readout: np.ndarray
    error: np.ndarray
    spikes_per_step: np.ndarray
    """int64 (n_steps,), of this rank."""


@glue
def _learning_signals(history, samples, kappa_reg, feedback, errors, rate_errors):
    """Compute the learning signals of the present row, which are known by now.

    ``errors`` are those of the readouts, ``rate_errors`` those of the neurons, of the last steps.
    """
    row = history.row[0]
    error = errors[(row + samples.readouts_begin - samples.neurons_begin) % len(errors)]
    rate_error = rate_errors[row % len(rate_errors)]
    share = 1.0 - kappa_reg
    if samples.rate_average:
        share = 1.0 if _samples_ended(samples, row + 1, samples.neurons_begin) > 0 else 0.0
    if history.sums_reg is None:
        learning_signals(history.signal, feedback, error, share, rate_error)
    else:
        learning_signals(history.signal, feedback, error, 0.0, rate_error)
        learning_signals(history.signal_reg, feedback, error[:0], share, rate_error)
    keep_signals(history.rows, history)


@glue
def _next_row(history, learns, surrogate_gradients):
    """Move the sums to the next row."""
    row = history.row[0]
    history.row[0] = row + 1
    if learns:
        offset = row - history.origin[0]
        psi = surrogate_gradients[(row + 1) % len(surrogate_gradients)]
        next_powers(history.own_decay)
        advance(history.sums, history.adaptation, history.own_decay, history.decay, offset, psi, history.signal)
        _advance_reg(history.sums_reg, history, offset, psi)
        keep_surrogate_gradient(history.rows, offset + 1, psi)


@glue
def _advance_reg(sums_reg, history, offset, psi):
    if sums_reg is not None:
        decay, signal = history.decay_reg, history.signal_reg
        advance(sums_reg, history.adaptation, history.own_decay, decay, offset, psi, signal)


@glue
def _new_origin(history):
    """Move the origin to the present row."""
    move_rows(history.rows, history.row[0] - history.origin[0])
    move_origin(history.sums, history.adaptation, history.own_decay)
    _move_origin_reg(history.sums_reg, history)
    history.origin[0] = history.row[0]


@glue
def _move_origin_reg(sums_reg, history):
    if sums_reg is not None:
        move_origin(sums_reg, history.adaptation, history.own_decay)


@glue
def _samples_ended(samples, row, begin):
    """Number of samples that have ended before ``row`` if one ends just there, else 0."""
    if samples.length == 0 or row <= begin or (row - begin) % samples.length != 0:
        return 0
    return (row - begin) // samples.length


@glue
def _block_ends(samples, history, begin):
    """Whether the present block is full or a sample ends; samples begin in step ``begin`` for the targets."""
    row = history.row[0]
    return row - history.origin[0] >= history.decay.block or _samples_ended(samples, row, begin) > 0


@glue
def _end_sample(samples, history, begin, projection):
    """At a new origin, if a sample ends there: update weights per batch, and reset."""
    ended = _samples_ended(samples, history.row[0], begin)
    if ended > 0:
        batch_ends = samples.batch_size > 0 and ended % samples.batch_size == 0
        n_samples = samples.batch_size if batch_ends else 0
        n_updates = ended // samples.batch_size - 1 if batch_ends else 0
        end_sample(projection, history, n_samples, n_updates)


@glue
def collocate(rank, first_step, last_step):
    """Compute this rank's part of the readouts' input in the steps ``first_step`` .. ``last_step - 1``."""
    before = seconds(rank.clock)
    history, output, fixed_point = rank.output_history, rank.output, rank.readout_parameters.fixed_point
    for step in range(first_step, last_step):
        row = history.row[0]
        error = rank.readouts.error[row % len(rank.readouts.error)]
        if output.plastic:
            advance_readouts(history.sums, history.decay, row - history.origin[0], error)
            keep_error(history.rows, row - history.origin[0], error)
        history.row[0] = row + 1
        begin_row(output, rank.own_spikes, history, row + 1)
        if _block_ends(rank.samples, history, rank.samples.readouts_begin):
            move_to_new_origin(output, history)
            _new_origin(history)
            _end_sample(rank.samples, history, rank.samples.readouts_begin, output)
        current = rank.readouts.current[step - first_step]
        current[:] = 0
        rank.counts[OUTPUT_EVENTS] += visit_row(output, rank.own_spikes, history, current, fixed_point)
    rank.times[COLLOCATE] += seconds(rank.clock) - before


@glue
def _begin_row(rank, history, of_input, of_recurrent):
    """Move a history, of one projection or of both, to the row that this step is about."""
    neurons, samples, row = rank.neurons, rank.samples, history.row[0] + 1
    if rank.learns:
        kappa_reg, errors = rank.parameters.kappa_reg, rank.readouts.error
        _learning_signals(history, samples, kappa_reg, rank.feedback, errors, neurons.rate_error)
    if of_input:
        begin_row(rank.input, rank.input_spikes, history, row)
    if of_recurrent:
        begin_row(rank.recurrent, rank.spikes, history, row)
    _next_row(history, rank.learns, neurons.surrogate_gradient)
    if _block_ends(samples, history, samples.neurons_begin):
        if of_input:
            move_to_new_origin(rank.input, history)
        if of_recurrent:
            move_to_new_origin(rank.recurrent, history)
        _new_origin(history)
        if of_input:
            _end_sample(samples, history, samples.neurons_begin, rank.input)
        if of_recurrent:
            _end_sample(samples, history, samples.neurons_begin, rank.recurrent)


@glue
def _rest_before_sample(samples, neurons, readouts, step):
    """Bring to rest those for whom a sample begins."""
    if samples.reset and samples.length > 0:
        if (step - samples.neurons_begin) % samples.length == 0:
            rest_neurons(neurons, samples.rate_average)
        if (step - samples.readouts_begin) % samples.length == 0:
            rest_readouts(readouts)


@glue
def _receive_input(spikes, run, step):
    slot = step % len(spikes.length)
    first, last = run.input_offset[step - run.start], run.input_offset[step - run.start + 1]
    spikes.length[slot] = last - first
    copy_ids(spikes.ids[slot], 0, run.input_channels, first, last - first, 0)


@glue
def compute(rank, run, first_step, last_step):
    """Compute the steps of an interval whose spikes and currents are known.

    Returns the step and the local neuron where a voltage ceases to be finite, or (first_step, FINITE).
    """
    for step in range(first_step, last_step):
        start = seconds(rank.clock)
        _receive_input(rank.input_spikes, run, step)
        _begin_row(rank, rank.input_history, True, rank.shared_history)
        if not rank.shared_history:
            _begin_row(rank, rank.recurrent_history, False, True)
        middle = seconds(rank.clock)
        current, delivered = rank.neurons.current, middle
        for projection, spikes, history, kind in (
            (rank.input, rank.input_spikes, rank.input_history, INPUT_EVENTS),
            (rank.recurrent, rank.spikes, rank.recurrent_history, RECURRENT_EVENTS),
        ):
            rank.counts[kind] += visit_row(projection, spikes, history, current, None)
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

    Calling back to Python takes less time than returning and beginning anew, which hands over each array by itself.

    ``recorded``, int32, receives the neurons that spike. Returns what :func:`compute` returns, or a step and STOPPED.
    """
    n = 0
    for begin in range(first_step, last_step, rank.interval):
        end = min(begin + rank.interval, last_step)
        collocate(rank, begin, end)
        if alone:
            _publish_own(rank.spikes, rank.own_spikes, rank.published, begin)
        elif exchange(begin, end) == 0:
            return begin, STOPPED
        step, not_finite = compute(rank, run, begin, end)
        if not_finite != FINITE:
            return step, not_finite
        n = record_spikes(rank.own_spikes, begin, end, recorded, n)
    return first_step, FINITE
