"""One step of the neurons against the same in plain Python."""

import math
from typing import Any

import numpy as np
import pytest

from eprop_core.model.neurons import (
    CROSS_ENTROPY,
    FINITE,
    GIVEN,
    MEAN_SQUARED_ERROR,
    NO_LOWER_BOUND,
    FeedbackTable,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
    error_of_loss,
    keep_errors,
    learning_signals,
    learning_signals_along_output,
    rest_neurons,
    rest_readouts,
    softmax,
    update_readouts,
    update_recurrent,
)
from eprop_core.model.surrogate import KINDS
from eprop_core.model.synapses import WEIGHT, Columns, Synapses

DEPTH = 3

PER_NEURON = {
    "alpha": 0.5,
    "drive": 0.0,
    "V_th": 1.0,
    "beta": 0.0,
    "c_reg": 2.0,
    "f_target": 0.125,
    "refractory_steps": 0,
    "surrogate_height": 1.0,
    "surrogate_width": 0.5,
}
SHARED = {
    "rho": 0.0,
    "V_min": NO_LOWER_BOUND,
    "clamps": False,
    "V_reset": 0.0,
    "surrogate": KINDS["piecewise_linear"],
    "delayed_reset": False,
    "kappa_reg": 0.75,
    "rate_per_spike": 0.5,  # (1 - kappa_reg) / dt with steps of 0.5 ms
    "period": 0,
}
"""Powers of two, with which every result is exact."""

BY_VOLTAGE = np.zeros(0, np.int32)
"""No phases: the voltage decides when a neuron spikes."""


def parameters_of(n: int, **chosen: Any) -> RecurrentParameters:
    values = PER_NEURON | SHARED | chosen
    arrays = {name: np.full(n, values[name], float) for name in PER_NEURON}
    arrays["refractory_steps"] = arrays["refractory_steps"].astype(np.int64)
    return RecurrentParameters(**(values | arrays))


class Neurons:
    """Some neurons and their time."""

    def __init__(self, n: int, phase: np.ndarray = BY_VOLTAGE, **parameters: Any) -> None:
        self.parameters = parameters_of(n, **parameters)
        self.state = RecurrentState.at_rest(n, DEPTH, phase)
        self.step = -1

    def advance(self, *current: float) -> list[int]:
        """Advance by one step with an input current for each neuron; return the neurons that spike."""
        self.step += 1
        self.state.current[:] = current
        emitted = np.full(len(current), -1, np.int32)
        n_spikes, not_finite = update_recurrent(self.state, self.parameters, self.step, 0, emitted)
        assert not_finite == FINITE
        assert np.all(self.state.current == 0.0)
        assert np.all(emitted[n_spikes:] == -1)
        return emitted[:n_spikes].tolist()

    @property
    def v(self) -> list[float]:
        return self.state.v.tolist()

    @property
    def psi(self) -> list[float]:
        return self.state.surrogate_gradient[self.step % DEPTH].tolist()

    @property
    def rate_error(self) -> list[float]:
        return self.state.rate_error[self.step % DEPTH].tolist()


def test_leak_and_input() -> None:
    neurons = Neurons(2)
    assert neurons.advance(0.5, -2.0) == []
    assert neurons.v == [0.5, -2.0]
    assert neurons.advance(0.25, 0.0) == []
    assert neurons.v == [0.5, -1.0]


def test_constant_current() -> None:
    neurons = Neurons(1, drive=0.25)
    assert [(neurons.advance(0.0), neurons.v) for _ in range(3)] == [([], [0.25]), ([], [0.375]), ([], [0.4375])]


def test_threshold_is_reached_by_equality_and_reset_subtracts() -> None:
    neurons = Neurons(4)
    just_below = 1.0 - 2.0**-53
    assert neurons.advance(just_below, 1.0, 1.75, 3.0) == [1, 2, 3]
    assert neurons.v == [just_below, 0.0, 0.75, 2.0]
    # Without refractoriness a voltage that is still above threshold spikes again.
    assert neurons.advance(0.0, 0.0, 0.0, 0.0) == [3]
    assert neurons.v == [just_below / 2.0, 0.0, 0.375, 0.0]


