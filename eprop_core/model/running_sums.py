"""Running sums per postsynaptic neuron: all that a synapse needs to know about the time between two of its spikes.

Let psi(t) be a neuron's surrogate gradient, L(t) its learning signal, alpha and kappa the decays of the presynaptic and
the eligibility trace, and b the first time index of the present block of steps. At time index s the neuron keeps

    U(s) = sum over b <  t <= s of psi(t) (alpha/kappa)^(t-b)
    A(s) = sum over b <= t <  s of L(t) kappa^(t-b)
    Q(s) = sum over b <= t <  s of L(t) kappa^(t-b) U(t)

U includes the surrogate gradient of step s, while A and Q do not yet include its learning signal: with delays of one
step, this is what is known when a spike that was emitted in step s arrives in step s + 1. As long as no spike of the
source enters, from time index s to r, the trace z alpha^(t-b) decays freely. With E = c - z U(s), where c kappa^(s-b)
is the filtered eligibility at s,

    filtered eligibility at r:     kappa^(r-b) (E + z U(r))
    gradient gathered in [s, r):   E (A(r) - A(s)) + z (Q(r) - Q(s))

A synapse therefore stores E and the constant G = g - (E A(s) + z Q(s)), where g is the gradient gathered before s, 0
after an update. No history of earlier time indices is needed.
The factors grow with t - b. A block ends before any of them exceeds a bound (``blocks.py``); then the sums start again
from 0, relative to the present time index.

The threshold of an adaptive neuron rises by beta with each of its spikes and returns with the decay rho. Its synapses
have one more trace, a(t) = rho a(t-1) + e(t), and the eligibility is e(t) = psi(t) (z alpha^(t-b) - beta a(t-1))
(Bellec et al. 2020, eqs. 24-25). This is linear in z and in a, although the decay rho - beta psi(t) of a changes from
step to step. The neuron therefore follows two traces: X(t) for z = 1 and a(b) = 0, and P(t) for z = 0 and a(b) = 1:

    x(t) = psi(t) (alpha^(t-b) - beta X(t-1))      X(t) = rho X(t-1) + x(t)       U sums x(t) kappa^(b-t)
    p(t) = - psi(t) beta P(t-1)                    P(t) = rho P(t-1) + p(t)       W sums p(t) kappa^(b-t)
    Q_W(s) = sum over b <= t < s of L(t) kappa^(t-b) W(t)

With D = (a(s) - z X(s)) / P(s), a(r) is D P(r) + z X(r), and D W and D Q_W are added to z U and z Q above. P stays
above 1 / LARGEST_FACTOR within a block, since psi never exceeds the height of the surrogate gradient; where blocks have
one step, something is divided by P at their start only, where it is 1.

Where neurons have different membrane time constants, alpha belongs to the neuron, and z to the synapse.

Without an eligibility filter (kappa = 0) no eligibility outlasts its step. Each step then adds to Q and, with
adaptation, to Q_W

    L(t) x(t)    and    L(t) p(t),        x(t) = psi(t) alpha^(t-b) without adaptation

A spike that enters at h counts from h + 1 on, but Q(h) does not include step h yet, whose learning signal is not known.
For each step of a block, the neuron keeps the gradient that a spike which enters in it contributes too early:

    L(h) alpha^-(h+1-b) (x(h) - p(h) X(h) / P(h))

When the synapse is processed next, this is subtracted. The learning signal and the rate regularization share E, U, A
and Q also if only one of them has a filter; without any filter, E, U, W and A are 0.
"""

from typing import Literal, NamedTuple

import numpy as np

from eprop_core.compiled.compilation import inlined, kernel, loop_kernel
from eprop_core.model.blocks import SMALLEST_DECAY, block_length, has_longer_blocks
from eprop_core.model.powers import Powers, power

U, A, Q, PSI, W, Q_W, X, P = range(8)
"""Columns of an array of sums. PSI is the surrogate gradient of the present time index; the last four columns exist
only with adaptation."""

