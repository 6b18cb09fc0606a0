"""What a spike, a silence and a new origin do to synapses, in numbers that are exact.

Decays are 1/2 and 1/4 and all else small multiples of powers of two, so that neither the constant-time update nor the
plain walk rounds, and both must agree to the bit. Whole spike trains of random numbers are left to test_projection.py.
"""

import numpy as np
import pytest

from eprop_core.history import History, advance, move_origin
from eprop_core.optimizers import Optimizer, optimizer_of
from eprop_core.parameters import GradientDescent
from eprop_core.synapses import (
    ELIGIBILITY,
    GRADIENT,
    PAUSED,
    RUNNING,
    WAKING,
    WEIGHT,
    Columns,
    Synapses,
    Visit,
    deliver,
    settle,
    visit,
)

ALPHA, KAPPA, KAPPA_REG = 0.5, 0.25, 0.5
BLOCK = 3
"""Steps of a block with these decays."""

RNG = np.random.default_rng(1)
PSI = RNG.integers(1, 9, (BLOCK + 1, 2)) / 8.0
SIGNAL, SIGNAL_REG = RNG.integers(-8, 9, (2, BLOCK + 1, 2)) / 4.0

ELIGIBILITY_REG = ELIGIBILITY + 1
UNBOUNDED = optimizer_of(GradientDescent(learning_rate=1.0), None, 0.0)
NO_EVENT = Visit(
    state=RUNNING,
    arrives=False,
    updates=False,
    enters=False,
    trace=0.0,
    jump=0.0,
    plain_trace=0.0,
    revive=0.0,
    revive_reg=0.0,
    revive_adaptation=0.0,
    age=0,
    growth=1.0,
    growth_reg=1.0,
    first_step=0,
    last_step=1,
)
INITIAL = [10.0, 20.0]


class Bench:
    """Two neurons and one source with a synapse onto each; advances row by row."""

    def __init__(self, two_filters: bool) -> None:
        self.history = History.before_start(2, ALPHA, KAPPA, KAPPA_REG if two_filters else KAPPA, horizon=1)
        assert self.history.decay.block == BLOCK
        columns = Columns(n=4, eligibility_reg=ELIGIBILITY_REG) if two_filters else Columns(n=3)
        values = np.zeros((2, columns.n))
        values[:, WEIGHT] = INITIAL
        self.synapses = Synapses(np.array([0, 2]), np.array([0, 1], np.int32), values, columns)
        self.row = 0
        self.history.row[0] = self.history.origin[0] = 0

    def advance(self, row: int) -> None:
        history = self.history
        for t in range(self.row, row):
            self.step(t - history.origin[0], t)
        self.row = row

    def step(self, offset: int, row: int) -> None:
        history = self.history
        history.row[0] = row + 1
        advance(history.sums, None, None, history.decay, offset, PSI[row + 1], SIGNAL[row])
        if history.sums_reg is not None:
            advance(history.sums_reg, None, None, history.decay_reg, offset, PSI[row + 1], SIGNAL_REG[row])

    def visit(self, optimizer: Optimizer = UNBOUNDED, **event: object) -> list[float]:
        """Let a spike visit, which updates where it arrives; return the input of the targets."""
        current = np.zeros(2)
        sums, sums_reg = self.history.sums, self.history.sums_reg
        given = {"updates": event.get("arrives", False)} | event
        visit(self.synapses, sums, sums_reg, None, None, 0, 2, NO_EVENT._replace(**given), optimizer, current, None)
        return current.tolist()

    def start(self) -> float:
        """The first spike ever, at this row; return the trace z that it leaves."""
        z = ALPHA ** -(self.row + 1)
        assert self.visit(state=WAKING, arrives=True, enters=True, jump=z) == INITIAL
        return z

    def settle(self, trace: float, row_ends: bool) -> None:
        """Settle at this row, with its own learning signal if the row ends."""
        if row_ends:
            self.history.signal[:] = SIGNAL[self.row]
            if self.history.sums_reg is not None:
                self.history.signal_reg[:] = SIGNAL_REG[self.row]
        settle(self.synapses, self.history, 0, 2, trace, row_ends)

    def column(self, column: int) -> list[float]:
        return self.synapses.values[:, column].tolist()