def test_surrogate_gradient_is_that_of_the_voltage_before_the_reset() -> None:
    neurons = Neurons(4)
    neurons.advance(1.25, 1.0, 0.75, 0.5)
    assert neurons.psi == [0.5, 1.0, 0.5, 0.0]
    exponential = Neurons(1, surrogate=KINDS["exponential"])
    exponential.advance(1.25)
    assert exponential.psi == [pytest.approx(math.exp(-0.5), rel=4e-16)]


@pytest.mark.parametrize("refractory_steps", [0, 1, 2, 3])
def test_refractoriness(refractory_steps: int) -> None:
    """The voltage goes on; spikes and the surrogate gradient pause, for one step less than the period has."""
    neurons = Neurons(1, refractory_steps=refractory_steps)
    spikes, gradients, v, expected_v = [], [], [], []
    for step in range(12):
        spiked = bool(neurons.advance(1.5))
        spikes.append(spiked)
        gradients.append(neurons.psi[0])
        v.append(neurons.v[0])
        expected_v.append((0.5 * expected_v[-1] if step else 0.0) + 1.5 - spiked)
    period = max(1, refractory_steps)
    assert spikes == [step % period == 0 for step in range(12)]
    assert v == expected_v
    assert all(gradient == 0.0 for gradient, spiked in zip(gradients, spikes, strict=True) if not spiked)


def test_neurons_that_ignore_their_input_fire_by_phase() -> None:
    """All else is computed as for the others: voltage, reset, surrogate gradient."""
    neurons = Neurons(3, np.array([2, 0, 2], np.int32), period=3)
    assert [neurons.advance(5.0, -5.0, 0.75) for _ in range(7)] == [[1], [], [0, 2], [1], [], [0, 2], [1]]
    by_voltage = Neurons(1)
    assert by_voltage.advance(0.75) == []
    neurons = Neurons(1, np.array([0], np.int32), period=3)
    assert neurons.advance(0.75) == [0]
    assert neurons.psi == by_voltage.psi
    assert neurons.v == [by_voltage.v[0] - 1.0]


def test_lower_bound() -> None:
    neurons = Neurons(3, V_min=-0.5)
    neurons.advance(-0.25, -0.5, -7.0)
    assert neurons.v == [-0.25, -0.5, -0.5]
    neurons.advance(0.0, 0.0, 0.0)
    assert neurons.v == [-0.125, -0.25, -0.25]


def test_rate_regularization() -> None:
    """Moving average of z/dt, minus the target, times the strength; the spike of this step counts."""
    neurons = Neurons(2)
    neurons.advance(1.0, 0.0)
    assert neurons.state.rate.tolist() == [0.25 / 0.5, 0.0]
    assert neurons.rate_error == [2.0 * (0.5 - 0.125), -0.25]
    neurons.advance(0.0, 1.0)
    assert neurons.state.rate.tolist() == [0.375, 0.5]
    assert neurons.rate_error == [0.5, 0.75]


def test_history_keeps_the_last_steps() -> None:
    neurons = Neurons(1)
    for current in (1.0, 0.75, 0.0, 0.5, 1.0):
        neurons.advance(current)
    # v of steps 2, 3, 4: 0.375, 0.6875, 1.34375
    assert [neurons.state.surrogate_gradient[step % DEPTH, 0] for step in (2, 3, 4)] == [0.0, 0.375, 0.3125]


def test_ids_are_counted_from_the_first() -> None:
    state = RecurrentState.at_rest(3, DEPTH, BY_VOLTAGE)
    state.current[:] = (1.0, 0.0, 1.0)
    emitted = np.zeros(3, np.int32)
    assert update_recurrent(state, parameters_of(3), 0, 100, emitted) == (2, FINITE)
    assert emitted[:2].tolist() == [100, 102]


@pytest.mark.parametrize("current", [math.inf, -math.inf, math.nan])
def test_a_voltage_that_is_not_finite_is_named(current: float) -> None:
    state = RecurrentState.at_rest(3, DEPTH, BY_VOLTAGE)
    state.current[:] = (0.0, current, 0.0)
    assert update_recurrent(state, parameters_of(3), 0, 0, np.zeros(3, np.int32))[1] == 1


