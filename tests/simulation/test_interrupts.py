"""Ctrl-C ends a run between two steps, and the next run goes on as if there had been no interrupt."""

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from eprop_core import run as run_module
from eprop_core.interrupts import DeferredInterrupt
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.recording.recording import Recording, RunInterrupted
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.variants import SMALL
from pieces import assert_same_bits
from small_problem import small_problem

pytestmark = pytest.mark.usefixtures("default_interrupts")

N_STEPS = 30_000
STRETCH = 70
"""Number of steps that compiled code runs at once in these tests; an interrupt takes effect after them."""
INTERRUPTS = 4


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "RECORDED_AT_ONCE", STRETCH * SMALL["n_recurrent"])


def long_problem(sample_length: int | None) -> tuple[Network, dict[str, Any], Stimulus]:
    network, connections, stimulus = small_problem(8, N_STEPS, delay=dict.fromkeys(PROJECTIONS, 2))
    if sample_length is not None:
        values = network.model_dump()
        values["plasticity"] |= {"update": "sample", "rate_average": "sample", "reset_at_samples": True}
        network = parse(Network, values)
    return network, connections, stimulus


def run_with_interrupts(simulation: Simulation, stimulus: Stimulus, sample_length: int | None) -> list[Recording]:
    """Simulate the whole stimulus; after each interrupt, another run goes on."""
    recordings = []
    while simulation.step < N_STEPS:
        rest = stimulus.part(simulation.step, N_STEPS)
        if sample_length is not None:
            object.__setattr__(rest, "n_samples", rest.n_steps // sample_length)
        try:
            recordings.append(simulation.run(rest))
        except RunInterrupted as interrupted:
            recordings.append(interrupted.recording)
            assert sum(len(recording.readout) for recording in recordings) == simulation.step
            assert f"step {simulation.step}," in str(interrupted)
            assert simulation.step % (sample_length or 1) == 0
    return recordings


@pytest.mark.parametrize(("sample_length", "steps_between"), [(None, STRETCH), (300, 300)])
@pytest.mark.needs_compiler
def test_interrupted_runs_add_up_to_a_whole_one(
    sample_length: int | None, steps_between: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first runs are interrupted at their beginning and end as early as they can, or with a sample."""
    network, connections, stimulus = long_problem(sample_length)
    whole, interrupted = (Simulation(network, connections=connections) for _ in range(2))
    if sample_length is not None:
        object.__setattr__(stimulus, "n_samples", N_STEPS // sample_length)
    expected = whole.run(stimulus)
    assert len(expected.spike_steps) > 1000

    entered: list[DeferredInterrupt] = []

    def enter(self: DeferredInterrupt) -> DeferredInterrupt:
        entered.append(self)
        self.requested = len(entered) <= INTERRUPTS
        return self

    monkeypatch.setattr(DeferredInterrupt, "__enter__", enter)
    recordings = run_with_interrupts(interrupted, stimulus, sample_length)
    lengths = [len(recording.readout) for recording in recordings]
    assert lengths == [steps_between] * INTERRUPTS + [N_STEPS - INTERRUPTS * steps_between]
    assert_same_bits(whole, interrupted, expected, Recording.joined(recordings))


@pytest.mark.needs_compiler
def test_a_signal_at_any_time_does_not_change_results() -> None:
    """It may come before, during or after a run."""
    network, connections, stimulus = long_problem(None)
    whole, interrupted = (Simulation(network, connections=connections) for _ in range(2))
    expected = whole.run(stimulus)
    recordings: list[Recording] = []
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        recordings = run_with_interrupts(interrupted, stimulus, None)
        timer.join()
    except KeyboardInterrupt:  # outside of a run, on a slow or a very fast machine
        timer.join()
        return
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same_bits(whole, interrupted, expected, Recording.joined(recordings))


def test_a_second_signal_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_handlers_and_threads_are_left_alone() -> None:
    received = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        with DeferredInterrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
        assert not interrupt.requested
    finally:
        signal.signal(signal.SIGINT, before)
    network, connections, stimulus = small_problem(8)
    thread = threading.Thread(target=Simulation(network, connections=connections).run, args=[stimulus])
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.needs_compiler
def test_a_handler_that_raises_ends_a_run_between_steps() -> None:
    """For instance the handler of the SIGTERM of a batch system. The simulation can go on afterwards."""
    network, connections, stimulus = long_problem(None)
    whole, interrupted = (Simulation(network, connections=connections) for _ in range(2))
    whole.run(stimulus)

    def end(number: int, frame: Any) -> None:
        raise SystemExit

    before = signal.signal(signal.SIGTERM, end)
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        interrupted.run(stimulus)
        timer.join()
    except SystemExit:
        timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    if interrupted.step < N_STEPS:
        interrupted.run(stimulus.part(interrupted.step, N_STEPS))
    for name in PROJECTIONS:
        np.testing.assert_array_equal(whole.weights(name).weight, interrupted.weights(name).weight)