DECAY_STEP = np.dtype(
    [
        ("alpha_growth", "f8"),  # alpha^-s
        ("kappa_growth", "f8"),  # kappa^-s, the share of an eligibility in E; 0 where there is no filter
        ("kappa_power", "f8"),  # kappa^s
        ("ratio_power", "f8"),  # (alpha/kappa)^s
    ]
)
"""Powers of the two decays at an offset s within a block."""


class Decay(NamedTuple):
    """Powers of the two decays: for any number of steps, and for the offsets s = 0 .. block + 1 within a block."""

    alpha: float
    kappa: float
    powers_of_alpha: Powers
    powers_of_kappa: Powers
    block: int
    """Steps of a block."""
    steps: np.ndarray
    """DECAY_STEP (block + 2,)"""


class Adaptation(NamedTuple):
    """How the threshold of each neuron adapts."""

    beta: np.ndarray
    """float64 (n,), mV, 0 for a neuron that does not adapt."""
    rho: float
    """Decay per step."""
    powers_of_rho: Powers

    @classmethod
    def of(cls, beta: np.ndarray, rho: float) -> "Adaptation":
        """Return the adaptation with these values."""
        return cls(beta, rho, Powers.of(max(rho, SMALLEST_DECAY)))


class OwnDecay(NamedTuple):
    """Decays of the presynaptic trace where neurons differ in them; float64 (n,)."""

    alpha: np.ndarray
    power: np.ndarray
    """alpha^s at the present offset s."""


class StepValues(NamedTuple):
    """Values of the neurons in each step of a block, by offset from its start; stepwise synapses need no sums."""

    surrogate_gradient: np.ndarray | None
    """float64 (block + 2, n); None for readouts, which have no eligibility."""
    signal: np.ndarray
    """float64 (block + 2, n), learning signal; the error of a readout."""
    signal_reg: np.ndarray | None
    """The same for the rate regularization; None where one filter serves both."""


class Unfiltered(NamedTuple):
    """State for a signal that meets unfiltered eligibilities; the arrays are empty if both signals are filtered."""

    response: np.ndarray
    """float64 (1 or, with adaptation, 2; n): x and p, the eligibility of the present time index for z = 1 and D = 1."""
    premature: np.ndarray
    """float64 (block + 2, n): the gradient that a spike contributes too early, by the step in which it enters."""