@pytest.mark.parametrize("adapts", [False, True], ids=["constant", "adaptive"])
@pytest.mark.parametrize("reset", ["subtracts", "delayed", "clamps"])
@pytest.mark.parametrize("seed", range(4))
def test_many_steps_against_plain_python(adapts: bool, reset: str, seed: int) -> None:
    """Random parameters and input.

    Both compute the same terms in double precision; a voltage contracts, so that it is off by a few roundings at most.
    """
    rng = np.random.default_rng(seed)
    n, linear, clamps, delayed = 20, seed % 2 == 0, reset == "clamps", reset == "delayed"
    kappa_reg = rng.uniform(0.0, 1.0)
    neurons = Neurons(
        n,
        alpha=rng.uniform(0.8, 0.98, n),
        drive=rng.uniform(-0.05, 0.05, n),
        V_th=rng.uniform(0.5, 1.5, n),
        beta=rng.uniform(0.0, 0.5, n) if adapts else 0.0,
        rho=0.95,
        V_min=rng.choice([NO_LOWER_BOUND, -0.3]),
        clamps=clamps,
        V_reset=-0.2 if clamps else 0.0,
        delayed_reset=delayed,
        refractory_steps=rng.integers(0, 5, n),
        surrogate=KINDS["piecewise_linear" if linear else "exponential"],
        surrogate_height=rng.uniform(0.5, 2.0, n),
        surrogate_width=rng.uniform(0.2, 1.0, n),
        kappa_reg=kappa_reg,
        rate_per_spike=(1.0 - kappa_reg) / 0.5,
    )
    p = neurons.parameters
    v, refractory, rate, adaptation, spiked = [0.0] * n, [0] * n, [0.0] * n, [0.0] * n, [False] * n
    n_spikes = 0
    for current in rng.normal(0.05, 0.4, (400, n)):
        emitted = neurons.advance(*current)
        expected, psi = [], []
        for j in range(n):
            clamped = clamps and refractory[j] > 0
            refractory[j] = max(refractory[j] - 1, 0)
            if not clamped:
                v[j] = p.alpha[j] * v[j] + current[j] + p.drive[j] - (p.V_th[j] if delayed and spiked[j] else 0.0)
                v[j] = max(v[j], p.V_min)
                adaptation[j] = p.rho * adaptation[j] + spiked[j]
            threshold = p.V_th[j] + p.beta[j] * adaptation[j]
            u = abs(v[j] - threshold) / p.surrogate_width[j]
            gradient = p.surrogate_height[j] * (max(0.0, 1.0 - u) if linear else math.exp(-u))
            psi.append(gradient if refractory[j] == 0 else 0.0)
            spiked[j] = v[j] >= threshold and refractory[j] == 0 and not clamped
            if spiked[j]:
                expected.append(j)
                v[j] = p.V_reset if clamps else v[j] if delayed else v[j] - p.V_th[j]
                refractory[j] = p.refractory_steps[j]
            rate[j] = p.kappa_reg * rate[j] + (1.0 - p.kappa_reg) * spiked[j] / 0.5
        assert emitted == expected
        np.testing.assert_allclose(neurons.v, v, rtol=0, atol=1e-14)
        np.testing.assert_allclose(neurons.psi, psi, rtol=0, atol=1e-13)
        np.testing.assert_allclose(neurons.rate_error, p.c_reg * (np.array(rate) - p.f_target), rtol=0, atol=1e-14)
        n_spikes += len(emitted)
    assert n_spikes > 100


def test_adaptation_raises_the_threshold_and_returns() -> None:
    """The spike counts from the next step on; the reset subtracts the constant part of the threshold."""
    neurons = Neurons(1, beta=0.5, rho=0.5)
    assert neurons.advance(1.0) == [0]
    assert neurons.v == [0.0]
    assert neurons.advance(1.25) == []  # 1.25 is below 1 + 0.5
    assert neurons.state.adaptation.tolist() == [1.0]
    assert neurons.psi == [0.5]
    assert neurons.advance(0.625) == [0]  # 1.25 reaches 1 + 0.25
    assert neurons.v == [0.25]
    assert neurons.psi == [1.0]


