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

The threshold of an adaptive neuron rises by beta with each of its spikes and returns with the decay rho. A synapse has
one trace more, a(t) = rho a(t-1) + e(t), and its eligibility is e(t) = psi(t) (z alpha^(t-b) - beta a(t-1)) (Bellec et
al. 2020, eqs. 24-25). That is linear in z and in a, though its decay rho - beta psi(t) changes from step to step, so
the neuron follows the trace of z = 1, a(b) = 0 and the one of z = 0, a(b) = 1, namely X(t) and P(t):

    x(t) = psi(t) (alpha^(t-b) - beta X(t-1))      X(t) = rho X(t-1) + x(t)       U sums x(t) kappa^(b-t)
    p(t) = - psi(t) beta P(t-1)                    P(t) = rho P(t-1) + p(t)       W sums p(t) kappa^(b-t)
    Q_W(s) = sum over b <= t < s of S(t) kappa^(t-b) W(t)

With D = (a(s) - z X(s)) / P(s) the trace at e is D P(e) + z X(e), and D W and D Q_W join z U and z Q above. P stays
above 1 / LARGEST_FACTOR within a block, since psi never exceeds the height of the surrogate gradient.

Where each neuron has a membrane time constant of its own, alpha is its own too; then z belongs to the synapse.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel

U, A, Q, PSI, W, Q_W, X, P = range(8)
"""Columns of an array of sums; PSI is the surrogate gradient of the present row; the last four only with adaptation."""

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


class Adaptation(NamedTuple):
    """How the threshold of each neuron adapts."""

    beta: np.ndarray
    """float64 (n,), mV, 0 for a neuron that does not adapt."""
    rho: float


class OwnDecay(NamedTuple):
    """Decays of the presynaptic trace where neurons differ in them; float64 (n,)."""

    alpha: np.ndarray
    power: np.ndarray
    """alpha^s at the present offset s."""


class StepValues(NamedTuple):
    """What the neurons did in the rows of a block, by offset from its origin; instead of sums where synapses walk."""

    surrogate_gradient: np.ndarray | None
    """float64 (block + 2, n); None for readouts, which have no eligibility."""
    signal: np.ndarray
    """float64 (block + 2, n), learning signal; the error of a readout."""
    signal_reg: np.ndarray | None
    """The same for the rate regularization, where its filter differs."""


class RunningSums(NamedTuple):
    """Running sums of the targets of plastic projections, at the present row."""

    sums: np.ndarray
    """float64 (n, 4 or, with adaptation, 8): the columns above, of each neuron."""
    sums_reg: np.ndarray | None
    """The same for the filter of the rate regularization; None where one filter serves both."""
    adaptation: Adaptation | None
    """None where no threshold adapts."""
    own_decay: OwnDecay | None
    """None where all neurons share the alpha of ``decay``."""
    decay: Decay
    decay_reg: Decay
    time_index: np.ndarray
    """int64 (1,), the present row."""
    block_start: np.ndarray
    """int64 (1,), the origin of the present block."""
    lag: int
    """Steps by which the row lags behind the step that is being computed."""
    signal: np.ndarray
    """float64 (n,), learning signal of the latest row for which it is known."""
    signal_reg: np.ndarray
    """The same for the rate regularization; the same array where one filter serves both."""
    step_values: StepValues | None
    """None where running sums do."""

    @classmethod
    def before_start(
        cls,
        n: int,
        alpha: float | np.ndarray,
        kappa: float,
        kappa_reg: float,
        lag: int,
        adaptation: Adaptation | None = None,
        largest_surrogate_gradient: float = 0.0,
        is_stepwise: bool = False,
        onto_readouts: bool = False,
        smallest_decay: float = 1.0,
    ) -> "RunningSums":
        """Sums of ``n`` neurons; the first :func:`advance` moves them to the row that step 0 needs.

        ``alpha`` is one number or, where neurons differ, float64 (n,); ``is_stepwise`` keeps the values of each step
        instead of sums. Blocks must be the same on all ranks, so ``smallest_decay`` is that of any neuron of the whole
        network.
        """
        own_decay = None
        if isinstance(alpha, np.ndarray):
            own_decay = OwnDecay(alpha, np.ones(n))
            alpha = float(alpha.min(initial=1.0))
        decays = [alpha, kappa, kappa_reg, smallest_decay]
        if adaptation is not None:
            decays.append(adaptation.rho - adaptation.beta.max(initial=0.0) * largest_surrogate_gradient)
        block = block_length(*decays)
        start = np.array([-lag - 1])
        sums = _new_sums(0 if is_stepwise else n, adaptation)
        sums_reg = None if kappa == kappa_reg else sums.copy()
        tables = _decay(alpha, kappa, block), _decay(alpha, kappa_reg, block)
        signal = np.zeros(n)
        signal_reg = signal if sums_reg is None else np.zeros(n)
        step_values = None
        if is_stepwise:
            of_block = block + 2, n
            step_values = StepValues(
                surrogate_gradient=None if onto_readouts else np.zeros(of_block),
                signal=np.zeros(of_block),
                signal_reg=None if sums_reg is None else np.zeros(of_block),
            )
        return cls(
            sums, sums_reg, adaptation, own_decay, *tables, start, start.copy(), lag, signal, signal_reg, step_values
        )