class RunningSums(NamedTuple):
    """Running sums of the targets of plastic projections, at the present time index."""

    sums: np.ndarray
    """float64 (n, 4 or, with adaptation, 8): the columns above, of each neuron."""
    sums_reg: np.ndarray | None
    """The same for the filter of the rate regularization; None where one filter serves both."""
    adaptation: Adaptation | None
    """None where no threshold adapts."""
    own_decay: OwnDecay | None
    """None where all neurons share the alpha of ``decay``."""
    decay: Decay
    decay_reg: Decay | None
    """The same for the filter of the rate regularization, where it differs."""
    filters_error: bool
    """Whether the eligibility that the learning signal meets is filtered, kappa > 0."""
    filters_rate: bool
    """Whether the eligibility that the rate regularization meets is filtered, kappa_reg > 0."""
    time_index: np.ndarray
    """int64 (1,), the present time index."""
    block_start: np.ndarray
    """int64 (1,), the first time index of the present block."""
    lag: int
    """Steps by which the time index lags behind the step that is being computed."""
    signal: np.ndarray
    """float64 (n,), learning signal of the latest time index for which it is known."""
    signal_reg: np.ndarray
    """The same for the rate regularization; the same array where both decays are equal."""
    step_values: StepValues | None
    """None where running sums are kept instead."""
    unfiltered: Unfiltered | None
    """None for two filters, for readouts, and for stepwise synapses, which need no sums."""

    @property
    def lacks_filter(self) -> bool:
        """Whether a signal meets eligibilities without a filter."""
        return self.unfiltered is not None and len(self.unfiltered.premature) > 0

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
        by_column: bool = False,
    ) -> "RunningSums":
        """Create the sums of ``n`` neurons; the first step advances them to the time index that step 0 needs.

        Parameters
        ----------
        n
            Number of neurons of this rank.
        alpha
            Decay of the presynaptic trace per step: one number, or float64 (n,) where neurons differ.
        kappa, kappa_reg
            Decays per step of the filters of the learning signal and of the rate regularization; of readouts, which
            have no filter, ``alpha``, see :func:`_advance_error`.
        lag
            Steps by which the time index lags behind the step that is being computed.
        adaptation
            Adaptation of the thresholds; None without.
        largest_surrogate_gradient
            Height of the surrogate gradient; counts only with adaptation.
        is_stepwise
            Whether the values of each step are kept instead of sums.
        onto_readouts
            Whether the neurons are readouts, which have no eligibility.
        smallest_decay
            Smallest decay of any neuron of the whole network. Blocks must have the same length on all ranks.
        by_column
            Whether a column of the sums is contiguous, for synapses in rows, and not the sums of a neuron.
        """
        own_decay = None
        if isinstance(alpha, np.ndarray):
            own_decay = OwnDecay(alpha, np.ones(n))
            alpha = float(alpha.min(initial=1.0))
        decays = [alpha, smallest_decay]
        if adaptation is not None:
            decays.append(adaptation.rho - adaptation.beta.max(initial=0.0) * largest_surrogate_gradient)
        needs_sums = not is_stepwise and not onto_readouts
        may_lack_filter = needs_sums and has_longer_blocks(*decays)
        filters_error, filters_rate = kappa > 0.0 or not may_lack_filter, kappa_reg > 0.0 or not may_lack_filter
        kappa_of_sums = kappa if filters_error else kappa_reg
        kappa_of_sums_reg = kappa_reg if filters_rate else kappa_of_sums

        def grows(kappa: float) -> bool:
            """Whether a factor grows by 1 / kappa in each step of a block."""
            return kappa > 0.0 if is_stepwise else filters_error or filters_rate

        block = block_length(*decays, *filter(grows, (kappa_of_sums, kappa_of_sums_reg)))
        start = np.array([-lag - 1])
        sums = _new_sums(0 if is_stepwise else n, adaptation, "F" if by_column else "C")
        sums_reg = None if kappa_of_sums == kappa_of_sums_reg else sums.copy(order="K")
        signal = np.zeros(n)
        signal_reg = signal if kappa == kappa_reg else np.zeros(n)
        step_values = None
        if is_stepwise:
            of_block = block + 2, n
            step_values = StepValues(
                surrogate_gradient=None if onto_readouts else np.zeros(of_block),
                signal=np.zeros(of_block),
                signal_reg=None if sums_reg is None else np.zeros(of_block),
            )
        unfiltered = None
        if needs_sums and sums_reg is None:
            lacks_filter = not (filters_error and filters_rate)
            unfiltered = Unfiltered(
                response=np.zeros(((1 if adaptation is None else 2) * lacks_filter, n)),
                premature=np.zeros(((block + 2) * lacks_filter, n)),
            )
        return cls(
            sums,
            sums_reg,
            adaptation,
            own_decay,
            _decay(alpha, kappa_of_sums, block, grows(kappa_of_sums)),
            None if sums_reg is None else _decay(alpha, kappa_of_sums_reg, block, grows(kappa_of_sums_reg)),
            filters_error,
            filters_rate,
            start,
            start.copy(),
            lag,
            signal,
            signal_reg,
            step_values,
            unfiltered,
        )


def _new_sums(n: int, adaptation: Adaptation | None, order: Literal["C", "F"]) -> np.ndarray:
    if adaptation is None:
        return np.zeros((n, PSI + 1), order=order)
    sums = np.zeros((n, P + 1), order=order)
    sums[:, P] = 1.0
    return sums


def _decay(alpha: float, kappa: float, block: int, grows: bool) -> Decay:
    """Return the tables for the decays ``alpha`` and ``kappa`` per step.

    Where something is divided by powers of a decay of zero, 1e-100 takes its place. Blocks then have one step, and the
    trace that such a decay leaves is far below the rounding error of the sums. Unless ``grows``, the factors of kappa
    within a block are 1, and an eligibility has no share in E.
    """
    alpha = max(alpha, SMALLEST_DECAY)
    base = max(kappa, SMALLEST_DECAY) if grows else 1.0
    s, steps = np.arange(block + 2), np.zeros(block + 2, DECAY_STEP)
    steps["alpha_growth"], steps["kappa_growth"] = alpha**-s, base**-s * grows
    steps["kappa_power"], steps["ratio_power"] = base**s, (alpha / base) ** s
    return Decay(alpha, kappa, Powers.of(alpha), Powers.of(max(kappa, SMALLEST_DECAY)), block, steps)


