"""Running sums against their definitions."""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from eprop_core.model.blocks import LARGEST_FACTOR, block_length
from eprop_core.model.powers import power
from eprop_core.model.running_sums import (
    PSI,
    Q_W,
    A,
    Adaptation,
    P,
    Q,
    RunningSums,
    StepValues,
    U,
    W,
    X,
    advance_readout_sums,
    advance_sums,
    alpha_power,
    block_is_full,
    keep_signals,
    start_block,
)

EPS = np.finfo(float).eps
DECAYS = [(0.95, 0.97), (0.97, 0.95), (0.9, 0.9), (0.5, 0.99), (0.99, 0.3), (0.999, 0.9999), (0.95, 0.02)]
RHO, BETA = 0.98, np.array([0.1, 0.0, 0.03])
"""Of three neurons, one of which does not adapt; the others' traces decay by RHO - BETA at the least."""


@pytest.mark.parametrize("decays", [*DECAYS, (0.999999, 0.999999)])
def test_factors_stay_within_their_bound(decays: tuple[float, float]) -> None:
    alpha, kappa = decays
    block = block_length(alpha, kappa)
    if block > 1:
        for factor in (alpha, kappa, alpha / kappa, kappa / alpha):
            assert factor**-block <= LARGEST_FACTOR * (1.0 + 1e-12)
    # Nor is a block shorter than it must be.
    assert block == 1000 or min(decays) ** -(block + 1) > LARGEST_FACTOR


def test_shortest_and_longest_block() -> None:
    assert block_length(0.5, 0.0, 0.9) == 1
    assert block_length(0.5, 1e-300) == 1
    assert block_length(0.5, -3.0) == 1
    assert block_length(1.0 - 1e-9, 1.0 - 1e-9) == 1000


@pytest.mark.parametrize("share_of_rho", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0, 1.5])
def test_block_of_adapting_neurons(share_of_rho: float) -> None:
    """The trace of an adaptation decays by rho - beta psi at the least, perhaps to below 0 in a single step."""
    rho, height = 0.99, 0.5
    beta = np.array([0.2, 1.0, 0.7]) * share_of_rho * rho / height
    block = RunningSums.before_start(3, 0.95, 0.97, 0.97, 1, Adaptation.of(beta, rho), height).decay.block
    assert block == block_length(0.95, 0.97, rho - beta[1] * height)
    assert (block == block_length(0.95, 0.97)) == (share_of_rho == 0.0)
    assert (block == 1) == (share_of_rho >= 0.9)
    if block > 1:
        assert (rho - beta[1] * height) ** block >= 1.0 / LARGEST_FACTOR * (1.0 - 1e-12)


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
def test_tables(alpha: float, kappa: float) -> None:
    decay = RunningSums.before_start(1, alpha, kappa, kappa, lag=1).decay
    assert (decay.alpha, decay.kappa) == (alpha, kappa)
    for s in range(decay.block + 2):
        # numpy's powers and Python's may differ in the last bits.
        for table, expected in (
            (decay.steps["alpha_growth"], alpha**-s),
            (decay.steps["kappa_growth"], kappa**-s),
            (decay.steps["kappa_power"], kappa**s),
            (decay.steps["ratio_power"], (alpha / kappa) ** s),
        ):
            assert table[s] == pytest.approx(expected, rel=4.0 * EPS)


def test_a_decay_of_zero_is_as_good_as_none() -> None:
    """It is replaced by 1e-100, to divide by: what that lets through is lost beside anything."""
    adaptation = Adaptation.of(np.ones(1), 0.9)  # blocks of one step for its own sake
    decay = RunningSums.before_start(
        1, 0.9, 0.0, 0.0, lag=1, adaptation=adaptation, largest_surrogate_gradient=1.0
    ).decay
    assert decay.block == 1
    assert decay.steps[1]["kappa_power"] == 1e-100
    assert 1.0 + decay.steps[1]["kappa_power"] == 1.0


