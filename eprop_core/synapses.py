"""What happens to the synapses of one source: a spike visits them; a silence or a new origin settles them.

The symbols are those of :mod:`eprop_core.history`: ``trace`` is z, ``eligibility`` holds E, ``gradient`` holds G while
the synapse is running, and the plain gradient gathered so far while it is paused. Where the filters of the learning
signal and of the rate regularization differ, each has its own E and sums; G is shared. Synapses onto readouts have no
eligibility trace of their own: their E is absent, and their trace z itself takes its place (A = U = 0).

Absent arrays are None; reading one gives 0, and the compiler removes what follows from it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from eprop_core.history import U_BEFORE, A, Q, U
from eprop_core.optimizers import gradient_descent

PAUSED, RUNNING, WAKING = range(3)
"""State of a source: silent beyond the cutoff (or ever since); within the cutoff; about to run again."""


class Synapses(NamedTuple):
    """Synapses of one projection on one rank, compressed by source."""

    offset: np.ndarray
    """int64 (n_sources + 1,): the synapses of source i are offset[i] .. offset[i + 1] - 1."""
    target: np.ndarray
    """int32 (n,), local target."""
    weight: np.ndarray
    """float64 (n,), pA."""
    eligibility: np.ndarray | None
    """float64 (n,), E; None for synapses onto readouts."""
    eligibility_reg: np.ndarray | None
    """float64 (n,), E of the rate regularization; None where its filter is the same."""
    gradient: np.ndarray | None
    """float64 (n,), G; None for static synapses."""


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
    """The weight is updated with the gradient gathered so far."""
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


@njit(cache=True)
def _read(array, k):
    if array is None:
        return 0.0
    return array[k]


@njit(cache=True)
def _write(array, k, value):
    if array is not None:
        array[k] = value


@njit(cache=True)
def _read_sum(sums, j, column):
    if sums is None:
        return 0.0
    return sums[j, column]


@njit(cache=True)
def visit(synapses, sums, sums_reg, first, last, event, optimizer):
    """Let a spike visit the synapses ``first`` .. ``last - 1``, in constant time each."""
    z, jump = event.trace, event.jump
    for k in range(first, last):
        j = synapses.target[k]
        u, a, q = sums[j, U], sums[j, A], sums[j, Q]
        u_reg, a_reg, q_reg = _read_sum(sums_reg, j, U), _read_sum(sums_reg, j, A), _read_sum(sums_reg, j, Q)
        e, e_reg = _read(synapses.eligibility, k), _read(synapses.eligibility_reg, k)
        g = synapses.gradient[k]
        if event.state == WAKING:
            e = e * event.revive - z * sums[j, U_BEFORE]
            e_reg = e_reg * event.revive_reg - z * _read_sum(sums_reg, j, U_BEFORE)
        since = (e * a + z * q) + (e_reg * a_reg + z * q_reg)
        if event.state == PAUSED:
            since = 0.0
        if event.arrives:
            gathered = g + since if event.state == RUNNING else g
            synapses.weight[k] = gradient_descent(
                synapses.weight[k], gathered, optimizer.learning_rate, optimizer.weight_min, optimizer.weight_max
            )
            g = -since
        elif event.state == WAKING:
            g -= since
        if event.enters:
            e -= jump * u
            e_reg -= jump * u_reg
            g += jump * (u * a - q) + jump * (u_reg * a_reg - q_reg)
        _write(synapses.eligibility, k, e)
        _write(synapses.eligibility_reg, k, e_reg)
        synapses.gradient[k] = g


@njit(cache=True)
def settle(synapses, sums, sums_reg, first, last, trace, column, power, power_reg):
    """Put the gradient gathered up to this row into G, and the plain eligibility trace into E.

    ``column`` is U for the eligibility trace at this row, U_BEFORE for the one at the row before; ``power`` is kappa to
    the number of steps from the origin to that row. Used at the cutoff, and before the sums get a new origin.
    """
    for k in range(first, last):
        j = synapses.target[k]
        e, e_reg = _read(synapses.eligibility, k), _read(synapses.eligibility_reg, k)
        synapses.gradient[k] += (e * sums[j, A] + trace * sums[j, Q]) + (
            e_reg * _read_sum(sums_reg, j, A) + trace * _read_sum(sums_reg, j, Q)
        )
        _write(synapses.eligibility, k, (e + trace * sums[j, column]) * power)
        _write(synapses.eligibility_reg, k, (e_reg + trace * _read_sum(sums_reg, j, column)) * power_reg)


@njit(cache=True)
def deliver(synapses, first, last, current, fixed_point):
    """Add the weights to the targets' input; in fixed point where ``fixed_point`` is the scale and not None."""
    for k in range(first, last):
        if fixed_point is None:
            current[synapses.target[k]] += synapses.weight[k]
        else:
            current[synapses.target[k]] += np.int64(np.rint(synapses.weight[k] * fixed_point))
