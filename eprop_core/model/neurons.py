"""One step of the neurons: leaky integrate-and-fire neurons with or without adaptation, and leaky readouts."""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import called_kernel, kernel, loop_kernel
from eprop_core.model.surrogate import PlugIn, surrogate_gradient
from eprop_core.model.synapse_records import targets_in, values_in
from eprop_core.model.synapses import Synapses
from eprop_core.parameters import Loss

MEAN_SQUARED_ERROR, CROSS_ENTROPY = range(2)
GIVEN, OWN = 2, 3
"""In the place of a loss: the target is the error itself, or a function from outside computes it."""
LOSSES: dict[Loss, int] = {"mean_squared_error": MEAN_SQUARED_ERROR, "cross_entropy": CROSS_ENTROPY}
NO_LOWER_BOUND = -np.inf
FINITE = -1
"""Returned by :func:`update_recurrent` instead of a neuron when all voltages are finite."""


class RecurrentParameters(NamedTuple):
    """Parameters of the recurrent neurons as numbers, for compiled code; arrays are float64 (n,), voltages in mV."""

    alpha: np.ndarray
    """exp(-dt / tau_m)"""
    drive: np.ndarray
    """mV per step of the constant current, (tau_m / C_m) (1 - alpha) I_e"""
    V_th: np.ndarray
    """mV"""
    beta: np.ndarray
    """mV, rise of the threshold after a spike; 0 without adaptation."""
    rho: float
    """exp(-dt / tau) of the adaptation."""
    V_min: float
    clamps: bool
    """Whether a spike sets the voltage to V_reset, where it stays while refractory; else it subtracts V_th."""
    V_reset: float
    refractory_steps: np.ndarray
    """int64 (n,)"""
    surrogate: int | PlugIn
    surrogate_height: np.ndarray
    surrogate_width: np.ndarray
    """mV"""
    delayed_reset: bool
    """Whether the spike's V_th is subtracted in the next step, after the decay."""
    kappa_reg: float
    """Decay of the rate; 1 where a rate is the mean over a sample."""
    rate_per_spike: float
    """Contribution of a spike to the rate."""
    c_reg: np.ndarray
    f_target: np.ndarray
    """Target of the rate: spikes per ms, or spikes per step where the rate is the mean over a sample."""
    period: int
    """Steps between two spikes of a neuron that ignores its input and fires; 0 where the voltage decides."""


class RecurrentState(NamedTuple):
    """State of the recurrent neurons of one rank; float64 (n,) unless said otherwise."""

    v: np.ndarray
    """mV relative to E_L."""
    refractory: np.ndarray
    """int32, remaining steps of refractoriness."""
    adaptation: np.ndarray
    """Decaying count of spikes that raises the threshold."""
    spiked: np.ndarray
    """bool, whether the adaptation grows in the next step."""
    rate: np.ndarray
    """Moving average, spikes per ms; or the spikes of the sample so far, divided by the steps of the whole sample."""
    current: np.ndarray
    """pA, input of the present step; reset by the update."""
    surrogate_gradient: np.ndarray
    """float64 (depth, n), of the last ``depth`` steps."""
    rate_error: np.ndarray
    """float64 (depth, n), c_reg (rate - f_target) of the last ``depth`` steps."""
    phase: np.ndarray
    """int32, step of the period in which a neuron that ignores its input fires; empty where the voltage decides."""

    @classmethod
    def at_rest(cls, n: int, depth: int, phase: np.ndarray) -> "RecurrentState":
        """Create ``n`` neurons at their leak potential that have never spiked."""
        return cls(
            v=np.zeros(n),
            refractory=np.zeros(n, np.int32),
            adaptation=np.zeros(n),
            spiked=np.zeros(n, np.bool_),
            rate=np.zeros(n),
            current=np.zeros(n),
            surrogate_gradient=np.zeros((depth, n)),
            rate_error=np.zeros((depth, n)),
            phase=phase,
        )


