"""A projection's constant-time update, driven step by step, against the rule applied to every synapse in each step.

Spike trains, surrogate gradients and learning signals are random; a neuron model takes no part.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

from eprop_core.compiled.compilation import kernel
from eprop_core.model.blocks import LARGEST_FACTOR
from eprop_core.model.optimizers import optimizers_of
from eprop_core.model.parts import Parts
from eprop_core.model.projection import (
    ProjectionState,
    Resets,
    begin_time_index,
    end_block,
    end_sample,
    process_time_index,
)
from eprop_core.model.running_sums import (
    Adaptation,
    RunningSums,
    advance_readout_sums,
    advance_sums,
    block_is_full,
    keep_signals,
    start_block,
)
from eprop_core.model.sources import Sources
from eprop_core.model.spikes import Spikes
from eprop_core.model.synapses import ACTIVE, ELIGIBILITY, GRADIENT, NEXT_WEIGHT, WEIGHT, Columns, Synapses
from eprop_core.parameters import Adam, GradientDescent

N_STEPS, N_SOURCES, N_TARGETS = 200, 6, 5
FIXED_POINT = 2.0**40
RHO = 0.96
"""Decay of an adaptation."""
BOUNDS = {"weight_min": -1e9, "weight_max": 1e9}
DESCENT = GradientDescent(learning_rate=1.0, **BOUNDS)
# The learning rate is epsilon: an error of a gradient moves a weight by no more than itself, as with gradient descent.
ADAM = Adam(algorithm="adam", learning_rate=0.02, epsilon=0.02, **BOUNDS)
ADAM_EACH_STEP = ADAM.model_copy(update={"optimize_each_step": True})


@dataclass(frozen=True)
class Case:
    """One projection; ``lag`` is at least ``delay``, as learning signals may arrive later than spikes."""

    alpha: float = 0.95
    kappa: float = 0.97
    kappa_reg: float = 0.97
    cutoff: int | None = 20
    delay: int = 1
    lag: int = 1
    onto_readouts: bool = False
    beta: float = 0.0
    """Rise of the thresholds at the most; targets differ in it."""
    own_decays: bool = False
    """Whether the targets differ in alpha, which is that of the fastest."""
    optimizer: GradientDescent | Adam = DESCENT
    weight_decay: float = 0.0
    """Of synapses that carry feedback if it is not 0."""

    def __str__(self) -> str:
        different = {name: value for name, value in vars(self).items() if value != getattr(Case(), name)}
        if (optimizer := different.pop("optimizer", None)) is not None:
            different["adam"] = "each step" if optimizer.optimize_each_step else "sum"
        return ",".join(f"{name}={value}" for name, value in different.items())


# A step is one call of compiled code, as each call hands over all arrays of a projection.


@kernel
def advance_onto_neurons(projection, psi, current, fixed_point):
    running_sums = projection.running_sums
    keep_signals(running_sums)
    begin_time_index(projection, running_sums.time_index[0] + 1)
    advance_sums(running_sums, psi)
    return end_block_and_process(projection, current, fixed_point)


@kernel
def advance_onto_readouts(projection, error, current, fixed_point):
    advance_readout_sums(projection.running_sums, error)
    begin_time_index(projection, projection.running_sums.time_index[0])
    return end_block_and_process(projection, current, fixed_point)


@kernel
def end_block_and_process(projection, current, fixed_point):
    if block_is_full(projection.running_sums):
        end_block(projection)
        start_block(projection.running_sums)
    return process_time_index(projection, current, fixed_point)


class Driver:
    """Random activity, the synapses under test, and what happens to them in each step."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(1)
        self.case = case
        # From silent to bursting; the fast ones fall silent for a long time in between.
        rates = np.array([0.0, 0.005, 0.02, 0.1, 0.4, 0.9])
        self.emitted = rng.random((N_STEPS, N_SOURCES)) < rates
        self.emitted[70:165, 4:] = False
        self.emitted[::37, 1] = True
        self.psi = rng.random((N_STEPS, N_TARGETS)) * (rng.random((N_STEPS, N_TARGETS)) < 0.7)
        self.signal, self.signal_reg = rng.normal(size=(2, N_STEPS, N_TARGETS))
        self.exists = rng.random((N_SOURCES, N_TARGETS)) < 0.8
        self.exists[3] = False  # a source without targets
        source, target = np.nonzero(self.exists)
        self.source = source
        self.initial, self.initial_feedback = rng.normal(size=(2, len(source)))
        self.alpha = case.alpha ** np.array([1.0, 0.3, 0.1, 0.5, 1.0] if case.own_decays else [1.0] * N_TARGETS)
        self.beta = case.beta * np.array([1.0, 0.5, 0.0, 0.2, 1.0])
        self.running_sums = self._running_sums()
        self.spikes = Spikes.none(case.lag + case.delay + (case.cutoff or 0) + 1, N_SOURCES)
        self.projection = ProjectionState(
            synapses=self._synapses(target),
            sources=Sources.at_rest(
                self._indptr(),
                case.cutoff,
                are_stepwise=isinstance(case.optimizer, Adam),
                lack_filter=self.running_sums.lacks_filter,
            ),
            spikes=self.spikes,
            running_sums=self.running_sums,
            advances_sums=True,
            optimizers=optimizers_of([case.optimizer], case.weight_decay),
            parts=Parts.one(),
            plastic=True,
            updates_at_spikes=True,
            delay=case.delay,
            entry_lead=0 if case.onto_readouts else 1,
            resets=Resets(length=0, sources_begin=0, targets_begin=0, first_step_counts=True),
        )

    def _running_sums(self) -> RunningSums:
        case, is_stepwise = self.case, isinstance(self.case.optimizer, Adam)
        if case.onto_readouts:
            decays = case.alpha, case.alpha, case.alpha, case.lag
            return RunningSums.before_start(N_TARGETS, *decays, is_stepwise=is_stepwise, onto_readouts=True)
        alpha = self.alpha if case.own_decays else case.alpha
        adaptation = Adaptation.of(self.beta, RHO) if case.beta else None
        return RunningSums.before_start(
            N_TARGETS, alpha, case.kappa, case.kappa_reg, case.lag, adaptation, 1.0, is_stepwise=is_stepwise
        )

    def _synapses(self, target: np.ndarray) -> Synapses:
        running_sums, n, chosen = self.running_sums, ELIGIBILITY + 1, {}
        for name, width in (
            ("eligibility_reg", running_sums.sums_reg is not None),
            ("adaptation", running_sums.adaptation is not None),
            ("trace", running_sums.own_decay is not None),
            ("moments", 2 * (running_sums.step_values is not None)),
            ("feedback", self.case.weight_decay > 0.0),
            ("next_feedback", self.case.weight_decay > 0.0 and self.case.optimizer == ADAM_EACH_STEP),
        ):
            if width:
                chosen[name] = n
                n += width
        columns = Columns(n=n, **chosen)
        values = np.zeros((len(target), n))
        values[:, WEIGHT] = self.initial
        if isinstance(self.case.optimizer, Adam) and self.case.optimizer.optimize_each_step:
            values[:, NEXT_WEIGHT] = self.initial
        for name in ("feedback", "next_feedback"):
            if name in chosen:
                values[:, chosen[name]] = self.initial_feedback
        return Synapses.listed(self._indptr(), target.astype(np.int32), values, columns)

    def _indptr(self) -> np.ndarray:
        return np.concatenate(([0], np.cumsum(self.exists.sum(axis=1))))

    def run(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Weights (n_steps, n_synapses) and inputs (n_steps, n_targets) after each step, and the synaptic events."""
        weights = np.empty((N_STEPS, len(self.source)))
        inputs = np.zeros((N_STEPS, N_TARGETS), np.int64 if self.case.onto_readouts else np.float64)
        fixed_point = FIXED_POINT if self.case.onto_readouts else None
        n_events = 0
        for step in range(N_STEPS):
            ids = np.flatnonzero(self.emitted[step])
            slot = step % len(self.spikes.length)
            self.spikes.length[slot] = len(ids)
            self.spikes.ids[slot, : len(ids)] = ids
            n_events += self._advance(inputs[step], fixed_point)
            weights[step] = self.projection.synapses.values[:, WEIGHT]
        return weights, inputs / (fixed_point or 1.0), n_events

    def _advance(self, current: np.ndarray, fixed_point: float | None) -> int:
        running_sums, time_index = self.running_sums, self.running_sums.time_index[0]
        nothing = np.zeros(N_TARGETS)
        psi = self.psi[time_index + 1] if time_index >= -1 else nothing
        signal, signal_reg = (
            (self.signal[time_index], self.signal_reg[time_index]) if time_index >= 0 else (nothing, nothing)
        )
        if self.case.onto_readouts:
            return advance_onto_readouts(self.projection, signal, current, fixed_point)
        signals_differ = self.case.kappa != self.case.kappa_reg
        running_sums.signal[:] = signal if signals_differ else signal + signal_reg
        if signals_differ:
            running_sums.signal_reg[:] = signal_reg
        return advance_onto_neurons(self.projection, psi, current, fixed_point)

    def expected(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the weights (n_steps, n_synapses) that the rule defines, the final feedback weights, and the largest
        sum over a synapse of the absolute values of its gradients' terms.
        """
        weights, feedback = np.empty((N_STEPS, len(self.initial))), np.empty(len(self.initial))
        largest = 0.0
        for i in np.unique(self.source):
            own = self.source == i
            weights[:, own], feedback[own], size = self._advance_source(self.emitted[:, i].tolist(), own)
            largest = max(largest, size)
        return weights, feedback, largest

    def _advance_source(self, emitted: list[bool], own: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the weights of the synapses ``own`` of one source after each step, their final feedback weights, and
        the largest sum of the absolute values of a gradient's terms.
        """
        case, targets = self.case, self.projection.synapses.target[own]
        each_step, retained = case.optimizer == ADAM_EACH_STEP, 1.0 - case.weight_decay
        optimizer = Textbook(case.optimizer)
        weights = np.empty((N_STEPS, len(targets)))
        weight, feedback = self.initial[own], self.initial_feedback[own]
        z = threshold = filtered = filtered_reg = gradient = size = change = nothing = np.zeros(len(targets))
        last, has_arrived = None, False
        for step in range(N_STEPS):
            index = step - case.lag - 1
            if index >= 0:
                if emitted[index]:
                    last = index
                z = self.alpha[targets] * z + (index >= case.delay and emitted[index - case.delay])
                active = last is not None and (case.cutoff is None or index < last + case.cutoff)
                eligibility = active * self.psi[index, targets] * (z - self.beta[targets] * threshold)
                threshold = RHO * threshold + eligibility
                filtered = case.kappa * filtered + eligibility
                filtered_reg = case.kappa_reg * filtered_reg + eligibility
                if active:
                    signal, signal_reg = self.signal[index, targets], self.signal_reg[index, targets]
                    term = signal * z if case.onto_readouts else signal * filtered + signal_reg * filtered_reg
                    gradient, size = gradient + term, size + np.abs(term)
                    if each_step:
                        change, gradient = change + optimizer.change(gradient, index + 1), nothing
            if step >= case.delay and emitted[step - case.delay]:
                if has_arrived:
                    if not each_step:
                        change, gradient = optimizer.change(gradient, step - case.lag), nothing
                    weight, feedback, change = retained * weight + change, retained * feedback + change, nothing
                has_arrived = True
            weights[step] = weight
        return weights, feedback, float(size.max())


class Textbook:
    """The optimizer of one source's synapses, one step after the other."""

    def __init__(self, chosen: GradientDescent | Adam) -> None:
        self.chosen = chosen
        self.n_steps, self.m, self.v = 0, 0.0, 0.0

    def change(self, gradient: np.ndarray, n_steps: int) -> np.ndarray:
        """Change of the weights when ``n_steps`` have elapsed; the first new step takes the gradient."""
        chosen, change = self.chosen, np.zeros(len(gradient))
        if isinstance(chosen, GradientDescent):
            return -chosen.learning_rate * gradient
        for n in range(self.n_steps + 1, n_steps + 1):
            g = gradient if n == self.n_steps + 1 else 0.0
            self.m = chosen.beta_1 * self.m + (1.0 - chosen.beta_1) * g
            self.v = chosen.beta_2 * self.v + (1.0 - chosen.beta_2) * g * g
            m, v = self.m / (1.0 - chosen.beta_1**n), self.v / (1.0 - chosen.beta_2**n)
            change -= chosen.learning_rate * m / (np.sqrt(v) + chosen.epsilon / np.sqrt(1.0 - chosen.beta_2**n))
        self.n_steps = max(self.n_steps, n_steps)
        return change


def check(case: Case) -> None:
    driver = Driver(case)
    initial = driver.initial
    weights, inputs, n_events = driver.run()
    expected, expected_feedback, size = driver.expected()
    moved = np.abs(expected - initial).max(axis=0)
    assert np.all(moved[np.isin(driver.source, [2, 4, 5])] > 1e-3)

    # A gradient is a difference of sums that have grown by LARGEST_FACTOR at most within a block, so it loses as many
    # units of rounding of what is gathered in all. Stepwise synapses lose less.
    tolerance = LARGEST_FACTOR * np.finfo(float).eps * (1.0 + size)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=tolerance)
    if case.weight_decay:
        synapses = driver.projection.synapses
        feedback = synapses.values[:, synapses.columns.feedback]
        np.testing.assert_allclose(feedback, expected_feedback, rtol=0, atol=tolerance)

    arriving = np.zeros_like(driver.emitted)
    arriving[case.delay :] = driver.emitted[: -case.delay]
    assert n_events == (arriving @ driver.exists.sum(axis=1)).sum()
    delivered = np.zeros_like(inputs)
    through = arriving[:, driver.source] * weights
    np.add.at(delivered.T, driver.projection.synapses.target, through.T)
    rounding = len(initial) * (1.0 / FIXED_POINT if case.onto_readouts else np.finfo(float).eps * np.abs(weights).max())
    np.testing.assert_allclose(inputs, delivered, rtol=0, atol=rounding)


def test_negligible_traces_are_zero() -> None:
    """A trace below 1e-30 is set to zero."""
    driver = Driver(Case(alpha=0.5, cutoff=None))
    projection = driver.projection
    projection.sources.records["state"] = ACTIVE
    projection.sources.records["trace"][:2] = 0.99e-30, 1.01e-30
    end_block(projection)
    assert projection.sources.records["trace"][:2].tolist() == [0.0, 1.01e-30]


ONE_OR_NO_FILTER = [(0.0, 0.0), (0.0, 0.9), (0.9, 0.0)]
DECAYS = [(0.97, 0.97), (0.97, 0.8), (0.9999, 0.5), (0.5, 0.9999), (0.05, 0.05), *ONE_OR_NO_FILTER]
DELAYS = [(1, 1), (2, 2), (5, 5), (1, 2), (1, 4), (3, 4), (2, 9), (5, 12)]
ONTO_READOUTS = [
    Case(alpha=alpha, cutoff=cutoff, delay=delay, lag=delay, onto_readouts=True)
    for alpha, cutoff, delay in product((0.95, 0.3), (6, 20, None), (1, 2, 5))
]


@pytest.mark.parametrize(
    "case", [Case(kappa=a, kappa_reg=b, cutoff=c) for (a, b) in DECAYS for c in (7, None)], ids=str
)
def test_filters(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("alpha", [0.02, 0.5, 0.8, 0.999])
def test_time_constants(alpha: float) -> None:
    for case in (Case(alpha=alpha), Case(alpha=alpha, kappa_reg=0.5, cutoff=None)):
        check(case)


@pytest.mark.parametrize("cutoff", [2, 3, 5, 36, 37, 38, 88, 89, 90, 199, 1000, None])
def test_cutoffs(cutoff: int | None) -> None:
    """Among them the interval of a regular source and the length of a block."""
    check(Case(cutoff=cutoff))
    check(Case(cutoff=cutoff, kappa_reg=0.8))


@pytest.mark.parametrize(("delay", "lag"), DELAYS)
@pytest.mark.parametrize("cutoff", [6, 20, None])
def test_delays(delay: int, lag: int, cutoff: int | None) -> None:
    case = Case(delay=delay, lag=lag, cutoff=cutoff)
    check(case)
    check(replace(case, kappa_reg=0.8))
    check(replace(case, alpha=0.3, kappa=0.5))
    for kappa, kappa_reg in ONE_OR_NO_FILTER:
        check(replace(case, kappa=kappa, kappa_reg=kappa_reg))


@pytest.mark.parametrize("case", ONTO_READOUTS, ids=str)
def test_synapses_onto_readouts(case: Case) -> None:
    check(case)


# With the larger rise a trace of the adaptation may change its sign within a step: blocks have a single one.
@pytest.mark.parametrize("beta", [0.02, 0.3, 1.5])
@pytest.mark.parametrize("cutoff", [3, 20, None])
def test_adaptation(cutoff: int | None, beta: float) -> None:
    check(Case(cutoff=cutoff, beta=beta))
    check(Case(cutoff=cutoff, beta=beta, kappa=0.3, alpha=0.99, kappa_reg=0.3))
    for kappa, kappa_reg in ONE_OR_NO_FILTER:
        check(Case(cutoff=cutoff, beta=beta, kappa=kappa, kappa_reg=kappa_reg))


@pytest.mark.parametrize("beta", [0.02, 1.5])
@pytest.mark.parametrize(("delay", "lag"), DELAYS)
def test_adaptation_and_decays_of_their_own(delay: int, lag: int, beta: float) -> None:
    case = Case(delay=delay, lag=lag, beta=beta, own_decays=True, kappa_reg=0.8)
    check(case)
    check(replace(case, cutoff=None))
    check(replace(case, cutoff=6, alpha=0.5))
    for kappa, kappa_reg in ONE_OR_NO_FILTER:
        check(replace(case, kappa=kappa, kappa_reg=kappa_reg))
        check(replace(case, kappa=kappa, kappa_reg=kappa_reg, cutoff=6, beta=0.0))


@pytest.mark.parametrize("optimizer", [ADAM, ADAM_EACH_STEP], ids=["sum", "each step"])
@pytest.mark.parametrize(("delay", "lag"), DELAYS)
def test_stepwise_synapses(delay: int, lag: int, optimizer: Adam) -> None:
    case = Case(delay=delay, lag=lag, optimizer=optimizer)
    for cutoff in (6, 37, None):  # 37 steps is the interval of a regular source
        check(replace(case, cutoff=cutoff))
        check(replace(case, cutoff=cutoff, beta=0.3, own_decays=True, kappa_reg=0.8))
    check(replace(case, alpha=0.05))  # blocks of a single step, which ends before a spike enters
    check(replace(case, beta=1.5, own_decays=True, kappa_reg=0.8))


@pytest.mark.parametrize("optimizer", [ADAM, ADAM_EACH_STEP], ids=["sum", "each step"])
@pytest.mark.parametrize("case", ONTO_READOUTS, ids=str)
def test_stepwise_synapses_onto_readouts(case: Case, optimizer: Adam) -> None:
    check(replace(case, optimizer=optimizer))


@pytest.mark.parametrize("optimizer", [DESCENT, ADAM, ADAM_EACH_STEP], ids=["gradient descent", "sum", "each step"])
@pytest.mark.parametrize("case", ONTO_READOUTS[::4], ids=str)
def test_weights_and_feedback_that_decay(case: Case, optimizer: GradientDescent | Adam) -> None:
    """Each update shrinks both and changes both alike, and before it none of that is seen."""
    check(replace(case, optimizer=optimizer, weight_decay=0.03))


@pytest.mark.parametrize("first_step_counts", [False, True])
@pytest.mark.parametrize(("delay", "lag"), [(1, 1), (3, 3), (3, 1), (2, 5)])
def test_spikes_that_a_reset_meets_are_lost(delay: int, lag: int, first_step_counts: bool) -> None:
    """Samples begin ``lag`` steps later for the targets; a spike reaches those of its own sample alone."""
    length, begin = 10, 2
    driver = Driver(Case(delay=delay, lag=delay))
    resets = Resets(length, begin, begin + lag, first_step_counts)
    projection = driver.projection._replace(plastic=False, resets=resets)
    driver.spikes.length[:] = N_SOURCES
    driver.spikes.ids[:] = np.arange(N_SOURCES)
    for step in range(begin + lag, begin + lag + 5 * length):
        driver.running_sums.time_index[0] = step - delay
        current = np.zeros(N_TARGETS)
        n_events = process_time_index(projection, current, None)
        sample_of_source, sample_of_target = (step - delay - begin) // length, (step - begin - lag) // length
        reaches = sample_of_source == sample_of_target
        if (step - begin - lag) % length == 0:
            reaches = reaches and first_step_counts
        assert n_events == (len(driver.source) if reaches else 0)
        assert current.any() == reaches


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("batch_ends", [False, True])
def test_end_of_a_sample(batch_ends: bool, resets: bool) -> None:
    """At the end of a batch weights move by the mean gradient; traces go where the sample begins from rest."""
    driver = Driver(Case())
    length = 10 if resets else 0
    projection = driver.projection._replace(updates_at_spikes=False, resets=Resets(length, 0, 1, False))
    values, trace = projection.synapses.values, projection.sources.records["trace"]
    values[:, GRADIENT], values[:, ELIGIBILITY], trace[:] = 3.0, 2.0, 1.0
    end_sample(projection, 4 if batch_ends else 0, 0)
    np.testing.assert_array_equal(values[:, WEIGHT], driver.initial - (0.75 if batch_ends else 0.0))
    assert np.all(values[:, GRADIENT] == (0.0 if batch_ends else 3.0))
    assert np.all(values[:, ELIGIBILITY] == (0.0 if resets else 2.0))
    assert np.all(trace == (0.0 if resets else 1.0))