class Walk:
    """The traces of both synapses in plain form, from index to index; the presynaptic one enters with index ``row``."""

    def __init__(self, two_filters: bool, row: int) -> None:
        self.two_filters = two_filters
        self.index = row
        self.trace = 0.0
        self.eligibility, self.eligibility_reg, self.gradient = np.zeros(2), np.zeros(2), np.zeros(2)

    def go_to(self, row: int, arrival: int) -> "Walk":
        """Walk the indices up to ``row``, whose learning signal is not included; a spike arrives at ``arrival``."""
        while self.index < row:
            self.gradient += SIGNAL[self.index] * self.eligibility
            if self.two_filters:
                self.gradient += SIGNAL_REG[self.index] * self.eligibility_reg
            self.index += 1
            self.trace = ALPHA * self.trace + (self.index == arrival)
            self.eligibility = KAPPA * self.eligibility + PSI[self.index] * self.trace
            self.eligibility_reg = KAPPA_REG * self.eligibility_reg + PSI[self.index] * self.trace
        return self


TWO_FILTERS = pytest.mark.parametrize("two_filters", [False, True], ids=["one filter", "two filters"])


@TWO_FILTERS
def test_first_spike_leaves_weights_alone(two_filters: bool) -> None:
    bench = Bench(two_filters)
    bench.advance(2)
    bench.start()
    assert bench.column(WEIGHT) == INITIAL


@TWO_FILTERS
@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)])
def test_second_spike_learns_from_the_time_between(two_filters: bool, first: int, second: int) -> None:
    walk = Walk(two_filters, first).go_to(second, arrival=first + 1)
    bench = Bench(two_filters)
    bench.advance(first)
    z = bench.start()
    bench.advance(second)
    current = bench.visit(arrives=True, trace=z)
    assert current == bench.column(WEIGHT) == (INITIAL - walk.gradient).tolist()
    assert second == first + 1 or walk.gradient.all()


@TWO_FILTERS
def test_every_part_of_the_time_is_used_once(two_filters: bool) -> None:
    """Three spikes in a row of rows: what the second took, the third does not take again."""
    bench = Bench(two_filters)
    z = bench.start()
    bench.advance(2)
    bench.visit(arrives=True, trace=z)
    bench.advance(3)
    bench.visit(arrives=True, trace=z)
    assert bench.column(WEIGHT) == (INITIAL - Walk(two_filters, 0).go_to(3, arrival=1).gradient).tolist()


def test_weights_stay_within_their_bounds() -> None:
    gradient = Walk(False, 0).go_to(3, arrival=1).gradient
    bench = Bench(two_filters=False)
    z = bench.start()
    bench.advance(3)
    given = GradientDescent(learning_rate=2.0, weight_min=10.0 + 1e-3, weight_max=20.0 - 1e-3)
    bounds = optimizer_of(given, None, 0.0)
    current = bench.visit(bounds, arrives=True, trace=z)
    assert np.abs(gradient).max() > 1e-3
    assert current == bench.column(WEIGHT) == np.clip(INITIAL - 2.0 * gradient, 10.0 + 1e-3, 20.0 - 1e-3).tolist()


@TWO_FILTERS
def test_arrival_and_entry_apart_do_what_one_visit_does(two_filters: bool) -> None:
    together, apart = Bench(two_filters), Bench(two_filters)
    for bench in (together, apart):
        z = bench.start()
        bench.advance(2)
    jump = 8.0
    together.visit(arrives=True, enters=True, trace=z, jump=jump)
    apart.visit(arrives=True, trace=z)
    apart.visit(enters=True, trace=z, jump=jump)
    for bench in (together, apart):
        bench.advance(3)
        bench.visit(arrives=True, trace=z + jump)
    assert together.column(WEIGHT) == apart.column(WEIGHT) != INITIAL


@TWO_FILTERS
def test_settled_synapses_hold_plain_gradient_and_trace(two_filters: bool) -> None:
    walk = Walk(two_filters, 0).go_to(2, arrival=1)
    bench = Bench(two_filters)
    z = bench.start()
    bench.advance(2)
    bench.settle(z, row_ends=False)
    assert bench.column(GRADIENT) == walk.gradient.tolist()
    assert bench.column(ELIGIBILITY) == walk.eligibility.tolist()
    if two_filters:
        assert bench.column(ELIGIBILITY_REG) == walk.eligibility_reg.tolist()


