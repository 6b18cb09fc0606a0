"""Running sums against their definitions."""

import math

import numpy as np
import pytest

from eprop_core.history import (
    LARGEST_FACTOR,
    U_BEFORE,
    A,
    History,
    Q,
    U,
    advance,
    advance_readouts,
    block_length,
    move_origin,
)

EPS = np.finfo(float).eps
DECAYS = [(0.95, 0.97), (0.97, 0.95), (0.9, 0.9), (0.5, 0.99), (0.99, 0.3), (0.999, 0.9999), (0.95, 0.02)]


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
    assert block_length(1.0 - 1e-9, 1.0 - 1e-9) == 1000


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
def test_tables(alpha: float, kappa: float) -> None:
    decay = History.before_start(1, alpha, kappa, kappa, horizon=1).decay
    for s in range(decay.block + 2):
        # numpy's powers and Python's may differ in the last bits.
        for table, expected in (
            (decay.alpha_growth, alpha**-s),
            (decay.kappa_growth, kappa**-s),
            (decay.kappa_power, kappa**s),
            (decay.ratio_power, (alpha / kappa) ** s),
        ):
            assert table[s] == pytest.approx(expected, rel=4.0 * EPS)


def test_before_the_start() -> None:
    """The first step advances to the row that lies ``horizon`` before it."""
    history = History.before_start(5, 0.9, 0.8, 0.7, horizon=3)
    assert history.row[0] == history.origin[0] == -4
    assert history.sums.shape == (5, 4)
    assert history.sums_reg is not None
    assert not history.sums.any()
    assert history.decay.block == history.decay_reg.block == block_length(0.9, 0.8, 0.7)
    assert History.before_start(5, 0.9, 0.8, 0.8, horizon=3).sums_reg is None


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
def test_sums_are_what_they_stand_for(alpha: float, kappa: float) -> None:
    rng = np.random.default_rng(1)
    n_neurons, n_rows = 3, 250
    psi, signal = rng.random((n_rows, n_neurons)), rng.normal(size=(n_rows, n_neurons))
    history = History.before_start(n_neurons, alpha, kappa, kappa, horizon=1)
    sums, decay, b, n_blocks = history.sums, history.decay, 0, 0
    for row in range(1, n_rows):
        if row - 1 - b == decay.block:
            move_origin(sums, decay, row - 1 - b)
            b = row - 1
            n_blocks += 1
            # U of the row before the origin: its own surrogate gradient is yet to come.
            np.testing.assert_allclose(sums[:, U_BEFORE], -psi[b], rtol=0, atol=decay.block * EPS * LARGEST_FACTOR)
        advance(sums, decay, row - 1 - b, psi[row], signal[row - 1])
        for j in range(n_neurons):
            surrogate = [psi[t, j] * (alpha / kappa) ** (t - b) for t in range(b + 1, row + 1)]
            weighted = [signal[t, j] * kappa ** (t - b) for t in range(b, row)]
            before = [math.fsum(surrogate[: t - b]) for t in range(b, row)]
            products = [w * u for w, u in zip(weighted, before, strict=True)]
            for column, terms in ((U, surrogate), (U_BEFORE, surrogate[:-1]), (A, weighted), (Q, products)):
                # One rounding for each term that is added, and as many in the factors and sums that make the term.
                tolerance = 2.0 * (row - b + 1) * EPS * math.fsum(map(abs, terms))
                assert abs(sums[j, column] - math.fsum(terms)) <= tolerance
    assert n_blocks == (n_rows - 2) // decay.block


@pytest.mark.parametrize(("alpha", "kappa"), DECAYS)
def test_trace_and_gradient_between_two_rows(alpha: float, kappa: float) -> None:
    """What the module promises of an interval without arrivals, in which z and E are given."""
    rng = np.random.default_rng(2)
    history = History.before_start(1, alpha, kappa, kappa, horizon=1)
    block = history.decay.block
    psi, signal = rng.random((block + 1, 1)), rng.normal(size=(block + 1, 1))
    rows = [history.sums[0].copy()]
    for row in range(1, block + 1):
        advance(history.sums, history.decay, row - 1, psi[row], signal[row - 1])
        rows.append(history.sums[0].copy())
    for _ in range(20):
        s, e = np.sort(rng.integers(0, block + 1, 2)).tolist()
        presynaptic, eligibility = rng.random(2)
        z, E = presynaptic * alpha**-s, eligibility * kappa**-s - presynaptic * alpha**-s * rows[s][U]
        gathered = E * (rows[e][A] - rows[s][A]) + z * (rows[e][Q] - rows[s][Q])
        gradient = size = 0.0
        for t in range(s, e):
            gradient += signal[t, 0] * eligibility
            size += abs(signal[t, 0]) * eligibility
            presynaptic *= alpha
            eligibility = kappa * eligibility + psi[t + 1, 0] * presynaptic
        # Sums have grown over the whole block; see LARGEST_FACTOR.
        tolerance = LARGEST_FACTOR * EPS * (1.0 + block * size)
        assert abs(gathered - gradient) <= tolerance
        assert abs(kappa**e * (E + z * rows[e][U]) - eligibility) <= tolerance


def test_sums_of_readouts() -> None:
    rng = np.random.default_rng(3)
    history = History.before_start(2, 0.9, 0.9, 0.9, horizon=1)
    error = rng.normal(size=(history.decay.block, 2))
    for row in range(history.decay.block):
        advance_readouts(history.sums, history.decay, row, error[row])
        expected = sum(error[t] * 0.9**t for t in range(row + 1))
        tolerance = 2.0 * (row + 1) * EPS * np.abs(error).sum()
        np.testing.assert_allclose(history.sums[:, Q], expected, rtol=0, atol=tolerance)
        assert not history.sums[:, [U, A, U_BEFORE]].any()
