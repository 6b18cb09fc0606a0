"""A spike, a silence, a new block and the end of a sample change synapses; all numbers are exact.

Decays are 1/2 and 1/4 and all else small multiples of powers of two, so that neither the constant-time update nor the
stepwise rule rounds, and both must agree to the bit. Random spike trains are left to test_projection.py.
"""

from typing import NamedTuple

import numpy as np
import pytest

from eprop_core.model.optimizers import Elapsed, Optimizer, one_step, optimizer_of
from eprop_core.model.running_sums import Adaptation, RunningSums, advance_sums, start_block
from eprop_core.model.synapses import (
    ACTIVATING,
    ACTIVE,
    ELIGIBILITY,
    GRADIENT,
    INACTIVE,
    NO_COLUMN,
    NO_TARGET,
    WEIGHT,
    Columns,
    SpikeEffects,
    Synapses,
    TakenBack,
    bring_up_to_date,
    deliver,
    forget,
    process,
    update_all_of,
    update_weight,
)
from eprop_core.network.rows import in_rows
from eprop_core.parameters import Adam, GradientDescent

ALPHA, KAPPA, KAPPA_REG = 0.5, 0.25, 0.5
OWN_ALPHA = np.array([0.5, 0.25])
BETA, RHO = np.array([0.5, 1.0]), 0.75
BLOCK = 3
"""Steps of a block with these decays."""

RNG = np.random.default_rng(1)
PSI = RNG.integers(1, 9, (BLOCK + 1, 2)) / 8.0
SIGNAL, SIGNAL_REG = RNG.integers(-8, 9, (2, BLOCK + 1, 2)) / 4.0
# P, by which sums are divided, decays by RHO - BETA * PSI: 1/2 or 1/4.
PSI_OF_ADAPTIVE = RNG.integers(1, 3, (BLOCK + 1, 2)) * [0.5, 0.25]