def _new_sums(n: int, adaptation: Adaptation | None) -> np.ndarray:
    if adaptation is None:
        return np.zeros((n, PSI + 1))
    sums = np.zeros((n, P + 1))
    sums[:, P] = 1.0
    return sums


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
def advance(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal):
    """Move the sums from row ``offset`` to the next: add the signal of this row and the surrogate gradient of the next.

    ``surrogate_gradient`` and ``signal`` are float64 (n,); rows count from the origin. Powers of decays of their own
    stand at the next row already.
    """
    signal_factor = decay.kappa_power[offset]
    for j in range(len(sums)):
        weighted = signal[j] * signal_factor
        sums[j, A] += weighted
        sums[j, Q] += weighted * sums[j, U]
        sums[j, PSI] = surrogate_gradient[j]
        if adaptation is None:
            sums[j, U] += surrogate_gradient[j] * _ratio_power(own_decay, decay, offset + 1, j)
    if adaptation is not None:
        _advance_adaptive(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal)


@kernel
def _ratio_power(own_decay, decay, offset, j):
    """(alpha/kappa)^offset"""
    if own_decay is None:
        return decay.ratio_power[offset]
    return own_decay.power[j] * decay.kappa_growth[offset]


@kernel
def alpha_power(own_decay, decay, offset, j):
    """alpha^offset, with the neuron's own alpha if it has one and ``offset`` is the present one."""
    if own_decay is None:
        return 1.0 / decay.alpha_growth[offset]
    return own_decay.power[j]


@kernel
def next_powers(own_decay):
    """Move the powers of the neurons' own decays to the next row."""
    if own_decay is not None:
        for j in range(len(own_decay.power)):
            own_decay.power[j] *= own_decay.alpha[j]


@kernel
def _advance_adaptive(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal):
    signal_factor, growth = decay.kappa_power[offset], decay.kappa_growth[offset + 1]
    for j in range(len(sums)):
        trace = alpha_power(own_decay, decay, offset + 1, j)
        sums[j, Q_W] += signal[j] * signal_factor * sums[j, W]
        x = surrogate_gradient[j] * (trace - adaptation.beta[j] * sums[j, X])
        p = -surrogate_gradient[j] * adaptation.beta[j] * sums[j, P]
        sums[j, X] = adaptation.rho * sums[j, X] + x
        sums[j, P] = adaptation.rho * sums[j, P] + p
        sums[j, U] += x * growth
        sums[j, W] += p * growth


@kernel
def advance_readouts(sums, decay, offset, error):
    """Move the readouts' sums to the next row: Q gathers error(t) alpha^(t-b), and there is no U or A."""
    for k in range(len(sums)):
        sums[k, Q] += error[k] * decay.kappa_power[offset]


@kernel
def _copy_values(step_values, offset, values):
    if step_values is not None:
        for j in range(len(values)):
            step_values[offset, j] = values[j]


@kernel
def keep_signals(step_values, running_sums):
    """Keep the learning signals of the present row for those who walk, if there are any."""
    if step_values is not None:
        offset = running_sums.time_index[0] - running_sums.block_start[0]
        _copy_values(step_values.signal, offset, running_sums.signal)
        _copy_values(step_values.signal_reg, offset, running_sums.signal_reg)


@kernel
def keep_error(step_values, offset, error):
    """Keep a row's error of the readouts for those who walk, if there are any."""
    if step_values is not None:
        _copy_values(step_values.signal, offset, error)


@kernel
def keep_surrogate_gradient(step_values, offset, surrogate_gradient):
    """Keep a row's surrogate gradient for those who walk, if there are any."""
    if step_values is not None:
        _copy_values(step_values.surrogate_gradient, offset, surrogate_gradient)


@kernel
def move_step_values(step_values, offset):
    """Make the row ``offset`` after the origin the first one; its learning signal is not known yet."""
    if step_values is not None:
        _move_first(step_values.surrogate_gradient, offset)


@kernel
def _move_first(step_values, offset):
    if step_values is not None:
        _copy_values(step_values, 0, step_values[offset])


@kernel
def reset_sums(sums, adaptation, own_decay):
    """Make the present row the new origin."""
    if own_decay is not None:
        for j in range(len(own_decay.power)):
            own_decay.power[j] = 1.0
    for j in range(len(sums)):
        sums[j, U] = 0.0
        sums[j, A] = 0.0
        sums[j, Q] = 0.0
    if adaptation is not None:
        for j in range(len(sums)):
            sums[j, W] = 0.0
            sums[j, Q_W] = 0.0
            sums[j, X] = 0.0
            sums[j, P] = 1.0
