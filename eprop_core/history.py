"""Running sums per postsynaptic neuron: all that a synapse needs to know of the time between two of its spikes.

Let psi(t) be a neuron's surrogate gradient, S(t) its learning signal, alpha and kappa the decays of the presynaptic and
the eligibility trace, and b the origin of the present block of steps. At row s the neuron keeps

    U(s) = sum over b <  t <= s of psi(t) (alpha/kappa)^(t-b)
    A(s) = sum over b <= t <  s of S(t) kappa^(t-b)
    Q(s) = sum over b <= t <  s of S(t) kappa^(t-b) U(t)

so that U includes the surrogate gradient of step s, while A and Q do not yet include its learning signal: this is what
is known when a spike emitted in step s arrives in step s + 1. Between rows s and e without a presynaptic arrival the
trace z alpha^(t-b) is free, and with E = c - z U(s), where c kappa^(s-b) is the eligibility trace at s,

    eligibility trace at e:        kappa^(e-b) (E + z U(e))
    gradient gathered in [s, e):   E (A(e) - A(s)) + z (Q(e) - Q(s))

A synapse therefore stores E and the constant G = -(E A(s) + z Q(s)), and no history beyond the present row is needed.
The factors grow with t - b; a block ends before any of them exceeds :data:`LARGEST_FACTOR`, and everything is moved to
a new origin.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compilation import kernel

U, A, Q, U_BEFORE = range(4)
"""Columns of an array of sums; U_BEFORE is U of the row before."""

LARGEST_FACTOR = 100.0
"""Bound of every factor within a block.

A synapse takes differences of sums that have grown by such factors, so they lose this many units of rounding: 1e-14 of
what they measure. Longer blocks would save little: moving the origin costs a few percent of the time.
"""

_SMALLEST_DECAY = 1e-100


class Decay(NamedTuple):
    """Powers of the two decays for offsets 0 .. block + 1 from a block's origin."""

    alpha: float
    kappa: float
    block: int
    alpha_growth: np.ndarray
    """alpha^-s"""
    kappa_growth: np.ndarray
    """kappa^-s"""
    kappa_power: np.ndarray
    """kappa^s"""
    ratio_power: np.ndarray
    """(alpha/kappa)^s"""


class History(NamedTuple):
    """Running sums of the targets of plastic projections, at the present row."""

    sums: np.ndarray
    """float64 (n, 4): U, A, Q, U_BEFORE of each neuron."""
    sums_reg: np.ndarray | None
    """The same for the filter of the rate regularization; None where one filter serves both."""
    decay: Decay
    decay_reg: Decay
    row: np.ndarray
    """int64 (1,), the present row."""
    origin: np.ndarray
    """int64 (1,), the origin of the present block."""
    horizon: int
    """Steps by which the row lags behind the step that is being computed."""

    @classmethod
    def before_start(cls, n: int, alpha: float, kappa: float, kappa_reg: float, horizon: int) -> "History":
        """Sums of ``n`` neurons; the first :func:`advance` moves them to the row that step 0 needs."""
        block = block_length(alpha, kappa, kappa_reg)
        start = np.array([-horizon - 1])
        sums_reg = None if kappa == kappa_reg else np.zeros((n, 4))
        decays = _decay(alpha, kappa, block), _decay(alpha, kappa_reg, block)
        return cls(np.zeros((n, 4)), sums_reg, *decays, start, start.copy(), horizon)


def block_length(*decays: float) -> int:
    """Steps until a factor of one of the decays reaches :data:`LARGEST_FACTOR`, at least 1 and at most 1000."""
    rate = max(-math.log(max(decay, _SMALLEST_DECAY)) for decay in decays)
    return int(min(1000.0, max(1.0, math.log(LARGEST_FACTOR) / rate)))


def _decay(alpha: float, kappa: float, block: int) -> Decay:
    """Tables for the decays ``alpha`` and ``kappa`` per step.

    A decay of zero is replaced by 1e-100. Its blocks have one step, and what the tiny decay lets through is far below
    the rounding error of what it is added to.
    """
    alpha, kappa = max(alpha, _SMALLEST_DECAY), max(kappa, _SMALLEST_DECAY)
    steps = np.arange(block + 2)
    return Decay(alpha, kappa, block, alpha**-steps, kappa**-steps, kappa**steps, (alpha / kappa) ** steps)


@kernel
def advance(sums, decay, offset, surrogate_gradient, signal):
    """Move the sums from row ``offset`` to the next: add the signal of this row and the surrogate gradient of the next.

    ``surrogate_gradient`` and ``signal`` are float64 (n,); rows count from the origin.
    """
    signal_factor = decay.kappa_power[offset]
    surrogate_factor = decay.ratio_power[offset + 1]
    for j in range(len(sums)):
        weighted = signal[j] * signal_factor
        before = sums[j, U]
        sums[j, A] += weighted
        sums[j, Q] += weighted * before
        sums[j, U_BEFORE] = before
        sums[j, U] = before + surrogate_gradient[j] * surrogate_factor


@kernel
def advance_readouts(sums, decay, offset, error):
    """Move the readouts' sums to the next row: Q gathers error(t) alpha^(t-b), and there is no U or A."""
    for k in range(len(sums)):
        sums[k, Q] += error[k] * decay.kappa_power[offset]


@kernel
def move_origin(sums, decay, offset):
    """Make the present row, ``offset`` steps after the old origin, the new origin."""
    for j in range(len(sums)):
        sums[j, U_BEFORE] = (sums[j, U_BEFORE] - sums[j, U]) / decay.ratio_power[offset]
        sums[j, U] = 0.0
        sums[j, A] = 0.0
        sums[j, Q] = 0.0