@kernel
def offset_in_block(running_sums):
    """Offset of the present time index from the start of the block."""
    return running_sums.time_index[0] - running_sums.block_start[0]


@kernel
def signals_differ(running_sums):
    """Whether the learning signal and the rate regularization meet different eligibilities."""
    if running_sums.sums_reg is not None:
        return True
    return running_sums.filters_error != running_sums.filters_rate


@kernel
def lacks_filter(unfiltered):
    """Whether a signal meets eligibilities without a filter."""
    if unfiltered is None:
        return False
    return len(unfiltered.premature) > 0


@inlined
def filtered_signal(running_sums):
    """Return the signal that meets the filtered eligibility, float64 (n,)."""
    return running_sums.signal if running_sums.filters_error else running_sums.signal_reg


@inlined
def unfiltered_signal(running_sums):
    """Return the signal that meets eligibilities without a filter, if there is one; float64 (n,)."""
    return running_sums.signal_reg if running_sums.filters_error else running_sums.signal


@kernel
def keep_signals(running_sums):
    """Keep the present learning signals for stepwise synapses, or what they add too early where there is no filter."""
    _keep_signals(running_sums.step_values, running_sums)
    _keep_premature(running_sums.unfiltered, running_sums)


@kernel
def _keep_premature(unfiltered, running_sums):
    if unfiltered is not None and len(unfiltered.premature) > 0:
        offset, signal = offset_in_block(running_sums), unfiltered_signal(running_sums)
        sums, response = running_sums.sums, unfiltered.response
        for j in range(len(signal)):
            entering = _entering_response(running_sums.adaptation, sums, response, j)
            growth = _growth_at_entry(running_sums.own_decay, running_sums.decay, offset, j)
            unfiltered.premature[offset, j] = signal[j] * entering * growth


@kernel
def _entering_response(adaptation, sums, response, j):
    """Return what a growth of z by 1 adds to the present eligibility if the adaptation's trace remains as it is."""
    if adaptation is None:
        return response[0, j]
    return response[0, j] - response[1, j] * (sums[j, X] / sums[j, P])


@kernel
def _growth_at_entry(own_decay, decay, offset, j):
    """Return alpha^-(offset + 1), the growth of z by a spike that enters at ``offset``, the present one."""
    if own_decay is None:
        return decay.steps[offset + 1]["alpha_growth"]
    return 1.0 / (own_decay.power[j] * own_decay.alpha[j])


@kernel
def advance_sums(running_sums, surrogate_gradient):
    """Advance the sums to the next time index.

    The learning signals of the present time index are in ``running_sums.signal`` and ``signal_reg``;
    ``surrogate_gradient``, float64 (n,), belongs to the next time index.
    """
    offset = offset_in_block(running_sums)
    running_sums.time_index[0] += 1
    _advance_powers(running_sums.own_decay)
    _add_unfiltered(running_sums.unfiltered, running_sums)
    adaptation, own_decay, signal = running_sums.adaptation, running_sums.own_decay, filtered_signal(running_sums)
    of_step = running_sums.sums, adaptation, own_decay, running_sums.decay, offset, surrogate_gradient, signal
    if running_sums.filters_error or running_sums.filters_rate:
        _advance(*of_step)
    _advance_adaptive(*of_step, running_sums.unfiltered)
    _respond(running_sums.unfiltered, running_sums, offset + 1, surrogate_gradient)
    _advance_reg(running_sums.sums_reg, running_sums, offset, surrogate_gradient)
    _keep_surrogate_gradient(running_sums.step_values, offset + 1, surrogate_gradient)


@kernel
def advance_readout_sums(running_sums, error):
    """Advance the sums of readouts to the next time index; ``error``, float64 (n,), is that of the present one."""
    offset = offset_in_block(running_sums)
    running_sums.time_index[0] += 1
    _advance_error(running_sums.sums, running_sums.decay, offset, error)
    _keep_error(running_sums.step_values, offset, error)


