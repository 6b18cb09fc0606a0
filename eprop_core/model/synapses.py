"""The synapses of one source: what a spike, a silence beyond the cutoff and a new block do to their values.

The symbols are those of ``running_sums.py``; z is the trace of the source. A synapse of an active source holds its
weight, E, D and G. A synapse of an inactive source holds, in the same columns, the plain traces and the plain gradient
gathered so far. Where the learning signal and the rate regularization have different filters, each has its own E and
sums; D and G are shared. Synapses onto readouts have no eligibility trace: the trace z takes its place, and A, U and E
are 0.

The values of a synapse lie side by side, because the next spike of its source needs all of them and nothing else.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import arithmetic_kernel, kernel
from eprop_core.compiled.prefetch import prefetch_following
from eprop_core.model.optimizers import Elapsed, bounded, change, one_step
from eprop_core.model.running_sums import PSI, Q_W, A, P, Q, U, W, X, alpha_power

INACTIVE, ACTIVE, ACTIVATING = range(3)
"""State of a source: silent beyond the cutoff or no spike yet; within the cutoff; about to become active."""

WEIGHT, GRADIENT, ELIGIBILITY = range(3)
"""First columns of ``Synapses.values``; static synapses have only the weight and, if it is adaptive, the feedback."""

NEXT_WEIGHT = GRADIENT
"""The weight that the next spike will find, where each step updates it and there is no gradient to keep."""

NO_COLUMN = -1


class Columns(NamedTuple):
    """Columns of ``Synapses.values`` that depend on the model; :data:`NO_COLUMN` where it has none."""

    n: int = WEIGHT + 1
    """Number of all columns."""
    eligibility_reg: int = NO_COLUMN
    """E of the rate regularization, where its filter differs."""
    adaptation: int = NO_COLUMN
    """D, where thresholds adapt."""
    trace: int = NO_COLUMN
    """z, where neurons have decays of their own; of an inactive source, the plain trace when it became inactive."""
    moments: int = NO_COLUMN
    """The first of the optimizer's values."""
    feedback: int = NO_COLUMN
    """Weight of the feedback along this synapse, where that adapts."""
    next_feedback: int = NO_COLUMN
    """The feedback weight after the next arrival, where each step updates it."""


class Synapses(NamedTuple):
    """Synapses of one projection on one rank, compressed by source."""

    indptr: np.ndarray
    """int64 (n_sources + 1,): the synapses of the i-th source are indptr[i] .. indptr[i + 1] - 1."""
    target: np.ndarray
    """int32 (n,), local target."""
    values: np.ndarray
    """float64 (n, ``columns.n``): weight (pA), G, E and the values that ``columns`` locates."""
    columns: Columns
    source: np.ndarray | None = None
    """int32 (n_sources,), ids of the sources, ascending; None if the i-th source is neuron i of its population."""


class Spike(NamedTuple):
    """Effects of a spike on the synapses of its source at one time index, and the factors that they need."""

    state: int
    """INACTIVE, ACTIVE or ACTIVATING."""
    arrives: bool
    """Whether the weight is added to the target's input."""
    updates: bool
    """Whether the weight is updated before that, with the gradient gathered so far."""
    enters: bool
    """Whether the spike enters the presynaptic trace, from the next step on."""
    trace: float
    """z before the spike enters."""
    jump: float
    """Growth of z when the spike enters."""
    plain_trace: float
    """z alpha^offset, which activation needs."""
    remaining: float
    """Decay of an inactive eligibility trace up to now, kappa^age, relative to the start of the block."""
    remaining_reg: float
    """The same for the rate regularization."""
    remaining_adaptation: float
    """Decay of an inactive trace of the adaptation, up to the previous time index."""
    age: int
    """Steps since the traces of an inactive source were brought up to date."""
    growth: float
    """kappa^-offset"""
    growth_reg: float
    """The same for the rate regularization."""
    elapsed: Elapsed
    """Steps that the optimizer processes."""


@kernel
def _sum(sums, j, column):
    """A sum, or 0 without sums; the compiler removes the terms that such a zero multiplies."""
    if sums is None:
        return 0.0
    return sums[j, column]


@kernel
def _adaptive_sum(adaptation, sums, j, column):
    """A sum that only adaptive neurons have, else 0."""
    if adaptation is None:
        return 0.0
    return _sum(sums, j, column)


@kernel
def value(needed, values, k, column):
    """A value that a synapse has only where ``needed`` is not None, else 0."""
    if needed is None:
        return 0.0
    return values[k, column]


@kernel
def set_value(needed, values, k, column, value):
    """Set a value that a synapse has only where ``needed`` is not None."""
    if needed is not None:
        values[k, column] = value


