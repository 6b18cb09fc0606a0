"""Stepwise synapses, which process each step between two spikes; Adam needs them where spikes update weights.

Where the gradient of each step updates the weight, the update is not linear in the gradients, so running sums cannot
replace it. Where the sum of the gradients since the last update does, they could. But Adam divides a gradient by its
own size, and would amplify the rounding error that the sums leave of a gradient that should be zero. Therefore the
values of the neurons in each step of a block are kept, and each synapse goes through the steps since its source was
processed last. Its traces are always the plain ones.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel, loop_kernel
from eprop_core.model.optimizers import elapsed_steps, one_step
from eprop_core.model.synapse_records import targets_in, values_in
from eprop_core.model.synapses import (
    ELIGIBILITY,
    GRADIENT,
    NEXT_WEIGHT,
    NO_COLUMN,
    WEIGHT,
    move_weight,
    set_value,
    shrink,
    update_weight,
    value,
)


class _Traces(NamedTuple):
    """A synapse while it goes through steps."""

    j: np.uint64
    """Its target."""
    alpha: float
    presynaptic: float
    """Plain traces."""
    eligibility: float
    eligibility_reg: float
    adaptation: float


@kernel
def _alpha(own_decay, decay, j):
    if own_decay is None:
        return decay.alpha
    return own_decay.alpha[j]


@kernel
def _kappa(decay):
    """kappa, or 0 without a decay."""
    if decay is None:
        return 0.0
    return decay.kappa


@kernel
def _first_trace(own_decay, decay, values, k, column, j, z, offset):
    """Presynaptic trace at the first ``offset`` to be processed, without a spike that enters there."""
    if own_decay is None:
        return z / decay.steps[offset]["alpha_growth"]
    return values[k, column] * own_decay.alpha[j]


@kernel
def _traces_before(synapses, running_sums, k, z, offset):
    """Traces of synapse ``k`` before its first ``offset``."""
    values, columns, own_decay = values_in(synapses.records), synapses.columns, running_sums.own_decay
    j = np.uint64(targets_in(synapses.records)[k])
    return _Traces(
        j,
        _alpha(own_decay, running_sums.decay, j),
        _first_trace(own_decay, running_sums.decay, values, k, columns.trace, j, z, offset),
        values[k, ELIGIBILITY],
        value(running_sums.sums_reg, values, k, columns.eligibility_reg),
        value(running_sums.adaptation, values, k, columns.adaptation),
    )


@kernel
def _eligibility(surrogate_gradient, adaptation, offset, j, trace, d):
    """Eligibility at ``offset`` and the trace of the adaptation after it; for a readout the presynaptic trace and 0."""
    if surrogate_gradient is None:
        return trace, 0.0
    if adaptation is None:
        return surrogate_gradient[offset, j] * trace, 0.0
    e = surrogate_gradient[offset, j] * (trace - adaptation.beta[j] * d)
    return e, adaptation.rho * d + e


@kernel
def _filtered(surrogate_gradient, kappa, before, eligibility):
    """The low-pass filtered eligibility; readouts have no filter."""
    if surrogate_gradient is None:
        return eligibility
    return kappa * before + eligibility


@kernel
def _traces_at(running_sums, traces, offset):
    """Traces after ``offset``; the presynaptic one is still that of ``offset``."""
    step_values = running_sums.step_values
    surrogate_gradient = step_values.surrogate_gradient
    e, d = _eligibility(
        surrogate_gradient, running_sums.adaptation, offset, traces.j, traces.presynaptic, traces.adaptation
    )
    return _Traces(
        traces.j,
        traces.alpha,
        traces.presynaptic,
        _filtered(surrogate_gradient, running_sums.decay.kappa, traces.eligibility, e),
        _filtered(step_values.signal_reg, _kappa(running_sums.decay_reg), traces.eligibility_reg, e),
        d,
    )


@kernel
def _step_value(step_values, offset, j):
    if step_values is None:
        return 0.0
    return step_values[offset, j]


@kernel
def _gradient(step_values, traces, offset):
    """Gradient of ``offset``."""
    signal = step_values.signal[offset, traces.j]
    signal_reg = _step_value(step_values.signal_reg, offset, traces.j)
    return signal * traces.eligibility + signal_reg * traces.eligibility_reg


@kernel
def _moved_on(traces, entering):
    """Traces with the presynaptic trace of the next offset, from which on ``entering`` spikes count, 0 or 1."""
    presynaptic = traces.presynaptic * traces.alpha + entering
    return _Traces(traces.j, traces.alpha, presynaptic, traces.eligibility, traces.eligibility_reg, traces.adaptation)


@kernel
def _keep(synapses, running_sums, k, traces, entering):
    """Keep the traces of synapse ``k``, with ``entering`` spikes, 0 or 1, that count from the next offset on."""
    values, columns = values_in(synapses.records), synapses.columns
    values[k, ELIGIBILITY] = traces.eligibility
    set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, traces.eligibility_reg)
    set_value(running_sums.adaptation, values, k, columns.adaptation, traces.adaptation)
    presynaptic = traces.presynaptic + entering / traces.alpha
    set_value(running_sums.own_decay, values, k, columns.trace, presynaptic)


@loop_kernel
def advance_weights(synapses, running_sums, first, last, trace, entered, begin, end, optimizer, first_step):
    """Let the synapses ``first`` .. ``last - 1`` go through the offsets ``begin`` .. ``end - 1`` of the block.

    The gradient of each step moves the weights; the optimizer has processed the steps before ``first_step``. ``trace``
    is z; a spike at ``begin`` adds ``entered`` to it from the next offset on.
    """
    entering = 1.0 if entered != 0.0 else 0.0
    values, columns, block_start = values_in(synapses.records), synapses.columns, running_sums.block_start[0]
    at_first = elapsed_steps(optimizer, first_step, block_start + begin + 1)
    for k in range(np.uint64(first), np.uint64(last)):
        traces = _traces_before(synapses, running_sums, k, trace, begin)
        for offset in range(begin, end):
            if offset > begin:
                traces = _moved_on(traces, entering if offset == begin + 1 else 0.0)
            traces = _traces_at(running_sums, traces, offset)
            gradient = _gradient(running_sums.step_values, traces, offset)
            elapsed = at_first if offset == begin else one_step(optimizer, block_start + offset)
            move_weight(values, k, NEXT_WEIGHT, columns.next_feedback, columns.moments, gradient, optimizer, elapsed)
        _keep(synapses, running_sums, k, traces, entering if end == begin + 1 else 0.0)


@loop_kernel
def advance_gradients(synapses, running_sums, first, last, trace, entered, begin, end):
    """Let synapses go through the offsets of a block, see :func:`advance_weights`, and add up their gradients.

    Each step of a synapse waits for the one before. Four synapses at a time fill this time; where fewer are left, the
    last one is computed several times, with the same result.
    """
    entering = 1.0 if entered != 0.0 else 0.0
    values, step_values = values_in(synapses.records), running_sums.step_values
    final = np.uint64(last) - np.uint64(1)
    for k0 in range(np.uint64(first), np.uint64(last), np.uint64(4)):
        k1, k2, k3 = (min(k0 + np.uint64(1), final), min(k0 + np.uint64(2), final), min(k0 + np.uint64(3), final))
        traces_0 = _traces_before(synapses, running_sums, k0, trace, begin)
        traces_1 = _traces_before(synapses, running_sums, k1, trace, begin)
        traces_2 = _traces_before(synapses, running_sums, k2, trace, begin)
        traces_3 = _traces_before(synapses, running_sums, k3, trace, begin)
        g0, g1, g2, g3 = values[k0, GRADIENT], values[k1, GRADIENT], values[k2, GRADIENT], values[k3, GRADIENT]
        for offset in range(begin, end):
            if offset > begin:
                entered_now = entering if offset == begin + 1 else 0.0
                traces_0, traces_1 = _moved_on(traces_0, entered_now), _moved_on(traces_1, entered_now)
                traces_2, traces_3 = _moved_on(traces_2, entered_now), _moved_on(traces_3, entered_now)
            traces_0 = _traces_at(running_sums, traces_0, offset)
            traces_1 = _traces_at(running_sums, traces_1, offset)
            traces_2 = _traces_at(running_sums, traces_2, offset)
            traces_3 = _traces_at(running_sums, traces_3, offset)
            g0 += _gradient(step_values, traces_0, offset)
            g1 += _gradient(step_values, traces_1, offset)
            g2 += _gradient(step_values, traces_2, offset)
            g3 += _gradient(step_values, traces_3, offset)
        values[k0, GRADIENT], values[k1, GRADIENT], values[k2, GRADIENT], values[k3, GRADIENT] = g0, g1, g2, g3
        at_end = entering if end == begin + 1 else 0.0
        _keep(synapses, running_sums, k0, traces_0, at_end)
        _keep(synapses, running_sums, k1, traces_1, at_end)
        _keep(synapses, running_sums, k2, traces_2, at_end)
        _keep(synapses, running_sums, k3, traces_3, at_end)


@kernel
def take_next_weights(synapses, first, last, optimizer):
    """Replace the weights by those that the steps have led to; then begin the next ones with the weight decay."""
    values, columns = values_in(synapses.records), synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        values[k, WEIGHT] = values[k, NEXT_WEIGHT]
        if columns.feedback != NO_COLUMN:
            values[k, columns.feedback] = values[k, columns.next_feedback]
        shrink(values, k, NEXT_WEIGHT, columns.next_feedback, optimizer.retained)


@kernel
def update(synapses, first, last, optimizer, first_step, last_step):
    """Update the weights with the gradients added up since the last update."""
    values, columns = values_in(synapses.records), synapses.columns
    elapsed = elapsed_steps(optimizer, first_step, last_step)
    for k in range(np.uint64(first), np.uint64(last)):
        update_weight(values, k, columns, values[k, GRADIENT], optimizer, elapsed)
        values[k, GRADIENT] = 0.0


@kernel
def activate(synapses, running_sums, first, last, age, remaining, remaining_reg, remaining_adaptation):
    """Let traces that were inactive for ``age`` steps decay up to the previous time index."""
    values, columns = values_in(synapses.records), synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        values[k, ELIGIBILITY] *= remaining
        e_reg = value(running_sums.sums_reg, values, k, columns.eligibility_reg)
        set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, e_reg * remaining_reg)
        d = value(running_sums.adaptation, values, k, columns.adaptation)
        set_value(running_sums.adaptation, values, k, columns.adaptation, d * remaining_adaptation)
        z = value(running_sums.own_decay, values, k, columns.trace)
        alpha = _alpha(running_sums.own_decay, running_sums.decay, np.uint64(targets_in(synapses.records)[k]))
        set_value(running_sums.own_decay, values, k, columns.trace, z * alpha**age)