@kernel
def block_is_full(running_sums):
    """Whether the sums must start again before the next time index."""
    return offset_in_block(running_sums) >= running_sums.decay.block


@kernel
def start_block(running_sums):
    """Start a block at the present time index: the sums are 0, the surrogate gradient stays."""
    _move_step_values(running_sums.step_values, offset_in_block(running_sums))
    _reset(running_sums.sums, running_sums.adaptation, running_sums.own_decay)
    _reset_reg(running_sums.sums_reg, running_sums)
    _respond_anew(running_sums.unfiltered, running_sums)
    running_sums.block_start[0] = running_sums.time_index[0]


@kernel
def power_of_kappa(decay, n):
    """kappa^n, or 0 without a decay; the compiler removes what such a zero multiplies."""
    if decay is None:
        return 0.0
    return power(decay.powers_of_kappa, n)


@kernel
def kappa_growth(decay, offset):
    """kappa^-offset, or 0 without a decay."""
    if decay is None:
        return 0.0
    return decay.steps[offset]["kappa_growth"]


@kernel
def kappa_power(decay, offset):
    """kappa^offset, or 0 without a decay."""
    if decay is None:
        return 0.0
    return decay.steps[offset]["kappa_power"]


@kernel
def alpha_power(own_decay, decay, offset, j):
    """alpha^offset; if alpha is the neuron's own, ``offset`` must be the present one."""
    if own_decay is None:
        return 1.0 / decay.steps[offset]["alpha_growth"]
    return own_decay.power[j]


@kernel
def _advance_powers(own_decay):
    """Advance the powers of the neurons' own decays to the next time index."""
    if own_decay is not None:
        for j in range(len(own_decay.power)):
            own_decay.power[j] *= own_decay.alpha[j]


@loop_kernel
def _advance(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal):
    """Add the learning signal at ``offset`` and the surrogate gradient at ``offset`` + 1 to the sums.

    The powers of the neurons' own decays are already those of ``offset`` + 1.
    """
    signal_factor = decay.steps[offset]["kappa_power"]
    for j in range(len(sums)):
        weighted = signal[j] * signal_factor
        sums[j, A] += weighted
        sums[j, Q] += weighted * sums[j, U]
        sums[j, PSI] = surrogate_gradient[j]
        if adaptation is None:
            sums[j, U] += surrogate_gradient[j] * _ratio_power(own_decay, decay, offset + 1, j)


@kernel
def _add_unfiltered(unfiltered, running_sums):
    """Add the part of a signal without a filter in the present time index to Q and Q_W."""
    if unfiltered is not None and len(unfiltered.premature) > 0:
        sums, response, signal = running_sums.sums, unfiltered.response, unfiltered_signal(running_sums)
        for j in range(len(sums)):
            sums[j, Q] += signal[j] * response[0, j]
            if running_sums.adaptation is not None:
                sums[j, Q_W] += signal[j] * response[1, j]


@kernel
def _respond(unfiltered, running_sums, offset, surrogate_gradient):
    """Keep the surrogate gradient and, without adaptation, the response of the time index at ``offset``."""
    if unfiltered is not None and len(unfiltered.premature) > 0:
        sums, own_decay, decay = running_sums.sums, running_sums.own_decay, running_sums.decay
        for j in range(len(sums)):
            sums[j, PSI] = surrogate_gradient[j]
            if running_sums.adaptation is None:
                unfiltered.response[0, j] = surrogate_gradient[j] * alpha_power(own_decay, decay, offset, j)


@kernel
def _respond_anew(unfiltered, running_sums):
    """Express the eligibility of the present time index by z and D of the block that starts there."""
    if unfiltered is not None and len(unfiltered.premature) > 0:
        surrogate_gradient = running_sums.sums[:, PSI]
        for j in range(len(surrogate_gradient)):
            unfiltered.response[0, j] = surrogate_gradient[j]
        _respond_anew_adaptive(running_sums.adaptation, unfiltered.response, surrogate_gradient)