@kernel
def _activate_adaptation(adaptation, j, trace):
    """beta a(t-1), which lowers the eligibility, and rho a(t-1); ``trace`` is a(t-1)."""
    if adaptation is None:
        return 0.0, 0.0
    return adaptation.beta[j] * trace, adaptation.rho * trace


@kernel
def _per_own_response(adaptation, sums, j, value):
    """D of an adaptation trace: ``value`` / P."""
    if adaptation is None:
        return 0.0
    return value / sums[j, P]


@kernel
def _trace(own_decay, spike, values, k, column, j):
    """z and z alpha^offset: those of the source or, where neurons have decays of their own, of the synapse."""
    if own_decay is None:
        return spike.trace, spike.plain_trace
    z, power = values[k, column], own_decay.power[j]
    if spike.state != ACTIVATING:
        return z, z * power
    plain = z * own_decay.alpha[j] ** spike.age
    return plain / power, plain


@kernel
def _jump(own_decay, spike, j):
    """Growth of z when the spike enters."""
    if own_decay is None:
        return spike.jump
    return 1.0 / (own_decay.power[j] * own_decay.alpha[j])


@kernel
def _add_to_input(current, j, weight, fixed_point):
    """Add a weight (pA) to a target's input; in whole units of 1 / ``fixed_point`` pA unless that is None."""
    if fixed_point is None:
        current[j] += weight
    else:
        current[j] += np.int64(np.rint(weight * fixed_point))


@kernel
def shrink(values, k, weight, feedback, retained):
    """Let the weight in column ``weight`` decay, and the feedback weight too unless ``feedback`` is NO_COLUMN."""
    values[k, weight] *= retained
    if feedback != NO_COLUMN:
        values[k, feedback] *= retained


@kernel
def move_weight(values, k, weight, feedback, moments, gradient, optimizer, elapsed):
    """Let the optimizer change the weight in column ``weight``, and the feedback weight alike unless NO_COLUMN."""
    before = values[k, weight]
    moved = change(values, k, moments, gradient, optimizer, elapsed)
    values[k, weight] = bounded(before + moved, before, optimizer)
    if feedback != NO_COLUMN:
        values[k, feedback] += moved


@kernel
def update_weight(values, k, columns, gradient, optimizer, elapsed):
    """Update a weight with a gradient, and the feedback weight if that is adaptive."""
    shrink(values, k, WEIGHT, columns.feedback, optimizer.retained)
    move_weight(values, k, WEIGHT, columns.feedback, columns.moments, gradient, optimizer, elapsed)