@pytest.mark.parametrize(("kappa", "kappa_reg"), [(0.0, 0.0), (0.0, 0.8), (0.8, 0.0)])
def test_no_filter_does_not_shorten_blocks(kappa: float, kappa_reg: float) -> None:
    """Two signals of which one lacks a filter share their sums."""
    running_sums = RunningSums.before_start(3, 0.9, kappa, kappa_reg, lag=1)
    assert running_sums.lacks_filter
    assert running_sums.sums_reg is running_sums.decay_reg is None
    assert (running_sums.filters_error, running_sums.filters_rate) == (kappa > 0.0, kappa_reg > 0.0)
    assert (running_sums.signal_reg is running_sums.signal) == (kappa == kappa_reg)
    assert running_sums.decay.block == block_length(0.9, *([0.8] if kappa != kappa_reg else []))
    assert running_sums.unfiltered is not None
    assert running_sums.unfiltered.response.shape == (1, 3)
    assert running_sums.unfiltered.premature.shape == (running_sums.decay.block + 2, 3)


def test_before_the_start() -> None:
    """The first step advances to the time index that lies ``lag`` before it."""
    running_sums = RunningSums.before_start(5, 0.9, 0.8, 0.7, lag=3)
    assert running_sums.time_index[0] == running_sums.block_start[0] == -4
    assert running_sums.sums.shape == (5, 4)
    assert running_sums.sums_reg is not None
    assert running_sums.decay_reg is not None
    assert running_sums.unfiltered is None
    assert not running_sums.sums.any()
    assert running_sums.decay.block == running_sums.decay_reg.block == block_length(0.9, 0.8, 0.7)
    assert running_sums.adaptation is running_sums.own_decay is running_sums.step_values is None
    assert not np.shares_memory(running_sums.signal, running_sums.signal_reg)
    one_filter = RunningSums.before_start(5, 0.9, 0.8, 0.8, lag=3)
    assert one_filter.sums_reg is None
    assert one_filter.signal_reg is one_filter.signal


def test_an_adaptation_may_decay_within_a_step() -> None:
    """Its decay is so small that it is 0 as a number."""
    adaptation = Adaptation.of(BETA, 0.0)
    assert (power(adaptation.powers_of_rho, 0), power(adaptation.powers_of_rho, 1)) == (1.0, 0.0)


def test_before_the_start_of_adapting_neurons() -> None:
    running_sums = RunningSums.before_start(3, 0.9, 0.8, 0.7, 3, Adaptation.of(BETA, RHO), 1.0)
    for sums in (running_sums.sums, running_sums.sums_reg):
        assert sums.shape == (3, 8)
        assert sums[:, P].tolist() == [1.0, 1.0, 1.0]
        assert not np.delete(sums, P, axis=1).any()
    assert not np.shares_memory(running_sums.sums, running_sums.sums_reg)


def test_before_the_start_of_neurons_that_differ() -> None:
    alpha = np.array([0.9, 0.5, 0.95])
    running_sums = RunningSums.before_start(3, alpha, 0.8, 0.8, lag=3)
    assert running_sums.own_decay.alpha is alpha
    assert running_sums.own_decay.power.tolist() == [1.0, 1.0, 1.0]
    # Blocks are those of the fastest.
    assert running_sums.decay.alpha == 0.5
    assert running_sums.decay.block == block_length(0.5, 0.8)


class Kind(NamedTuple):
    """What neurons may have beside the shared decays."""

    adapts: bool
    own_decays: bool

    def __str__(self) -> str:
        return " ".join(name for name, chosen in self._asdict().items() if chosen) or "plain"


KINDS = pytest.mark.parametrize("kind", [Kind(*chosen) for chosen in product((False, True), repeat=2)], ids=str)