@kernel
def _respond_anew_adaptive(adaptation, response, surrogate_gradient):
    """At the start t, D is a(t), the eligibility is psi(t) (z - beta a(t-1)), and a(t) is this plus rho a(t-1)."""
    if adaptation is not None:
        for j in range(len(surrogate_gradient)):
            psi, lowered = surrogate_gradient[j], adaptation.beta[j] * surrogate_gradient[j]
            response[0, j] = psi * adaptation.rho / (adaptation.rho - lowered)
            response[1, j] = -lowered / (adaptation.rho - lowered)


@kernel
def _advance_reg(sums_reg, running_sums, offset, surrogate_gradient):
    if sums_reg is not None:
        adaptation, own_decay, signal = running_sums.adaptation, running_sums.own_decay, running_sums.signal_reg
        of_step = sums_reg, adaptation, own_decay, running_sums.decay_reg, offset, surrogate_gradient, signal
        _advance(*of_step)
        _advance_adaptive(*of_step, None)


@kernel
def _ratio_power(own_decay, decay, offset, j):
    """(alpha/kappa)^offset"""
    if own_decay is None:
        return decay.steps[offset]["ratio_power"]
    return own_decay.power[j] * decay.steps[offset]["kappa_growth"]


@kernel
def _advance_adaptive(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal, unfiltered):
    """Advance the sums that only adaptive neurons have, and keep the response if there is a signal without a filter."""
    if adaptation is not None:
        _advance_responses(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal, unfiltered)


@loop_kernel
def _advance_responses(sums, adaptation, own_decay, decay, offset, surrogate_gradient, signal, unfiltered):
    signal_factor, growth = decay.steps[offset]["kappa_power"], decay.steps[offset + 1]["kappa_growth"]
    for j in range(len(sums)):
        trace = alpha_power(own_decay, decay, offset + 1, j)
        sums[j, Q_W] += signal[j] * signal_factor * sums[j, W]
        x = surrogate_gradient[j] * (trace - adaptation.beta[j] * sums[j, X])
        p = -surrogate_gradient[j] * adaptation.beta[j] * sums[j, P]
        sums[j, X] = adaptation.rho * sums[j, X] + x
        sums[j, P] = adaptation.rho * sums[j, P] + p
        sums[j, U] += x * growth
        sums[j, W] += p * growth
        if unfiltered is not None and len(unfiltered.premature) > 0:
            unfiltered.response[0, j] = x
            unfiltered.response[1, j] = p


@loop_kernel
def _advance_error(sums, decay, offset, error):
    """Add error(t) alpha^(t-b) to the readouts' Q; the kappa of their sums is alpha, and they have neither U nor A."""
    for k in range(len(sums)):
        sums[k, Q] += error[k] * decay.steps[offset]["kappa_power"]


@kernel
def _copy_values(step_values, offset, values):
    if step_values is not None:
        for j in range(len(values)):
            step_values[offset, j] = values[j]


@kernel
def _keep_signals(step_values, running_sums):
    if step_values is not None:
        offset = offset_in_block(running_sums)
        _copy_values(step_values.signal, offset, running_sums.signal)
        _copy_values(step_values.signal_reg, offset, running_sums.signal_reg)


@kernel
def _keep_error(step_values, offset, error):
    if step_values is not None:
        _copy_values(step_values.signal, offset, error)


@kernel
def _keep_surrogate_gradient(step_values, offset, surrogate_gradient):
    if step_values is not None:
        _copy_values(step_values.surrogate_gradient, offset, surrogate_gradient)


@kernel
def _move_step_values(step_values, offset):
    """Make ``offset`` the first one of a block; its learning signal is not known yet."""
    if step_values is not None:
        _move_first(step_values.surrogate_gradient, offset)


@kernel
def _move_first(step_values, offset):
    if step_values is not None:
        _copy_values(step_values, 0, step_values[offset])


@kernel
def _reset(sums, adaptation, own_decay):
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


@kernel
def _reset_reg(sums_reg, running_sums):
    if sums_reg is not None:
        _reset(sums_reg, running_sums.adaptation, running_sums.own_decay)