class ReadoutParameters(NamedTuple):
    """Parameters of the readouts as numbers, for compiled code."""

    alpha: float
    """exp(-dt / tau_m)"""
    E_L: float
    """mV"""
    loss: int
    """A value of :data:`LOSSES`."""
    fixed_point: float
    """Units of the input in a pA: currents are added in whole units."""


class FeedbackTable(NamedTuple):
    """Weights B from the readouts to the recurrent neurons."""

    synapses: Synapses
    """Synapses from the readouts; those onto the readouts where the feedback goes along them."""
    column: int
    """Column of the synapses' values that holds the weight."""
    along_output: bool
    """Whether the feedback goes along the synapses onto the readouts."""
    to_all: np.ndarray
    """float64 (n_readouts, n), the weights once more if each readout has one synapse onto every neuron, in the order of
    the neurons; else (0, 0)."""


class ReadoutState(NamedTuple):
    """State of the readouts, the same on every rank."""

    v: np.ndarray
    """float64 (n,), mV relative to E_L."""
    current: np.ndarray
    """int64 (interval, n), input in the steps of a communication interval, in fixed point."""
    error: np.ndarray
    """float64 (depth, n), errors of the last ``depth`` steps, 0 outside the learning window."""

    @classmethod
    def at_rest(cls, n: int, interval: int, depth: int) -> "ReadoutState":
        """Create ``n`` readouts at their leak potential."""
        return cls(np.zeros(n), np.zeros((interval, n), np.int64), np.zeros((depth, n)))


@loop_kernel
def update_recurrent(state, parameters, step, first_id, emitted):
    """Advance all neurons by one step and write the ids of those that spike, from ``first_id`` on, to ``emitted``.

    Returns the number of spikes, and the index of a neuron whose voltage is not finite, or :data:`FINITE`.
    """
    slot = step % len(state.surrogate_gradient)
    psi, rate_error = state.surrogate_gradient[slot], state.rate_error[slot]
    ignores = parameters.period > 0
    moment = step % parameters.period if ignores else 0
    n_spikes, not_finite = 0, FINITE
    for j in range(len(state.v)):
        # A clamped neuron loses its input; its adaptation neither decays nor rises by the spike (as in NEST).
        clamped = parameters.clamps and state.refractory[j] > 0
        refractory = max(state.refractory[j] - 1, 0)
        v, adaptation = state.v[j], state.adaptation[j]
        if not clamped:
            v = parameters.alpha[j] * v + state.current[j] + parameters.drive[j]
            if parameters.delayed_reset and state.spiked[j]:
                v -= parameters.V_th[j]
            v = max(v, parameters.V_min)
            adaptation *= parameters.rho
            if state.spiked[j]:
                adaptation += 1.0
        state.current[j] = 0.0
        threshold = parameters.V_th[j] + parameters.beta[j] * adaptation
        rate = parameters.kappa_reg * state.rate[j]
        psi[j] = 0.0
        state.spiked[j] = False
        if refractory == 0:
            u = abs(v - threshold) / parameters.surrogate_width[j]
            psi[j] = surrogate_gradient(parameters.surrogate, u, parameters.surrogate_height[j])
            fires = v >= threshold if not ignores else state.phase[j] == moment
            if fires and not clamped:
                emitted[n_spikes] = j + first_id
                n_spikes += 1
                if parameters.clamps:
                    v = parameters.V_reset
                elif not parameters.delayed_reset:
                    v -= parameters.V_th[j]
                state.spiked[j] = True
                refractory = parameters.refractory_steps[j]
                rate += parameters.rate_per_spike
        if not math.isfinite(v):
            not_finite = j
        state.v[j] = v
        state.adaptation[j] = adaptation
        state.refractory[j] = refractory
        state.rate[j] = rate
        rate_error[j] = parameters.c_reg[j] * (rate - parameters.f_target[j])
    return n_spikes, not_finite