class Neurons:
    """Three neurons with random surrogate gradients and learning signals."""

    def __init__(self, kind: Kind, alpha: float, kappa: float, n_steps: int) -> None:
        rng = np.random.default_rng(1)
        self.psi, self.signal = rng.random((n_steps, 3)), rng.normal(size=(n_steps, 3))
        self.kappa = kappa
        self.alpha = alpha ** np.array([1.0, 0.5, 0.1]) if kind.own_decays else np.full(3, alpha)
        self.beta = BETA if kind.adapts else np.zeros(3)
        adaptation = Adaptation.of(BETA, RHO) if kind.adapts else None
        decay = self.alpha if kind.own_decays else alpha
        self.running_sums = RunningSums.before_start(3, decay, kappa, kappa, 1, adaptation, 1.0)
        self.running_sums.time_index[0] = self.running_sums.block_start[0] = 0

    def advance(self) -> int:
        """Advance to the next time index, which is returned."""
        time_index = int(self.running_sums.time_index[0]) + 1
        self.running_sums.signal[:] = self.signal[time_index - 1]
        advance_sums(self.running_sums, self.psi[time_index])
        assert self.running_sums.time_index[0] == time_index
        return time_index

    def definitions(self, j: int, b: int, time_index: int) -> dict[int, list[float]]:
        """Terms of the sums of neuron ``j`` at ``time_index``, in a block that starts at ``b``."""
        psi, alpha, kappa, beta = self.psi[:, j], self.alpha[j], self.kappa, self.beta[j]
        X_, P_, x, p = [0.0], [1.0], [], []
        for t in range(b + 1, time_index + 1):
            x.append(psi[t] * (alpha ** (t - b) - beta * X_[-1]))
            p.append(-psi[t] * beta * P_[-1])
            X_.append(RHO * X_[-1] + x[-1])
            P_.append(RHO * P_[-1] + p[-1])
        u, w = ([value * kappa**-s for s, value in enumerate(values, start=1)] for values in (x, p))
        weighted = [self.signal[t, j] * kappa ** (t - b) for t in range(b, time_index)]
        before_u, before_w = ([math.fsum(values[:n]) for n in range(time_index - b)] for values in (u, w))
        terms = {
            U: u,
            A: weighted,
            Q: [signal * value for signal, value in zip(weighted, before_u, strict=True)],
            PSI: [psi[time_index]],
        }
        if self.running_sums.adaptation is not None:
            terms |= {W: w, X: [X_[-1]], P: [P_[-1]]}
            terms[Q_W] = [signal * value for signal, value in zip(weighted, before_w, strict=True)]
        return terms


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
@KINDS
def test_sums_are_what_they_stand_for(kind: Kind, alpha: float, kappa: float) -> None:
    n_steps = 150
    neurons = Neurons(kind, alpha, kappa, n_steps)
    running_sums, b, n_blocks = neurons.running_sums, 0, 0
    sums, decay = running_sums.sums, running_sums.decay
    for _ in range(1, n_steps):
        if block_is_full(running_sums):
            start_block(running_sums)
            b = int(running_sums.block_start[0])
            n_blocks += 1
            assert not sums[:, [U, A, Q]].any()
        time_index = neurons.advance()
        for j in range(3):
            power = alpha_power(running_sums.own_decay, decay, time_index - b, j)
            assert power == pytest.approx(neurons.alpha[j] ** (time_index - b), rel=2.0 * (time_index - b + 1) * EPS)
            for column, terms in neurons.definitions(j, b, time_index).items():
                # One rounding for each term that is added, and as many in the factors and sums that make the term.
                tolerance = 2.0 * (time_index - b + 1) * EPS * math.fsum(map(abs, terms))
                assert abs(sums[j, column] - math.fsum(terms)) <= tolerance
    assert n_blocks == (n_steps - 2) // decay.block


def test_a_new_block_keeps_the_surrogate_gradient() -> None:
    """All sums start from 0."""
    running_sums = RunningSums.before_start(
        2, np.array([0.5, 0.25]), 0.5, 0.5, 1, Adaptation.of(np.array([0.5, 0.0]), 0.75), 1.0
    )
    running_sums.sums[:] = np.arange(16.0).reshape(2, 8)
    running_sums.own_decay.power[:] = 0.5, 0.25
    running_sums.time_index[0] = 7
    start_block(running_sums)
    assert running_sums.block_start[0] == 7
    psi = running_sums.sums[:, PSI].tolist()
    assert psi == [PSI, 8 + PSI]
    assert running_sums.sums[:, P].tolist() == [1.0, 1.0]
    assert not np.delete(running_sums.sums, [PSI, P], axis=1).any()
    assert running_sums.own_decay.power.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
