"""What a spike, a silence and a new origin do to synapses, in numbers that are exact.

Decays are 1/2 and 1/4 and all else are small multiples of powers of two, so that the walk and the constant-time update
have no rounding at all and must agree to the bit. Random numbers and whole spike trains are left to test_projection.py.
"""

import numpy as np
import pytest

from eprop_core.history import History, U, U_BEFORE, advance, move_origin
from eprop_core.synapses import (
    ELIGIBILITY,
    ELIGIBILITY_REG,
    GRADIENT,
    PAUSED,
    RUNNING,
    WAKING,
    WEIGHT,
    Optimizer,
    Synapses,
    Visit,
    deliver,
    settle,
    visit,
)

ALPHA, KAPPA, KAPPA_REG = 0.5, 0.25, 0.5
N_ROWS = 4
"""Rows of a block; LARGEST_FACTOR allows three steps for these decays."""

RNG = np.random.default_rng(1)
PSI = RNG.integers(0, 9, (N_ROWS, 2)) / 8.0
SIGNAL = RNG.integers(-8, 9, (N_ROWS, 2)) / 4.0
SIGNAL_REG = RNG.integers(-8, 9, (N_ROWS, 2)) / 4.0

UNBOUNDED = Optimizer(learning_rate=1.0, weight_min=-np.inf, weight_max=np.inf)
TWO_FILTERS = pytest.mark.parametrize("two_filters", [False, True], ids=["one filter", "two filters"])


def history_at(row: int, two_filters: bool) -> History:
    """Sums of two neurons, ``row`` rows after their origin."""
    history = History.before_start(2, ALPHA, KAPPA, KAPPA_REG if two_filters else KAPPA, horizon=1)
    for t in range(row):
        advance(history.sums, history.decay, t, PSI[t + 1], SIGNAL[t])
        if history.sums_reg is not None:
            advance(history.sums_reg, history.decay_reg, t, PSI[t + 1], SIGNAL_REG[t])
    return history


def synapses_at_rest(two_filters: bool) -> Synapses:
    """Two synapses of one source, onto neurons 1 and 0."""
    values = np.zeros((2, 4 if two_filters else 3))
    values[:, WEIGHT] = 10.0, 20.0
    return Synapses(np.array([0, 2]), np.array([0, 1], np.int32), values)


def make_visit(synapses: Synapses, history: History, optimizer: Optimizer = UNBOUNDED, **event: object) -> np.ndarray:
    """Let a spike visit; return the input of the targets."""
    current = np.zeros(2)
    given = {"state": RUNNING, "arrives": False, "enters": False, "trace": 0.0, "jump": 0.0}
    visit(
        synapses,
        history.sums,
        history.sums_reg,
        0,
        2,
        Visit(**given | {"revive": 0.0, "revive_reg": 0.0} | event),
        optimizer,
        current,
        None,
    )
    return current


def walk(first: int, last: int, presynaptic: float, eligibility: np.ndarray, eligibility_reg: np.ndarray, two_filters: bool):  # type: ignore[no-untyped-def]
    """Gradient that indices first .. last - 1 give, from the traces of index ``first``; the traces of index ``last``."""
    gradient = np.zeros(2)
    for t in range(first, last):
        gradient = gradient + SIGNAL[t] * eligibility
        if two_filters:
            gradient = gradient + SIGNAL_REG[t] * eligibility_reg
        presynaptic *= ALPHA
        if t + 1 < N_ROWS:
            eligibility = KAPPA * eligibility + PSI[t + 1] * presynaptic
            eligibility_reg = KAPPA_REG * eligibility_reg + PSI[t + 1] * presynaptic
    return gradient, eligibility, eligibility_reg


def start_running(synapses: Synapses, row: int, two_filters: bool) -> float:
    """The source's first spike; return its trace."""
    jump = ALPHA ** -(row + 1)
    make_visit(synapses, history_at(row, two_filters), state=WAKING, arrives=True, enters=True, jump=jump)
    return jump


@TWO_FILTERS
def test_first_spike_delivers_the_weights_as_they_are(two_filters: bool) -> None:
    synapses = synapses_at_rest(two_filters)
    current = make_visit(synapses, history_at(2, two_filters), state=WAKING, arrives=True, enters=True, jump=8.0)
    assert current.tolist() == synapses.values[:, WEIGHT].tolist() == [10.0, 20.0]