@kernel
def rest_neurons(state, rate_too):
    """Bring the recurrent neurons to rest, and their rates to 0 if ``rate_too``."""
    for j in range(len(state.v)):
        state.v[j] = 0.0
        state.adaptation[j] = 0.0
        state.refractory[j] = 0
        state.spiked[j] = False
        if rate_too:
            state.rate[j] = 0.0


@kernel
def rest_readouts(state):
    """Bring the readouts to rest."""
    for k in range(len(state.v)):
        state.v[k] = 0.0


@loop_kernel
def update_readouts(state, parameters, offset, readout):
    """Advance the readouts by one step, and write their signal, float64 (n,).

    ``offset`` is the step within the communication interval.
    """
    for k in range(len(state.v)):
        state.v[k] = parameters.alpha * state.v[k] + state.current[offset, k] / parameters.fixed_point
        readout[k] = state.v[k] + parameters.E_L


@kernel
def keep_errors(state, step, error):
    """Keep the errors of a step, float64 (n,), until they arrive."""
    recent = state.error[step % len(state.error)]
    for k in range(len(error)):
        recent[k] = error[k]


@kernel
def error_of_loss(loss, readout, target, error):
    """Write the gradient of a loss, a value of :data:`LOSSES`, by the readouts to ``error``, float64 (n,).

    With :data:`GIVEN` the target is the error.
    """
    if loss == GIVEN:
        for k in range(len(error)):
            error[k] = target[k]
        return
    for k in range(len(error)):
        error[k] = readout[k]
    if loss == CROSS_ENTROPY:
        softmax(readout, error)
    for k in range(len(error)):
        error[k] -= target[k]


@kernel
def softmax(signal, share):
    """Write exp(signal) / sum of exp(signal) to ``share``; the largest is subtracted first, against overflow."""
    largest = signal[0]
    for k in range(len(signal)):
        largest = max(largest, signal[k])
    total = 0.0
    for k in range(len(signal)):
        share[k] = math.exp(signal[k] - largest)
        total += share[k]
    for k in range(len(signal)):
        share[k] /= total


@kernel
def copy_signals(destination, source):
    """Copy the learning signals of all neurons."""
    for j in range(len(destination)):
        destination[j] = source[j]


@kernel
def rate_signals(signal, share, rate_error):
    """Write the part share * rate_error_j of the learning signals to ``signal``, float64 (n,).

    ``share`` is 1 - kappa_reg; where a rate is the mean over a sample, 1 in the sample's last step and else 0. In the
    signal of the error it is 0 if the rate regularization has a signal of its own.
    """
    for j in range(len(signal)):
        signal[j] = share * rate_error[j]


@loop_kernel
def learning_signals(signal, feedback, error, share, rate_error):
    """Write the learning signals L_j = sum_k B_jk error_k + share * rate_error_j to ``signal``; B is constant."""
    rate_signals(signal, share, rate_error)
    indptr, records, column = feedback.synapses.indptr, feedback.synapses.records, feedback.column
    target, values = targets_in(records), values_in(records)
    for k in range(len(error)):
        error_k = error[k]
        if error_k == 0.0:
            continue
        if len(feedback.to_all) > 0:  # contiguous and without look-ups of targets: the compiler vectorizes the loop
            for j in range(len(signal)):
                signal[j] += feedback.to_all[k, j] * error_k
        else:
            for n in range(np.uint64(indptr[k]), np.uint64(indptr[k + 1])):
                signal[np.uint64(target[n])] += values[n, column] * error_k


@called_kernel
def learning_signals_along_output(signal, indptr, records, column, error, share, rate_error):
    """Write the learning signals to ``signal``; the weights B are in a column of the synapses onto the readouts."""
    rate_signals(signal, share, rate_error)
    target, values = targets_in(records), values_in(records)
    if np.any(error):
        for j in range(len(signal)):
            for n in range(np.uint64(indptr[j]), np.uint64(indptr[j + 1])):
                signal[j] += values[n, column] * error[target[n]]