@arithmetic_kernel
def _process(
    synapses, sums, sums_reg, adaptation, own_decay, first, last, spike, optimizer, current, fixed_point,
    arrives, updates, enters,
):  # fmt: skip
    target, values, columns = synapses.target, synapses.values, synapses.columns
    for k in range(np.uint64(first), np.uint64(last)):
        prefetch_following(values, k)
        j = np.uint64(target[k])
        u, a, q = sums[j, U], sums[j, A], sums[j, Q]
        u_reg, a_reg, q_reg = _sum(sums_reg, j, U), _sum(sums_reg, j, A), _sum(sums_reg, j, Q)
        w, q_w = _adaptive_sum(adaptation, sums, j, W), _adaptive_sum(adaptation, sums, j, Q_W)
        w_reg, q_w_reg = _adaptive_sum(adaptation, sums_reg, j, W), _adaptive_sum(adaptation, sums_reg, j, Q_W)
        x = _adaptive_sum(adaptation, sums, j, X)
        g, e = values[k, GRADIENT], values[k, ELIGIBILITY]
        e_reg = value(sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        z, plain_trace = _trace(own_decay, spike, values, k, columns.trace, j)
        if spike.state == ACTIVATING:
            lowered, remaining = _activate_adaptation(adaptation, j, d * spike.remaining_adaptation)
            eligibility = _sum(sums, j, PSI) * (plain_trace - lowered)
            d = _per_own_response(adaptation, sums, j, remaining + eligibility - z * x)
            e = e * spike.remaining + eligibility * spike.growth - (z * u + d * w)
            e_reg = e_reg * spike.remaining_reg + eligibility * spike.growth_reg - (z * u_reg + d * w_reg)
        since = (e * a + z * q + d * q_w) + (e_reg * a_reg + z * q_reg + d * q_w_reg)
        if spike.state == INACTIVE:
            since = 0.0
        if updates:
            gathered = g + since if spike.state == ACTIVE else g
            update_weight(values, k, columns, gathered, optimizer, spike.elapsed)
            g = -since
        elif spike.state == ACTIVATING:
            g -= since
        if arrives:
            _add_to_input(current, j, values[k, WEIGHT], fixed_point)
        if enters:
            jump = _jump(own_decay, spike, j)
            change_d = _per_own_response(adaptation, sums, j, -jump * x)
            change_e = -(jump * u + change_d * w)
            change_e_reg = -(jump * u_reg + change_d * w_reg)
            g -= change_e * a + jump * q + change_d * q_w
            g -= change_e_reg * a_reg + jump * q_reg + change_d * q_w_reg
            d, e, e_reg, z = d + change_d, e + change_e, e_reg + change_e_reg, z + jump
        values[k, GRADIENT] = g
        values[k, ELIGIBILITY] = e
        set_value(sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)
        set_value(own_decay, values, k, columns.trace, z)


@kernel
def process(synapses, sums, sums_reg, adaptation, own_decay, first, last, spike, optimizer, current, fixed_point):
    """Process a spike at the synapses ``first`` .. ``last - 1``, in constant time each."""
    arguments = synapses, sums, sums_reg, adaptation, own_decay, first, last, spike, optimizer, current, fixed_point
    if spike.arrives and spike.updates and spike.enters:
        # The most frequent case has a loop of its own, without these branches.
        _process(*arguments, True, True, True)
    else:
        _process(*arguments, spike.arrives, spike.updates, spike.enters)


@kernel
def _own_or_shared(own_decay, values, k, column, trace):
    """The z of the synapse, or the one that all synapses of the source share."""
    if own_decay is None:
        return trace
    return values[k, column]


@arithmetic_kernel
def bring_up_to_date(synapses, running_sums, first, last, trace, step_ends):
    """Replace G, E, D and a synapse's own z by the plain gradient and the plain traces at the present time index.

    With ``step_ends`` the gradient includes the learning signal of the present time index. This is so at the cutoff,
    but not at the end of a block.
    """
    target, values, columns = synapses.target, synapses.values, synapses.columns
    sums, sums_reg, adaptation, own_decay = (
        running_sums.sums,
        running_sums.sums_reg,
        running_sums.adaptation,
        running_sums.own_decay,
    )
    offset = running_sums.time_index[0] - running_sums.block_start[0]
    power, power_reg = running_sums.decay.kappa_power[offset], running_sums.decay_reg.kappa_power[offset]
    for k in range(np.uint64(first), np.uint64(last)):
        prefetch_following(values, k)
        j = np.uint64(target[k])
        e, e_reg = values[k, ELIGIBILITY], value(sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        z = _own_or_shared(own_decay, values, k, columns.trace, trace)
        g = (e * sums[j, A] + z * sums[j, Q]) + d * _adaptive_sum(adaptation, sums, j, Q_W)
        g += e_reg * _sum(sums_reg, j, A) + z * _sum(sums_reg, j, Q)
        g += d * _adaptive_sum(adaptation, sums_reg, j, Q_W)
        e = (e + z * sums[j, U] + d * _adaptive_sum(adaptation, sums, j, W)) * power
        e_reg += z * _sum(sums_reg, j, U) + d * _adaptive_sum(adaptation, sums_reg, j, W)
        e_reg *= power_reg
        if step_ends:
            g += running_sums.signal[j] * e + running_sums.signal_reg[j] * e_reg
        d = d * _adaptive_sum(adaptation, sums, j, P) + z * _adaptive_sum(adaptation, sums, j, X)
        values[k, GRADIENT] += g
        values[k, ELIGIBILITY] = e
        set_value(sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)
        set_value(own_decay, values, k, columns.trace, z * alpha_power(own_decay, running_sums.decay, offset, j))


@kernel
def update_all(synapses, optimizer, n_samples, n_updates):
    """Update all weights with the mean gradient of ``n_samples`` samples; ``n_updates`` updates were made before."""
    values, columns = synapses.values, synapses.columns
    elapsed = one_step(optimizer, n_updates)
    for k in range(len(values)):
        gradient = values[k, GRADIENT] / n_samples
        update_weight(values, k, columns, gradient, optimizer, elapsed)
        values[k, GRADIENT] = 0.0


@kernel
def forget(synapses, running_sums):
    """Set all traces to 0, at the start of a block."""
    values, columns = synapses.values, synapses.columns
    for k in range(len(values)):
        values[k, ELIGIBILITY] = 0.0
        set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, 0.0)
        set_value(running_sums.adaptation, values, k, columns.adaptation, 0.0)
        set_value(running_sums.own_decay, values, k, columns.trace, 0.0)


@kernel
def deliver(synapses, first, last, current, fixed_point):
    """Add the weights of the synapses ``first`` .. ``last - 1`` to the input of their targets."""
    target, values = synapses.target, synapses.values
    for k in range(np.uint64(first), np.uint64(last)):
        _add_to_input(current, np.uint64(target[k]), values[k, WEIGHT], fixed_point)
