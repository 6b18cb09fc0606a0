"""The plain walk over the steps between two spikes, where the optimizer moves with each step's gradient.

That is not linear in time, so no running sums can stand for it: the rows of a block are kept, and each synapse walks
those since its source was visited last. Its traces are always the plain ones, and there is no gradient to keep.
"""

import numpy as np

from eprop_core.compilation import kernel
from eprop_core.synapses import ELIGIBILITY, set_value, update_weight, value


@kernel
def _row_value(rows, offset, j):
    if rows is None:
        return 0.0
    return rows[offset, j]


@kernel
def _eligibility(surrogate_gradient, adaptation, offset, j, trace, d):
    """Eligibility of a row and the trace of the adaptation after it; the presynaptic trace itself for a readout."""
    if surrogate_gradient is None:
        return trace, 0.0
    if adaptation is None:
        return surrogate_gradient[offset, j] * trace, 0.0
    e = surrogate_gradient[offset, j] * (trace - adaptation.beta[j] * d)
    return e, adaptation.rho * d + e


@kernel
def _filtered(surrogate_gradient, kappa, before, eligibility):
    """The low-pass filtered eligibility; readouts do not filter."""
    if surrogate_gradient is None:
        return eligibility
    return kappa * before + eligibility


@kernel
def walk(synapses, history, first, last, trace, entered, begin, end, optimizer, first_step):
    """Walk the synapses ``first`` .. ``last - 1`` through the rows with the offsets ``begin`` .. ``end - 1``.

    ``trace`` is z, of which ``entered`` came with a spike at the first row and counts after it. The optimizer has moved
    through the steps before ``first_step``.
    """
    target, values, columns, rows = synapses.target, synapses.values, synapses.columns, history.rows
    adaptation, decay, decay_reg = history.adaptation, history.decay, history.decay_reg
    for k in range(np.uint64(first), np.uint64(last)):
        j = np.uint64(target[k])
        e = values[k, ELIGIBILITY]
        e_reg = value(history.sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        z, step = trace - entered, first_step
        for offset in range(begin, end):
            presynaptic = z / decay.alpha_growth[offset]
            eligibility, d = _eligibility(rows.surrogate_gradient, adaptation, offset, j, presynaptic, d)
            e = _filtered(rows.surrogate_gradient, decay.kappa, e, eligibility)
            e_reg = _filtered(rows.signal_reg, decay_reg.kappa, e_reg, eligibility)
            gradient = rows.signal[offset, j] * e + _row_value(rows.signal_reg, offset, j) * e_reg
            next_step = history.origin[0] + offset + 1
            update_weight(values, k, columns, gradient, optimizer, step, next_step)
            z, step = trace, next_step
        values[k, ELIGIBILITY] = e
        set_value(history.sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)


@kernel
def wake(synapses, history, first, last, remaining, remaining_reg, remaining_adaptation):
    """Let the traces of synapses that were silent beyond the cutoff decay up to the row before this one."""
    values, columns = synapses.values, synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        values[k, ELIGIBILITY] *= remaining
        e_reg = value(history.sums_reg, values, k, columns.eligibility_reg)
        set_value(history.sums_reg, values, k, columns.eligibility_reg, e_reg * remaining_reg)
        d = value(history.adaptation, values, k, columns.adaptation)
        set_value(history.adaptation, values, k, columns.adaptation, d * remaining_adaptation)
