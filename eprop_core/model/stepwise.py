"""Stepwise synapses, which process each step between two spikes; Adam needs them.

Where the gradient of each step updates the weight, the update is not linear in time, so running sums cannot replace it.
Where the sum of gradients since the last spike does, they could. But Adam divides a gradient by its own size, and would
amplify the rounding error that the sums leave of a gradient that should be zero. Therefore the values of the neurons in
each step of a block are kept, and each synapse goes through the steps since its source was processed last. Its traces
are always the plain ones.
"""

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.model.optimizers import elapsed_steps, one_step
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


@kernel
def _step_value(step_values, offset, j):
    if step_values is None:
        return 0.0
    return step_values[offset, j]


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
def _first_trace(own_decay, decay, values, k, column, j, z, offset):
    """Presynaptic trace at the first ``offset`` to be processed, without a spike that enters there."""
    if own_decay is None:
        return z / decay.alpha_growth[offset]
    return values[k, column] * own_decay.alpha[j]


@kernel
def _alpha(own_decay, decay, j):
    if own_decay is None:
        return decay.alpha
    return own_decay.alpha[j]


@kernel
def advance(synapses, running_sums, first, last, trace, entered, begin, end, optimizer, first_step):
    """Let the synapses ``first`` .. ``last - 1`` go through the offsets ``begin`` .. ``end - 1`` of the block.

    ``trace`` is z; a spike at ``begin`` adds ``entered`` to it from the next offset on. If the optimizer acts in each
    step, it has processed the steps before ``first_step``; else gradients are added up.
    """
    target, values, columns, step_values = synapses.target, synapses.values, synapses.columns, running_sums.step_values
    adaptation, own_decay, decay = running_sums.adaptation, running_sums.own_decay, running_sums.decay
    enters = entered != 0.0
    block_start = running_sums.block_start[0]
    first_unprocessed = first_step if optimizer.each_step else block_start + begin
    at_first = elapsed_steps(optimizer, first_unprocessed, block_start + begin + 1)
    for k in range(np.uint64(first), np.uint64(last)):
        j = np.uint64(target[k])
        total, e = values[k, GRADIENT], values[k, ELIGIBILITY]
        e_reg = value(running_sums.sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        alpha = _alpha(own_decay, decay, j)
        presynaptic = _first_trace(own_decay, decay, values, k, columns.trace, j, trace, begin)
        for offset in range(begin, end):
            eligibility, d = _eligibility(step_values.surrogate_gradient, adaptation, offset, j, presynaptic, d)
            e = _filtered(step_values.surrogate_gradient, decay.kappa, e, eligibility)
            e_reg = _filtered(step_values.signal_reg, running_sums.decay_reg.kappa, e_reg, eligibility)
            gradient = step_values.signal[offset, j] * e + _step_value(step_values.signal_reg, offset, j) * e_reg
            if optimizer.each_step:
                elapsed = at_first if offset == begin else one_step(optimizer, block_start + offset)
                move_weight(
                    values, k, NEXT_WEIGHT, columns.next_feedback, columns.moments, gradient, optimizer, elapsed
                )
            else:
                total += gradient
            if offset + 1 < end:
                presynaptic *= alpha
                if offset == begin and enters:
                    presynaptic += 1.0
        if not optimizer.each_step:
            values[k, GRADIENT] = total
        values[k, ELIGIBILITY] = e
        set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)
        if enters and end == begin + 1:
            presynaptic += 1.0 / alpha  # counts from the next offset on
        set_value(own_decay, values, k, columns.trace, presynaptic)


@kernel
def take_over(synapses, first, last, optimizer):
    """Replace the weights by those that the steps have led to; then begin the next ones with the weight decay."""
    values, columns = synapses.values, synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        values[k, WEIGHT] = values[k, NEXT_WEIGHT]
        if columns.feedback != NO_COLUMN:
            values[k, columns.feedback] = values[k, columns.next_feedback]
        shrink(values, k, NEXT_WEIGHT, columns.next_feedback, optimizer.retained)


@kernel
def update(synapses, first, last, optimizer, first_step, last_step):
    """Update the weights with the gradients added up since the last update."""
    values, columns = synapses.values, synapses.columns
    elapsed = elapsed_steps(optimizer, first_step, last_step)
    for k in range(np.uint64(first), np.uint64(last)):
        update_weight(values, k, columns, values[k, GRADIENT], optimizer, elapsed)
        values[k, GRADIENT] = 0.0


@kernel
def activate(synapses, running_sums, first, last, age, remaining, remaining_reg, remaining_adaptation):
    """Let traces that were inactive for ``age`` steps decay up to the previous time index."""
    values, columns = synapses.values, synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        values[k, ELIGIBILITY] *= remaining
        e_reg = value(running_sums.sums_reg, values, k, columns.eligibility_reg)
        set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, e_reg * remaining_reg)
        d = value(running_sums.adaptation, values, k, columns.adaptation)
        set_value(running_sums.adaptation, values, k, columns.adaptation, d * remaining_adaptation)
        z = value(running_sums.own_decay, values, k, columns.trace)
        alpha = _alpha(running_sums.own_decay, running_sums.decay, np.uint64(synapses.target[k]))
        set_value(running_sums.own_decay, values, k, columns.trace, z * alpha**age)
