"""A projection's constant-time update, driven row by row, against a plain walk over the history of every synapse.

Spike trains, surrogate gradients and learning signals are random; a neuron model takes no part.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

from eprop_core.history import LARGEST_FACTOR, History, advance, advance_readouts, move_origin
from eprop_core.optimizers import optimizer_of
from eprop_core.parameters import GradientDescent
from eprop_core.projection import Projection, Resets, begin_row, move_to_new_origin, visit_row
from eprop_core.sources import Sources
from eprop_core.spikes import Spikes
from eprop_core.synapses import ELIGIBILITY, WEIGHT, Columns, Synapses

N_STEPS, N_SOURCES, N_TARGETS = 400, 6, 5
FIXED_POINT = 2.0**40


@dataclass(frozen=True)
class Case:
    """One projection; ``horizon`` is at least ``delay``, as learning signals may arrive later than spikes."""

    alpha: float = 0.95
    kappa: float = 0.97
    kappa_reg: float = 0.97
    cutoff: int | None = 20
    delay: int = 1
    horizon: int = 1
    onto_readouts: bool = False

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in vars(self).items() if value != getattr(Case(), name))


class Driver:
    """Random activity, the synapses under test, and what happens to them in each step."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(1)
        self.case = case
        # From silent to bursting; the fast ones fall silent for a long time in between.
        rates = np.array([0.0, 0.005, 0.02, 0.1, 0.4, 0.9])
        self.emitted = rng.random((N_STEPS, N_SOURCES)) < rates
        self.emitted[150:260, 4:] = False
        self.emitted[::37, 1] = True
        self.psi = rng.random((N_STEPS, N_TARGETS)) * (rng.random((N_STEPS, N_TARGETS)) < 0.7)
        self.signal, self.signal_reg = rng.normal(size=(2, N_STEPS, N_TARGETS))
        self.exists = rng.random((N_SOURCES, N_TARGETS)) < 0.8
        self.exists[3] = False  # a source without targets
        source, target = np.nonzero(self.exists)
        self.source = source
        two_filters = case.kappa != case.kappa_reg and not case.onto_readouts
        n_plain = ELIGIBILITY + 1
        columns = Columns(n=n_plain + 1, eligibility_reg=n_plain) if two_filters else Columns(n=n_plain)
        values = np.zeros((len(source), columns.n))
        self.initial = rng.normal(size=len(source))
        values[:, WEIGHT] = self.initial
        offset = np.concatenate(([0], np.cumsum(self.exists.sum(axis=1))))
        decays = (case.alpha,) * 3 if case.onto_readouts else (case.alpha, case.kappa, case.kappa_reg)
        self.history = History.before_start(N_TARGETS, *decays, case.horizon)
        self.projection = Projection(
            synapses=Synapses(offset, target.astype(np.int32), values, columns),
            sources=Sources.at_rest(N_SOURCES, case.cutoff),
            optimizer=optimizer_of(GradientDescent(learning_rate=1.0, weight_min=-1e9, weight_max=1e9), None, 0.0),
            plastic=True,
            updates_at_spikes=True,
            delay=case.delay,
            entry_lead=0 if case.onto_readouts else 1,
            resets=Resets(length=0, sources_begin=0, targets_begin=0, first_step_counts=True),
        )
        self.spikes = Spikes.none(case.horizon + case.delay + 1, N_SOURCES)

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
            self._next_row()
            self._end_block()
            events, _ = visit_row(self.projection, self.spikes, self.history, inputs[step], fixed_point, None)
            n_events += events
            weights[step] = self.projection.synapses.values[:, WEIGHT]
        return weights, inputs / (fixed_point or 1.0), n_events

    def _next_row(self) -> None:
        history, row = self.history, self.history.row[0]
        offset = row - history.origin[0]
        nothing = np.zeros(N_TARGETS)
        psi = self.psi[row + 1] if row >= -1 else nothing
        signal, signal_reg = (self.signal[row], self.signal_reg[row]) if row >= 0 else (nothing, nothing)
        if self.case.onto_readouts:
            advance_readouts(history.sums, history.decay, offset, signal)
            history.row[0] += 1
            begin_row(self.projection, self.spikes, history, row + 1)
            return
        if history.sums_reg is None:
            signal = signal + signal_reg
        history.signal[:] = signal
        if history.sums_reg is not None:
            history.signal_reg[:] = signal_reg
        begin_row(self.projection, self.spikes, history, row + 1)
        advance(history.sums, None, None, history.decay, offset, psi, signal)
        if history.sums_reg is not None:
            advance(history.sums_reg, None, None, history.decay_reg, offset, psi, signal_reg)
        history.row[0] += 1

    def _end_block(self) -> None:
        history = self.history
        if history.row[0] - history.origin[0] == history.decay.block:
            move_to_new_origin(self.projection, history)
            move_origin(history.sums, None, None)
            if history.sums_reg is not None:
                move_origin(history.sums_reg, None, None)
            history.origin[0] = history.row[0]

    def walk(self) -> tuple[np.ndarray, float]:
        """Weights (n_steps, n_synapses) as the rule defines them, and the sum of all that the gradients are made of."""
        weights = np.tile(self.initial, (N_STEPS, 1))
        largest = 0.0
        targets = self.projection.synapses.target
        for i in np.unique(self.source):
            own = self.source == i
            changes, size = self._walk_source(self.emitted[:, i].tolist(), targets[own])
            weights[:, own] -= changes
            largest = max(largest, size)
        return weights, largest

    def _walk_source(self, emitted: list[bool], targets: np.ndarray) -> tuple[np.ndarray, float]:
        """What has been subtracted from the weights of one source after each step, and the sum of its terms' sizes."""
        case = self.case
        changes = np.zeros((N_STEPS, len(targets)))
        taken = gradient = size = z = filtered = filtered_reg = np.zeros(len(targets))
        z, last, has_arrived = 0.0, None, False
        for step in range(N_STEPS):
            index = step - case.horizon - 1
            if index >= 0:
                if emitted[index]:
                    last = index
                z = case.alpha * z + (index >= case.delay and emitted[index - case.delay])
                active = last is not None and (case.cutoff is None or index < last + case.cutoff)
                eligibility = self.psi[index, targets] * (z if active else 0.0)
                filtered = case.kappa * filtered + eligibility
                filtered_reg = case.kappa_reg * filtered_reg + eligibility
                if active:
                    signal, signal_reg = self.signal[index, targets], self.signal_reg[index, targets]
                    term = signal * z if case.onto_readouts else signal * filtered + signal_reg * filtered_reg
                    gradient = gradient + term
                    size = size + np.abs(term)
            if step >= case.delay and emitted[step - case.delay]:
                if has_arrived:
                    taken = taken + gradient
                    gradient = np.zeros(len(targets))
                has_arrived = True
            changes[step] = taken
        return changes, float(size.max())