@pytest.mark.parametrize("refractory_steps", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("clamps", "period"), [(False, [1, 1, 2, 3]), (True, [1, 2, 3, 4])], ids=["subtracts", "clamps"]
)
def test_neurons_that_are_always_driven(clamps: bool, period: list[int], refractory_steps: int) -> None:
    """They fire every t_ref, or every step; with V_reset every t_ref + dt, as NEST's do (``test_nest_limits``)."""
    neurons = Neurons(1, clamps=clamps, refractory_steps=refractory_steps)
    spikes = [step for step in range(24) if neurons.advance(5.0)]
    assert spikes == list(range(0, 24, period[refractory_steps]))


def test_adaptation_of_a_clamped_neuron_stands_still() -> None:
    """It forgets the spike that led to the clamp, as in NEST; without a clamp it grows in the next step."""
    clamped = Neurons(1, clamps=True, refractory_steps=2, beta=0.5, rho=0.5)
    clamped.state.adaptation[:] = 0.5
    assert clamped.advance(5.0) == [0]
    adaptation = [clamped.state.adaptation[0]]
    for _ in range(3):
        clamped.advance(0.0)
        adaptation.append(clamped.state.adaptation[0])
    assert adaptation == [0.25, 0.25, 0.25, 0.125]
    free = Neurons(1, refractory_steps=2, beta=0.5, rho=0.5)
    free.advance(5.0)
    free.advance(0.0)
    assert free.state.adaptation[0] == 1.0


def test_clamped_neurons_lose_their_input() -> None:
    neurons = Neurons(1, clamps=True, V_reset=-0.5, refractory_steps=2)
    assert [neurons.advance(5.0) for _ in range(4)] == [[0], [], [], [0]]
    neurons = Neurons(1, clamps=True, V_reset=-0.5, refractory_steps=1)
    neurons.advance(5.0)
    neurons.advance(5.0)
    assert neurons.v == [-0.5]
    assert neurons.advance(0.5) == []
    assert neurons.v == [0.25]


def test_delayed_reset() -> None:
    neurons = Neurons(1, delayed_reset=True)
    assert neurons.advance(1.5) == [0]
    assert neurons.v == [1.5]
    assert neurons.advance(0.0) == []
    assert neurons.v == [-0.25]


@pytest.mark.parametrize("rate_too", [False, True])
def test_rest(rate_too: bool) -> None:
    neurons = Neurons(2, beta=0.5, rho=0.5, refractory_steps=3)
    neurons.advance(2.0, 0.5)
    neurons.advance(0.0, 0.0)
    rate = neurons.state.rate.tolist()
    rest_neurons(neurons.state, rate_too)
    for values in (neurons.state.v, neurons.state.adaptation, neurons.state.refractory, neurons.state.spiked):
        assert not values.any()
    assert neurons.state.rate.tolist() == ([0.0, 0.0] if rate_too else rate)
    readouts = ReadoutState.at_rest(2, interval=1, depth=DEPTH)
    readouts.v[:] = 1.0
    rest_readouts(readouts)
    assert not readouts.v.any()


def test_readouts() -> None:
    """The input is in fixed point."""
    fixed_point = 2.0**10
    state = ReadoutState.at_rest(2, interval=2, depth=DEPTH)
    state.current[:] = [[1024, -512], [256, 2048]]
    readout = np.empty(2)
    parameters = ReadoutParameters(alpha=0.5, E_L=3.0, loss=MEAN_SQUARED_ERROR, fixed_point=fixed_point)
    update_readouts(state, parameters, 0, readout)
    assert state.v.tolist() == [1.0, -0.5]
    assert readout.tolist() == [4.0, 2.5]
    update_readouts(state, parameters, 1, readout)
    assert state.v.tolist() == [0.75, 1.75]
    assert readout.tolist() == [3.75, 4.75]


def test_errors_are_kept() -> None:
    state = ReadoutState.at_rest(2, interval=2, depth=DEPTH)
    keep_errors(state, 7, np.array([3.5, 1.5]))
    keep_errors(state, 8, np.zeros(2))
    assert state.error[7 % DEPTH].tolist() == [3.5, 1.5]
    assert state.error[8 % DEPTH].tolist() == [0.0, 0.0]