@KINDS
def test_traces_and_gradient_between_two_time_indices(kind: Kind, alpha: float, kappa: float) -> None:
    """What the module promises of an interval without arrivals, in which z, E and D are given."""
    rng = np.random.default_rng(2)
    neurons = Neurons(kind, alpha, kappa, 1001)
    block = neurons.running_sums.decay.block
    all_sums = [neurons.running_sums.sums.copy()]
    for _ in range(block):
        neurons.advance()
        all_sums.append(neurons.running_sums.sums.copy())
    if not kind.adapts:
        # An adaptation that rises by nothing.
        all_sums = [np.hstack([sums, np.tile([0.0, 0.0, 0.0, RHO**s], (3, 1))]) for s, sums in enumerate(all_sums)]
    for j, _ in product(range(3), range(20)):
        s, e = np.sort(rng.integers(0, block + 1, 2)).tolist()
        presynaptic, filtered, trace = rng.random(3)
        first, last = all_sums[s][j], all_sums[e][j]
        z = presynaptic * neurons.alpha[j] ** -s
        D = (trace - z * first[X]) / first[P]
        E = filtered * kappa**-s - z * first[U] - D * first[W]
        gathered = E * (last[A] - first[A]) + z * (last[Q] - first[Q]) + D * (last[Q_W] - first[Q_W])
        gradient = size = 0.0
        for t in range(s, e):
            gradient += neurons.signal[t, j] * filtered
            size += abs(neurons.signal[t, j]) * filtered
            presynaptic *= neurons.alpha[j]
            eligibility = neurons.psi[t + 1, j] * (presynaptic - neurons.beta[j] * trace)
            filtered = kappa * filtered + eligibility
            if kind.adapts:
                trace = RHO * trace + eligibility
        # Sums have grown over the whole block; see LARGEST_FACTOR.
        tolerance = LARGEST_FACTOR * EPS * (1.0 + block * size)
        assert abs(gathered - gradient) <= tolerance
        assert abs(kappa**e * (E + z * last[U] + D * last[W]) - filtered) <= tolerance
        if kind.adapts:
            assert abs(D * last[P] + z * last[X] - trace) <= tolerance


def test_sums_of_readouts() -> None:
    rng = np.random.default_rng(3)
    running_sums = RunningSums.before_start(2, 0.9, 0.9, 0.9, lag=1)
    error = rng.normal(size=(running_sums.decay.block, 2))
    for time_index in range(running_sums.decay.block):
        advance_readout_sums(running_sums, error[time_index])
        expected = sum(error[t] * 0.9**t for t in range(time_index + 1))
        tolerance = 2.0 * (time_index + 1) * EPS * np.abs(error).sum()
        np.testing.assert_allclose(running_sums.sums[:, Q], expected, rtol=0, atol=tolerance)
        assert not running_sums.sums[:, [U, A, PSI]].any()


@pytest.mark.parametrize("two_filters", [False, True])
def test_step_values_instead_of_sums(two_filters: bool) -> None:
    """For stepwise synapses the values of the steps of a block are kept; the last of them are the first of the next."""
    running_sums = RunningSums.before_start(2, 0.5, 0.25, 0.5 if two_filters else 0.25, 1, is_stepwise=True)
    assert len(running_sums.sums) == 0
    step_values = running_sums.step_values
    assert step_values.signal.shape == step_values.surrogate_gradient.shape == (running_sums.decay.block + 2, 2)
    for offset in range(running_sums.decay.block + 1):
        running_sums.signal[:] = offset, 10.0 + offset
        if two_filters:
            running_sums.signal_reg[:] = 20.0 + offset, 30.0 + offset
        keep_signals(running_sums)
        advance_sums(running_sums, np.array([40.0 + offset, 50.0 + offset]))
    n = running_sums.decay.block + 1
    assert step_values.signal[:n, 0].tolist() == [float(offset) for offset in range(n)]
    assert step_values.signal[:n, 1].tolist() == [10.0 + offset for offset in range(n)]
    assert (step_values.signal_reg is not None) == two_filters
    if two_filters:
        assert step_values.signal_reg[:n].tolist() == [[20.0 + offset, 30.0 + offset] for offset in range(n)]
    assert step_values.surrogate_gradient[1 : n + 1, 0].tolist() == [40.0 + offset for offset in range(n)]
    start_block(running_sums)
    assert step_values.surrogate_gradient[0].tolist() == [39.0 + n, 49.0 + n]


def test_step_values_of_readouts() -> None:
    running_sums = RunningSums.before_start(2, 0.5, 0.5, 0.5, 1, is_stepwise=True, onto_readouts=True)
    step_values = running_sums.step_values
    assert isinstance(step_values, StepValues)
    assert step_values.surrogate_gradient is step_values.signal_reg is None
    for error in (0.0, 0.0, 1.0):
        advance_readout_sums(running_sums, np.array([error, -error]))
    start_block(running_sums)
    assert step_values.signal[:3].tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, -1.0]]