def check(case: Case) -> None:
    driver = Driver(case)
    initial = driver.initial
    weights, inputs, n_events = driver.run()
    expected, size = driver.walk()
    assert np.all(np.abs(expected[-1] - initial)[np.isin(driver.source, [2, 4, 5])] > 1e-3)

    # A gradient is a difference of sums that have grown by LARGEST_FACTOR at most within a block, so it loses as many
    # units of rounding of what is gathered in all.
    tolerance = LARGEST_FACTOR * np.finfo(float).eps * (1.0 + size)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=tolerance)

    arriving = np.zeros_like(driver.emitted)
    arriving[case.delay :] = driver.emitted[: -case.delay]
    assert n_events == (arriving @ driver.exists.sum(axis=1)).sum()
    delivered = np.zeros_like(inputs)
    through = arriving[:, driver.source] * weights
    np.add.at(delivered.T, driver.projection.synapses.target, through.T)
    rounding = len(initial) * (1.0 / FIXED_POINT if case.onto_readouts else np.finfo(float).eps * np.abs(weights).max())
    np.testing.assert_allclose(inputs, delivered, rtol=0, atol=rounding)


DECAYS = [(0.97, 0.97), (0.97, 0.8), (0.0, 0.0), (0.0, 0.9), (0.9, 0.0), (0.9999, 0.5), (0.5, 0.9999), (0.05, 0.05)]
DELAYS = [(1, 1), (2, 2), (5, 5), (1, 2), (1, 4), (3, 4), (2, 9), (5, 12)]
ONTO_READOUTS = [
    Case(alpha=alpha, cutoff=cutoff, delay=delay, horizon=delay, onto_readouts=True)
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


@pytest.mark.parametrize("cutoff", [2, 3, 5, 36, 37, 38, 88, 89, 90, 399, 1000, None])
def test_cutoffs(cutoff: int | None) -> None:
    """Among them the interval of a regular source and the length of a block."""
    check(Case(cutoff=cutoff))
    check(Case(cutoff=cutoff, kappa_reg=0.8))


@pytest.mark.parametrize(("delay", "horizon"), DELAYS)
@pytest.mark.parametrize("cutoff", [6, 20, None])
def test_delays(delay: int, horizon: int, cutoff: int | None) -> None:
    case = Case(delay=delay, horizon=horizon, cutoff=cutoff)
    check(case)
    check(replace(case, kappa_reg=0.8))
    check(replace(case, alpha=0.3, kappa=0.5))


@pytest.mark.parametrize("case", ONTO_READOUTS, ids=str)
def test_synapses_onto_readouts(case: Case) -> None:
    check(case)