@TWO_FILTERS
def test_silence_settles_with_the_learning_signal_of_the_row(two_filters: bool) -> None:
    """At the cutoff the learning signal of the row counts as well, and its eligibility is the last one."""
    bench = Bench(two_filters)
    z = bench.start()
    bench.advance(2)
    bench.settle(z, row_ends=True)
    assert bench.column(GRADIENT) == Walk(two_filters, 0).go_to(3, arrival=1).gradient.tolist()
    walk = Walk(two_filters, 0).go_to(2, arrival=1)
    assert bench.column(ELIGIBILITY) == walk.eligibility.tolist()
    if two_filters:
        assert bench.column(ELIGIBILITY_REG) == walk.eligibility_reg.tolist()


@TWO_FILTERS
def test_a_new_origin_changes_nothing(two_filters: bool) -> None:
    """Settle and move the origin at row 2: what is gathered from there on is the same."""
    walk = Walk(two_filters, 0).go_to(3, arrival=1)
    bench = Bench(two_filters)
    history, z = bench.history, bench.start()
    bench.advance(2)
    bench.settle(z, row_ends=False)
    move_origin(history.sums, None, None)
    if history.sums_reg is not None:
        move_origin(history.sums_reg, None, None)
    history.origin[0] = 2
    bench.step(0, 2)
    bench.visit(arrives=True, trace=z * ALPHA**2)
    assert bench.column(WEIGHT) == (INITIAL - walk.gradient).tolist()


@TWO_FILTERS
def test_a_paused_synapse_gathers_nothing_until_it_wakes(two_filters: bool) -> None:
    """Paused from the start with a gradient and a trace; a spike wakes it at row 1, one arrives at row 3."""
    bench = Bench(two_filters)
    bench.synapses.values[:, GRADIENT] = 1.0, -2.0
    bench.synapses.values[:, ELIGIBILITY:] = 0.5
    bench.advance(1)
    # The eligibility trace of row 0, two steps after the pause, and the presynaptic one, which goes on decaying.
    trace, eligibility, eligibility_reg = 0.75, 0.5 * KAPPA**2, 0.5 * KAPPA_REG**2
    event = {"plain_trace": trace * ALPHA, "growth": 1 / KAPPA, "growth_reg": 1 / KAPPA_REG}
    bench.visit(state=WAKING, trace=trace, revive=KAPPA**2, revive_reg=KAPPA_REG**2, **event)
    assert bench.column(WEIGHT) == INITIAL
    bench.advance(3)
    bench.visit(arrives=True, trace=trace)

    # Index 1 takes the decayed trace and no input: up to the waking spike the source is silent.
    walk = Walk(two_filters, 1)
    walk.trace = trace * ALPHA
    walk.eligibility += KAPPA * eligibility
    walk.eligibility_reg += KAPPA_REG * eligibility_reg
    walk.eligibility += PSI[1] * walk.trace
    walk.eligibility_reg += PSI[1] * walk.trace
    expected = INITIAL - (np.array([1.0, -2.0]) + walk.go_to(3, arrival=-1).gradient)
    assert bench.column(WEIGHT) == expected.tolist()


@TWO_FILTERS
def test_a_spike_that_arrives_while_paused_takes_the_gradient(two_filters: bool) -> None:
    bench = Bench(two_filters)
    bench.synapses.values[:, GRADIENT] = 1.0, -2.0
    bench.synapses.values[:, ELIGIBILITY:] = 0.5
    bench.advance(2)
    assert bench.visit(state=PAUSED, arrives=True, trace=0.75) == [9.0, 22.0]
    assert bench.column(GRADIENT) == [0.0, 0.0]
    assert bench.column(ELIGIBILITY) == [0.5, 0.5]


def test_static_weights_are_delivered() -> None:
    synapses = Synapses(
        np.array([0, 1, 4]), np.array([2, 0, 1, 1], np.int32), np.array([[1.0], [2.0], [4.0], [0.5]]), Columns()
    )
    current = np.array([100.0, 0.0, 0.0])
    deliver(synapses, 1, 4, current, None)
    assert current.tolist() == [102.0, 4.5, 0.0]


def test_input_of_readouts_is_the_same_in_any_order() -> None:
    """Weights are rounded to the fixed point one by one, to the nearest; then sums are exact."""
    fixed_point = 2.0**20
    weights = np.random.default_rng(2).normal(size=(200, 1))
    for order in (np.arange(200), np.random.default_rng(3).permutation(200)):
        synapses = Synapses(np.array([0, 200]), np.zeros(200, np.int32), weights[order], Columns())
        current = np.zeros(1, np.int64)
        deliver(synapses, 0, 200, current, fixed_point)
        assert current[0] == sum(round(float(weight) * 2**20) for weight in weights[:, 0])