UNBOUNDED = optimizer_of(GradientDescent(learning_rate=1.0), 0.0)
NOTHING_TAKEN_BACK = TakenBack(0.0, 0)
NO_SPIKE = SpikeEffects(
    state=ACTIVE,
    arrives=False,
    updates=False,
    enters=False,
    trace=0.0,
    jump=0.0,
    plain_trace=0.0,
    remaining=0.0,
    remaining_reg=0.0,
    remaining_adaptation=0.0,
    age=0,
    growth=1.0,
    growth_reg=1.0,
    taken_back=NOTHING_TAKEN_BACK,
    elapsed=Elapsed(0, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ahead=np.uint64(0),
)
INITIAL = [10.0, 20.0]


class Kind(NamedTuple):
    """What synapses have to remember."""

    two_filters: bool = False
    adapts: bool = False
    own_decays: bool = False
    in_rows: bool = False

    def __str__(self) -> str:
        return " ".join(name for name, chosen in self._asdict().items() if chosen) or "plain"


KINDS = pytest.mark.parametrize(
    "kind",
    [
        Kind(),
        Kind(two_filters=True),
        Kind(adapts=True),
        Kind(own_decays=True),
        Kind(True, True, True),
        Kind(in_rows=True),
        Kind(True, True, True, in_rows=True),
    ],
    ids=str,
)


class Bench:
    """Two neurons and one source with a synapse onto each."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.psi = PSI_OF_ADAPTIVE if kind.adapts else PSI
        self.alpha = OWN_ALPHA if kind.own_decays else np.full(2, ALPHA)
        self.running_sums = RunningSums.before_start(
            2,
            OWN_ALPHA if kind.own_decays else ALPHA,
            KAPPA,
            KAPPA_REG if kind.two_filters else KAPPA,
            1,
            Adaptation.of(BETA, RHO) if kind.adapts else None,
            0.5,
            by_column=kind.in_rows,
        )
        assert self.running_sums.decay.block == BLOCK
        needed = {"eligibility_reg": kind.two_filters, "adaptation": kind.adapts, "trace": kind.own_decays}
        chosen = [name for name, is_needed in needed.items() if is_needed]
        n = ELIGIBILITY + 1
        columns = Columns(n=n + len(chosen), **{name: n + k for k, name in enumerate(chosen)})
        values = np.zeros((2, columns.n))
        values[:, WEIGHT] = INITIAL
        self.synapses = Synapses.listed(np.array([0, 2]), np.array([0, 1], np.int32), values, columns)
        self.values = self.synapses.values
        if kind.in_rows:
            self.synapses = in_rows(self.synapses, np.full(1, NO_TARGET, np.int32), 2)
            self.values = self.synapses.rows[0].T
        self.running_sums.time_index[0] = self.running_sums.block_start[0] = 0

    @property
    def time_index(self) -> int:
        return int(self.running_sums.time_index[0])

    def advance(self, time_index: int) -> None:
        while self.time_index < time_index:
            self.set_signals()
            advance_sums(self.running_sums, self.psi[self.time_index + 1])

    def set_signals(self) -> None:
        """Make the learning signals of this time index known."""
        self.running_sums.signal[:] = SIGNAL[self.time_index]
        if self.running_sums.sums_reg is not None:
            self.running_sums.signal_reg[:] = SIGNAL_REG[self.time_index]

    def process(self, optimizer: Optimizer = UNBOUNDED, **spike: object) -> list[float]:
        """Process a spike, which updates the weights if it arrives; return the input of the targets."""
        current = np.zeros(2)
        given = NO_SPIKE._replace(**{"updates": spike.get("arrives", False)} | spike)
        process(self.synapses, 0, 0, 2, self.running_sums, given, optimizer, current, None)
        return current.tolist()

    def start(self) -> float:
        """Process the first spike ever; return the trace z that it leaves, if synapses share that."""
        z = ALPHA ** -(self.time_index + 1)
        assert self.process(state=ACTIVATING, arrives=True, enters=True, jump=z) == INITIAL
        return z

    def bring_up_to_date(self, trace: float, step_ends: bool) -> None:
        """Bring the synapses up to date, with the learning signal of this time index if ``step_ends``."""
        if step_ends:
            self.set_signals()
        bring_up_to_date(self.synapses, 0, 0, 2, self.running_sums, trace, step_ends, NOTHING_TAKEN_BACK)

    def column(self, column: int) -> list[float]:
        return self.values[:, column].tolist()

    def set_traces(self, value: float) -> None:
        """Give all traces but that of the own decay the same value."""
        columns = self.synapses.columns
        for column in (ELIGIBILITY, columns.eligibility_reg, columns.adaptation):
            if column != NO_COLUMN:
                self.values[:, column] = value

    def assert_traces_are_those_of(self, stepwise: "Stepwise") -> None:
        columns = self.synapses.columns
        assert self.column(ELIGIBILITY) == stepwise.eligibility.tolist()
        for column, values in (
            (columns.eligibility_reg, stepwise.eligibility_reg),
            (columns.adaptation, stepwise.adaptation),
            (columns.trace, stepwise.trace),
        ):
            if column != NO_COLUMN:
                assert self.column(column) == values.tolist()


class Stepwise:
    """The plain traces of both synapses in each step; the spike enters at ``time_index``."""

    def __init__(self, bench: Bench, time_index: int) -> None:
        self.kind, self.alpha, self.psi = bench.kind, bench.alpha, bench.psi
        self.index = time_index
        self.trace, self.eligibility, self.eligibility_reg, self.adaptation, self.gradient = np.zeros((5, 2))

    def go_to(self, time_index: int, arrival: int) -> "Stepwise":
        """Go up to ``time_index``, whose learning signal is not included; a spike arrives at ``arrival``."""
        while self.index < time_index:
            self.gradient += SIGNAL[self.index] * self.eligibility
            if self.kind.two_filters:
                self.gradient += SIGNAL_REG[self.index] * self.eligibility_reg
            self.index += 1
            self.trace = self.alpha * self.trace + (self.index == arrival)
            self.filter()
        return self

    def filter(self) -> None:
        """Let the presynaptic trace pass through the filters of this index."""
        eligibility = self.psi[self.index] * (self.trace - self.kind.adapts * BETA * self.adaptation)
        self.adaptation = RHO * self.adaptation + eligibility
        self.eligibility = KAPPA * self.eligibility + eligibility
        self.eligibility_reg = KAPPA_REG * self.eligibility_reg + eligibility


@KINDS
def test_first_spike_leaves_weights_alone(kind: Kind) -> None:
    bench = Bench(kind)
    bench.advance(2)
    bench.start()
    assert bench.column(WEIGHT) == INITIAL


@KINDS
@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)])
def test_second_spike_learns_from_the_time_between(kind: Kind, first: int, second: int) -> None:
    bench = Bench(kind)
    stepwise = Stepwise(bench, first).go_to(second, arrival=first + 1)
    bench.advance(first)
    z = bench.start()
    bench.advance(second)
    current = bench.process(arrives=True, trace=z)
    assert current == bench.column(WEIGHT) == (INITIAL - stepwise.gradient).tolist()
    assert second == first + 1 or stepwise.gradient.all()


@KINDS
def test_every_part_of_the_time_is_used_once(kind: Kind) -> None:
    """Three spikes in consecutive steps: the third does not use again what the second has used."""
    bench = Bench(kind)
    z = bench.start()
    bench.advance(2)
    bench.process(arrives=True, trace=z)
    bench.advance(3)
    bench.process(arrives=True, trace=z)
    assert bench.column(WEIGHT) == (INITIAL - Stepwise(bench, 0).go_to(3, arrival=1).gradient).tolist()


def test_weights_stay_within_their_bounds() -> None:
    bench = Bench(Kind())
    gradient = Stepwise(bench, 0).go_to(3, arrival=1).gradient
    z = bench.start()
    bench.advance(3)
    given = GradientDescent(learning_rate=2.0, weight_min=10.0 + 1e-3, weight_max=20.0 - 1e-3)
    bounds = optimizer_of(given, 0.0)
    current = bench.process(bounds, arrives=True, trace=z)
    assert np.abs(gradient).max() > 1e-3
    assert current == bench.column(WEIGHT) == np.clip(INITIAL - 2.0 * gradient, 10.0 + 1e-3, 20.0 - 1e-3).tolist()


@KINDS
def test_arrival_and_entry_apart_have_the_same_effect_as_together(kind: Kind) -> None:
    together, apart = Bench(kind), Bench(kind)
    for bench in (together, apart):
        z = bench.start()
        bench.advance(2)
    jump = 8.0
    together.process(arrives=True, enters=True, trace=z, jump=jump)
    apart.process(arrives=True, trace=z)
    apart.process(enters=True, trace=z, jump=jump)
    for bench in (together, apart):
        bench.advance(3)
        bench.process(arrives=True, trace=z + jump)
    assert together.column(WEIGHT) == apart.column(WEIGHT) != INITIAL


@KINDS
def test_synapses_that_are_up_to_date_hold_plain_gradient_and_trace(kind: Kind) -> None:
    bench = Bench(kind)
    stepwise = Stepwise(bench, 0).go_to(2, arrival=1)
    z = bench.start()
    bench.advance(2)
    bench.bring_up_to_date(z, step_ends=False)
    assert bench.column(GRADIENT) == stepwise.gradient.tolist()
    bench.assert_traces_are_those_of(stepwise)


@KINDS
def test_silence_includes_the_learning_signal_of_its_time_index(kind: Kind) -> None:
    """At the cutoff the learning signal of the time index counts as well, and its eligibility is the last one."""
    bench = Bench(kind)
    z = bench.start()
    bench.advance(2)
    bench.bring_up_to_date(z, step_ends=True)
    assert bench.column(GRADIENT) == Stepwise(bench, 0).go_to(3, arrival=1).gradient.tolist()
    stepwise = Stepwise(bench, 0).go_to(2, arrival=1)
    bench.assert_traces_are_those_of(stepwise)


@KINDS
def test_a_new_block_changes_nothing(kind: Kind) -> None:
    """A new block starts at time index 2: the gradient that is gathered from there on is the same."""
    bench = Bench(kind)
    stepwise = Stepwise(bench, 0).go_to(3, arrival=1)
    z = bench.start()
    bench.advance(2)
    bench.bring_up_to_date(z, step_ends=False)
    start_block(bench.running_sums)
    bench.advance(3)
    bench.process(arrives=True, trace=z * ALPHA**2)
    assert bench.column(WEIGHT) == (INITIAL - stepwise.gradient).tolist()


@KINDS
def test_an_inactive_synapse_gathers_nothing_until_it_is_activated(kind: Kind) -> None:
    """It starts inactive with a gradient and traces of 1/2; a spike activates it at time index 1, one arrives at 3."""
    bench = Bench(kind)
    bench.values[:, GRADIENT] = 1.0, -2.0
    bench.set_traces(0.5)
    # It became inactive two steps before time index 0. The presynaptic trace decays all the time, and is 3/4 then.
    trace = 0.75
    if kind.own_decays:
        bench.values[:, bench.synapses.columns.trace] = trace / OWN_ALPHA**2
    bench.advance(1)
    spike = {"plain_trace": trace * ALPHA, "age": 3, "growth": 1 / KAPPA, "growth_reg": 1 / KAPPA_REG}
    remaining = {"remaining": KAPPA**2, "remaining_reg": KAPPA_REG**2, "remaining_adaptation": RHO**2}
    bench.process(state=ACTIVATING, trace=trace, **spike, **remaining)
    assert bench.column(WEIGHT) == INITIAL
    bench.advance(3)
    bench.process(arrives=True, trace=trace)

    # Index 1 is the first to gather again.
    stepwise = Stepwise(bench, 1)
    stepwise.trace = trace * bench.alpha
    stepwise.eligibility += 0.5 * KAPPA**2
    stepwise.eligibility_reg += 0.5 * KAPPA_REG**2
    stepwise.adaptation += 0.5 * RHO**2
    stepwise.filter()
    expected = INITIAL - (np.array([1.0, -2.0]) + stepwise.go_to(3, arrival=-1).gradient)
    assert bench.column(WEIGHT) == expected.tolist()


@KINDS
def test_a_spike_that_arrives_while_inactive_uses_the_gradient(kind: Kind) -> None:
    bench = Bench(kind)
    bench.values[:, GRADIENT] = 1.0, -2.0
    bench.values[:, ELIGIBILITY:] = 0.5
    bench.advance(2)
    assert bench.process(state=INACTIVE, arrives=True, trace=0.75) == [9.0, 22.0]
    assert bench.column(GRADIENT) == [0.0, 0.0]
    assert np.all(bench.values[:, ELIGIBILITY:] == 0.5)


def synapses_that_carry_feedback() -> Synapses:
    """Two, with weights 8 and -4, gradients 1 and 2, and the feedback weights 16 and 32."""
    values = np.array([[8.0, 1.0, 0.5, 16.0], [-4.0, 2.0, 0.5, 32.0]])
    return Synapses.listed(np.array([0, 2]), np.array([0, 1], np.int32), values, Columns(n=4, feedback=3))


def test_weights_and_feedback_that_decay() -> None:
    """Both shrink, then move by the same change; bounds hold for the weights."""
    synapses = synapses_that_carry_feedback()
    optimizer = optimizer_of(GradientDescent(learning_rate=0.5, weight_min=-3.75, weight_max=100.0), 0.25)
    update_weight(synapses.values, 0, synapses.columns, 3.0, optimizer, one_step(optimizer, 0))
    update_weight(synapses.values, 1, synapses.columns, 3.0, optimizer, one_step(optimizer, 0))
    assert synapses.values[:, WEIGHT].tolist() == [6.0 - 1.5, -3.75]
    assert synapses.values[:, 3].tolist() == [12.0 - 1.5, 24.0 - 1.5]
    assert synapses.values[:, GRADIENT].tolist() == [1.0, 2.0]


def test_update_of_all_takes_the_mean_gradient_of_the_samples() -> None:
    synapses = synapses_that_carry_feedback()
    descent = optimizer_of(GradientDescent(learning_rate=0.5), 0.0)
    update_all_of(synapses, 0, 0, 2, descent, 4, one_step(descent, 7))
    assert synapses.values.tolist() == [[8.0 - 0.125, 0.0, 0.5, 16.0 - 0.125], [-4.0 - 0.25, 0.0, 0.5, 32.0 - 0.25]]


def test_update_of_all_counts_updates() -> None:
    """With Adam, each is one step, whether there is a gradient or not: Algorithm 1 of Kingma and Ba (2015)."""
    optimizer = optimizer_of(Adam(algorithm="adam", learning_rate=0.5, beta_1=0.5, beta_2=0.75, epsilon=1e-30), 0.0)
    m, v, weight = np.zeros(2), np.zeros(2), np.zeros(2)
    synapses = Synapses.listed(np.array([0, 2]), np.arange(2), np.zeros((2, 5)), Columns(n=5, moments=3))
    values = synapses.values
    for t in range(1, 6):
        gradient = np.array([1.5, -1.0]) if t % 2 == 1 else np.zeros(2)
        values[:, GRADIENT] = 2.0 * gradient
        update_all_of(synapses, 0, 0, 2, optimizer, 2, one_step(optimizer, t - 1))
        m, v = 0.5 * m + 0.5 * gradient, 0.75 * v + 0.25 * gradient**2
        weight -= 0.5 * (m / (1.0 - 0.5**t)) / np.sqrt(v / (1.0 - 0.75**t))
        np.testing.assert_allclose(values[:, WEIGHT], weight, rtol=1e-14)
        assert not values[:, GRADIENT].any()


@KINDS
def test_forgetting_leaves_weights_and_gradients(kind: Kind) -> None:
    bench = Bench(kind)
    bench.values[:, GRADIENT:] = 0.5
    forget(bench.synapses, bench.running_sums)
    assert bench.column(WEIGHT) == INITIAL
    assert bench.column(GRADIENT) == [0.5, 0.5]
    assert not bench.values[:, ELIGIBILITY:].any()


def test_static_weights_are_delivered() -> None:
    synapses = Synapses.listed(
        np.array([0, 1, 4]), np.array([2, 0, 1, 1], np.int32), np.array([[1.0], [2.0], [4.0], [0.5]]), Columns()
    )
    current = np.array([100.0, 0.0, 0.0])
    deliver(synapses, 0, 1, 4, current, None)
    assert current.tolist() == [102.0, 4.5, 0.0]


def test_input_of_readouts_is_the_same_in_any_order() -> None:
    """Weights are rounded to the fixed point one by one, to the nearest; then sums are exact."""
    fixed_point = 2.0**20
    weights = np.random.default_rng(2).normal(size=(200, 1))
    for order in (np.arange(200), np.random.default_rng(3).permutation(200)):
        synapses = Synapses.listed(np.array([0, 200]), np.zeros(200, np.int32), weights[order], Columns())
        current = np.zeros(1, np.int64)
        deliver(synapses, 0, 0, 200, current, fixed_point)
        assert current[0] == sum(round(float(weight) * 2**20) for weight in weights[:, 0])