def test_softmax() -> None:
    signal, share = np.array([1.0, 3.0, -2.0]), np.empty(3)
    softmax(signal, share)
    np.testing.assert_allclose(share, np.exp(signal) / np.exp(signal).sum(), rtol=1e-15)
    softmax(signal + 1000.0, share)
    np.testing.assert_allclose(share, np.exp(signal) / np.exp(signal).sum(), rtol=1e-13)  # 1000 leaves fewer digits


def test_errors_of_the_losses() -> None:
    readout, target, error = np.array([4.0, 2.5]), np.array([0.5, 1.0]), np.empty(2)
    error_of_loss(MEAN_SQUARED_ERROR, readout, target, error)
    assert error.tolist() == [3.5, 1.5]
    error_of_loss(CROSS_ENTROPY, np.array([0.0, 1.0]), np.array([0.0, 1.0]), error)
    share = math.e / (1.0 + math.e)
    np.testing.assert_allclose(error, [1.0 - share, share - 1.0], rtol=1e-15)
    error_of_loss(GIVEN, readout, target, error)
    assert error.tolist() == [0.5, 1.0]


def test_learning_signals() -> None:
    # Readout 0 projects to neurons 0 and 2, readout 1 to none, readout 2 to neuron 2 alone.
    offset, target = np.array([0, 2, 2, 3]), np.array([0, 2, 2], np.int32)
    synapses = Synapses.listed(offset, target, np.array([[0.5], [2.0], [-1.0]]), Columns())
    feedback = FeedbackTable(synapses, WEIGHT, along_output=False, to_all=np.zeros((0, 0)))
    rate_error = np.array([8.0, 16.0, 32.0])
    signal = np.full(3, np.nan)
    learning_signals(signal, feedback, np.array([4.0, 1.0, 3.0]), 0.25, rate_error)
    assert signal.tolist() == [2.0 + 2.0, 4.0, 8.0 - 3.0 + 8.0]
    learning_signals(signal, feedback, np.array([4.0, 1.0, 0.0]), 0.0, rate_error)
    assert signal.tolist() == [2.0, 0.0, 8.0]


def test_learning_signals_to_all() -> None:
    synapses = Synapses.listed(
        np.array([0, 3, 6]), np.tile(np.arange(3, dtype=np.int32), 2), np.zeros((6, 1)), Columns()
    )
    weights = synapses.values[:, WEIGHT] = np.random.default_rng(1).normal(size=6)
    rate_error, signals = np.array([8.0, 16.0, 32.0]), np.full((2, 3), np.nan)
    for signal, to_all in zip(signals, (np.zeros((0, 0)), weights.reshape(2, 3)), strict=True):
        feedback = FeedbackTable(synapses, WEIGHT, along_output=False, to_all=to_all)
        learning_signals(signal, feedback, np.array([4.0, 1.0]), 0.25, rate_error)
    np.testing.assert_array_equal(*signals)
    expected = 0.25 * rate_error + np.array([4.0, 1.0]) @ weights.reshape(2, 3)
    np.testing.assert_allclose(signals[0], expected, rtol=1e-15)


def test_learning_signals_along_the_output() -> None:
    # Neuron 0 projects to both readouts, neuron 1 to none, neuron 2 to readout 1; feedback is in the second column.
    offset, target = np.array([0, 2, 2, 3]), np.array([0, 1, 1], np.int32)
    values = np.array([[9.0, 0.5], [9.0, 2.0], [9.0, -1.0]])
    records = Synapses.listed(offset, target, values, Columns(n=2)).records
    signal, rate_error = np.full(3, np.nan), np.array([8.0, 16.0, 32.0])
    learning_signals_along_output(signal, offset, records, 1, np.array([4.0, 1.0]), 0.25, rate_error)
    assert signal.tolist() == [2.0 + 2.0 + 2.0, 4.0, 8.0 - 1.0]
    learning_signals_along_output(signal, offset, records, 1, np.zeros(2), 0.25, rate_error)
    assert signal.tolist() == [2.0, 4.0, 8.0]
