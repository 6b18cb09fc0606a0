"""What happens to the synapses of one source: a spike visits them; a silence or a new origin settles them.

The symbols are those of :mod:`eprop_core.history`: z is the source's trace; a synapse holds its weight, E and G while
it is running, and the plain eligibility trace and the plain gradient gathered so far while it is paused. Where the
filters of the learning signal and of the rate regularization differ, each has its own E and sums; G is shared.
Synapses onto readouts have no eligibility trace of their own; the trace z takes its place, and A, U and E are 0.

The values of a synapse lie side by side, because its source's next spike needs all of them and nothing else.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compilation import kernel
from eprop_core.history import U_BEFORE, A, Q, U
from eprop_core.optimizers import gradient_descent

PAUSED, RUNNING, WAKING = range(3)
"""State of a source: silent beyond the cutoff (or ever since); within the cutoff; about to run again."""

WEIGHT, GRADIENT, ELIGIBILITY, ELIGIBILITY_REG = range(4)
"""Columns of ``Synapses.values``; static synapses have the first alone."""


class Synapses(NamedTuple):
    """Synapses of one projection on one rank, compressed by source."""

    offset: np.ndarray
    """int64 (n_sources + 1,): the synapses of source i are offset[i] .. offset[i + 1] - 1."""
    target: np.ndarray
    """int32 (n,), local target."""
    values: np.ndarray
    """float64 (n, 1, 3 or 4): weight (pA), G, E, and E of the rate regularization where its filter differs."""


class Optimizer(NamedTuple):
    """Numbers of the weight update."""

    learning_rate: float
    weight_min: float
    weight_max: float


class Visit(NamedTuple):
    """What one spike means for the synapses of its source at one row."""

    state: int
    """PAUSED, RUNNING or WAKING (paused, and running from this row on)."""
    arrives: bool
    """The weight is updated with the gradient gathered so far, and added to the target's input."""
    enters: bool
    """The spike enters the presynaptic trace with the next step."""
    trace: float
    """z before the spike enters."""
    jump: float
    """Growth of z when the spike enters."""
    revive: float
    """Factor of a paused eligibility trace, kappa^(its age) in units of the block."""
    revive_reg: float
    """The same for the rate regularization."""


@kernel
def _sum(sums, j, column):
    """A sum, or 0 where there are none; the compiler removes what follows from such a zero."""
    if sums is None:
        return 0.0
    return sums[j, column]


@kernel
def _eligibility_reg(sums_reg, values, k):
    if sums_reg is None:
        return 0.0
    return values[k, ELIGIBILITY_REG]


@kernel
def _set_eligibility_reg(sums_reg, values, k, value):
    if sums_reg is not None:
        values[k, ELIGIBILITY_REG] = value


@kernel
def _add_to_input(current, j, weight, fixed_point):
    """Add a weight to a target's input; as a multiple of 1 / ``fixed_point`` unless that is None."""
    if fixed_point is None:
        current[j] += weight
    else:
        current[j] += np.int64(np.rint(weight * fixed_point))


@kernel
def visit(synapses, sums, sums_reg, first, last, event, optimizer, current, fixed_point):
    """Let a spike visit the synapses ``first`` .. ``last - 1``, in constant time each."""
    target, values = synapses.target, synapses.values
    z, jump = event.trace, event.jump
    for k in range(np.uint64(first), np.uint64(last)):
        j = np.uint64(target[k])
        u, a, q = sums[j, U], sums[j, A], sums[j, Q]
        u_reg, a_reg, q_reg = _sum(sums_reg, j, U), _sum(sums_reg, j, A), _sum(sums_reg, j, Q)
        g, e, e_reg = values[k, GRADIENT], values[k, ELIGIBILITY], _eligibility_reg(sums_reg, values, k)
        if event.state == WAKING:
            e = e * event.revive - z * sums[j, U_BEFORE]
            e_reg = e_reg * event.revive_reg - z * _sum(sums_reg, j, U_BEFORE)
        since = (e * a + z * q) + (e_reg * a_reg + z * q_reg)
        if event.state == PAUSED:
            since = 0.0
        if event.arrives:
            gathered = g + since if event.state == RUNNING else g
            weight = gradient_descent(
                values[k, WEIGHT], gathered, optimizer.learning_rate, optimizer.weight_min, optimizer.weight_max
            )
            values[k, WEIGHT] = weight
            _add_to_input(current, j, weight, fixed_point)
            g = -since
        elif event.state == WAKING:
            g -= since
        if event.enters:
            e -= jump * u
            e_reg -= jump * u_reg
            g += jump * (u * a - q) + jump * (u_reg * a_reg - q_reg)
        values[k, GRADIENT] = g
        values[k, ELIGIBILITY] = e
        _set_eligibility_reg(sums_reg, values, k, e_reg)


@kernel
def settle(synapses, sums, sums_reg, first, last, trace, column, power, power_reg):
    """Put the gradient gathered up to this row into G, and the plain eligibility trace into E.

    ``column`` is U for the eligibility trace at this row, U_BEFORE for the one at the row before; ``power`` is kappa to
    the number of steps from the origin to that row. Used at the cutoff, and before the sums get a new origin.
    """
    target, values = synapses.target, synapses.values
    for k in range(np.uint64(first), np.uint64(last)):
        j = np.uint64(target[k])
        e, e_reg = values[k, ELIGIBILITY], _eligibility_reg(sums_reg, values, k)
        values[k, GRADIENT] += (e * sums[j, A] + trace * sums[j, Q]) + (
            e_reg * _sum(sums_reg, j, A) + trace * _sum(sums_reg, j, Q)
        )
        values[k, ELIGIBILITY] = (e + trace * sums[j, column]) * power
        _set_eligibility_reg(sums_reg, values, k, (e_reg + trace * _sum(sums_reg, j, column)) * power_reg)


@kernel
def deliver(synapses, first, last, current, fixed_point):
    """Add static weights to the targets' input."""
    target, values = synapses.target, synapses.values
    for k in range(np.uint64(first), np.uint64(last)):
        _add_to_input(current, np.uint64(target[k]), values[k, WEIGHT], fixed_point)
