"""One step of the neurons: leaky integrate-and-fire with subtractive reset, and leaky readouts."""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compilation import kernel
from eprop_core.surrogate import surrogate_gradient
from eprop_core.synapses import WEIGHT

NO_LOWER_BOUND = -np.inf
FINITE = -1
"""What :func:`update_recurrent` returns when all voltages are finite."""


class RecurrentParameters(NamedTuple):
    """Numbers of the recurrent neurons' dynamics and rate regularization."""

    alpha: float
    """exp(-dt / tau_m)"""
    drive: float
    """mV per step of the constant current, (tau_m / C_m) (1 - alpha) I_e"""
    V_th: float
    V_min: float
    refractory_steps: int
    surrogate: int
    surrogate_height: float
    surrogate_width: float
    kappa_reg: float
    c_reg: float
    f_target: float
    """spikes per step"""
    dt: float
    period: int
    """Steps between two spikes of a neuron that ignores its input and fires; 0 where the voltage decides."""


class RecurrentState(NamedTuple):
    """State of the recurrent neurons of one rank; float64 (n,) unless said otherwise."""

    v: np.ndarray
    """mV relative to E_L."""
    refractory: np.ndarray
    """int32, remaining steps of refractoriness."""
    rate: np.ndarray
    """spikes per ms, moving average."""
    current: np.ndarray
    """pA, input of the present step; reset by the update."""
    surrogate_gradient: np.ndarray
    """(depth, n), of the last steps."""
    rate_error: np.ndarray
    """(depth, n), c_reg (rate - f_target) of the last steps."""
    phase: np.ndarray
    """int32, step within the period at which a neuron fires that ignores its input; empty where the voltage decides."""

    @classmethod
    def at_rest(cls, n: int, depth: int, phase: np.ndarray) -> "RecurrentState":
        """``n`` neurons at their leak potential that have never spiked."""
        return cls(
            v=np.zeros(n),
            refractory=np.zeros(n, np.int32),
            rate=np.zeros(n),
            current=np.zeros(n),
            surrogate_gradient=np.zeros((depth, n)),
            rate_error=np.zeros((depth, n)),
            phase=phase,
        )


class ReadoutState(NamedTuple):
    """State of the readouts, the same on every rank."""

    v: np.ndarray
    """float64 (n,), mV relative to E_L."""
    current: np.ndarray
    """int64 (interval, n), input of the steps of a communication interval in fixed point."""
    error: np.ndarray
    """float64 (depth, n), window * (readout - target) of the last steps."""

    @classmethod
    def at_rest(cls, n: int, interval: int, depth: int) -> "ReadoutState":
        """``n`` readouts at their leak potential."""
        return cls(np.zeros(n), np.zeros((interval, n), np.int64), np.zeros((depth, n)))


@kernel
def update_recurrent(state, parameters, step, first_id, emitted):
    """Advance all neurons by one step and write the global ids of those that spike to ``emitted``.

    Returns the number of spikes, and the index of a neuron whose voltage is not finite or :data:`FINITE`.
    """
    slot = step % len(state.surrogate_gradient)
    psi, rate_error = state.surrogate_gradient[slot], state.rate_error[slot]
    spike_rate = (1.0 - parameters.kappa_reg) / parameters.dt
    ignores = parameters.period > 0
    moment = step % parameters.period if ignores else 0
    n_spikes, not_finite = 0, FINITE
    for j in range(len(state.v)):
        refractory = max(state.refractory[j] - 1, 0)
        v = parameters.alpha * state.v[j] + state.current[j] + parameters.drive
        v = max(v, parameters.V_min)
        state.current[j] = 0.0
        rate = parameters.kappa_reg * state.rate[j]
        psi[j] = 0.0
        if refractory == 0:
            u = abs(v - parameters.V_th) / parameters.surrogate_width
            psi[j] = surrogate_gradient(parameters.surrogate, u, parameters.surrogate_height)
            fires = v >= parameters.V_th if not ignores else state.phase[j] == moment
            if fires:
                emitted[n_spikes] = j + first_id
                n_spikes += 1
                v -= parameters.V_th
                refractory = parameters.refractory_steps
                rate += spike_rate
        if not math.isfinite(v):
            not_finite = j
        state.v[j] = v
        state.refractory[j] = refractory
        state.rate[j] = rate
        rate_error[j] = parameters.c_reg * (rate - parameters.f_target)
    return n_spikes, not_finite


@kernel
def update_readouts(state, alpha, E_L, fixed_point, step, offset, target, in_window, readout, error):
    """Advance the readouts by one step; write their signal and error, float64 (n,).

    ``offset`` is the step within the communication interval.
    """
    recent = state.error[step % len(state.error)]
    for k in range(len(state.v)):
        state.v[k] = alpha * state.v[k] + state.current[offset, k] / fixed_point
        readout[k] = state.v[k] + E_L
        error[k] = readout[k] - target[k] if in_window else 0.0
        recent[k] = error[k]


@kernel
def learning_signals(signal, feedback, error, share, rate_error):
    """Signals of all neurons: sum_k B_jk error_k + share * rate_error_j, written to ``signal``, float64 (n,).

    ``share`` is 1 - kappa_reg where one filter serves both parts, and 0 where the regularization has its own.
    """
    for j in range(len(signal)):
        signal[j] = share * rate_error[j]
    for k in range(len(error)):
        if error[k] != 0.0:
            for n in range(feedback.offset[k], feedback.offset[k + 1]):
                signal[feedback.target[n]] += feedback.values[n, WEIGHT] * error[k]
