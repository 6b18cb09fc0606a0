"""Poisson input that is drawn while the network runs has the bits of the same spikes as events."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from continued import continued, uninterrupted
from eprop_core import ParameterError, PoissonStimulus, Record, Simulation, Stimulus, StimulusError, poisson_input
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.recording.recording import Recording
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits, of_all_ranks
from small_problem import N_STEPS, small_problem
from thread_ranks import on_thread_ranks

DOCUMENT = Path(__file__).parents[2] / "docs" / "how_to" / "poisson.md"
DELAYS = {
    "unit delays": dict.fromkeys(PROJECTIONS, 1),
    "long delays": {"input": 2, "recurrent": 4, "output": 5, "feedback": 3},
}
LARGEST_SEED = 2**64 - 1


def varying(delay: str, first_step: int) -> tuple[Problem, PoissonStimulus]:
    """A network with spikes as events, and what draws them.

    Rates change every 7 steps until step 350. Some channels are silent for a while, and one spikes in each step.
    """
    network, connections, shown = small_problem(8, delay=DELAYS[delay])
    rng = np.random.default_rng(5)
    rates = rng.uniform(0.0, 0.12, (50, network.n_input)) * 1000.0 / network.dt
    rates[rng.random((50, network.n_input)) < 0.2] = 0.0
    rates[10:12], rates[:, 3] = 0.0, 1000.0 / network.dt
    drawing: dict[str, Any] = {"steps_per_row": 7, "seed": LARGEST_SEED, "first_step": first_step}
    steps, channels = poisson_input(rates, n_steps=N_STEPS, dt=network.dt, **drawing)
    assert np.bincount(channels)[3] == N_STEPS
    events = Stimulus(N_STEPS, steps, channels, shown.target, shown.learning_window)
    drawn = PoissonStimulus(N_STEPS, rates, shown.target, shown.learning_window, **drawing)
    return Problem(network, connections, events), drawn


@pytest.mark.parametrize(("delay", "first_step"), [("unit delays", 0), ("long delays", 2**40 + 3)])
def test_drawn_spikes_give_the_bits_of_events(delay: str, first_step: int) -> None:
    """On one rank and on several, in one run and in pieces of any length, which end within blocks and intervals."""
    problem, drawn = varying(delay, first_step)
    network, connections, events = problem
    by_events = Simulation(network, connections=connections)
    recording = by_events.run(events)
    assert len(recording.spike_steps) > 30
    assert not np.array_equal(by_events.weights("input").weight, connections["input"].weight)

    whole, in_pieces = (Simulation(network, connections=connections) for _ in range(2))
    assert_same_bits(by_events, whole, recording, whole.run(drawn))
    lengths = [1, 1, 2, 3, 5, 88, 100, 1, 299]
    assert sum(lengths) == N_STEPS
    ends = np.cumsum(lengths).tolist()
    recordings = [in_pieces.run(drawn.part(end - n, end)) for n, end in zip(lengths, ends, strict=True)]
    assert_same_bits(by_events, in_pieces, recording, Recording.joined(recordings))

    def on_rank(communicator: Any) -> tuple[Recording, np.ndarray]:
        simulation = Simulation(network, connections=connections, communicator=communicator)
        return simulation.run(drawn), simulation.weights("input").weight

    for n_ranks in (2, 3):
        of_ranks = on_thread_ranks(n_ranks, lambda communicator: on_rank(communicator))
        joined = of_all_ranks([of_rank for of_rank, _ in of_ranks])
        for name in ("spike_steps", "spike_neurons", "readout", "error"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(recording, name))
        np.testing.assert_array_equal(of_ranks[0][1], by_events.weights("input").weight)


def test_a_rank_draws_the_channels_that_have_targets_on_it() -> None:
    """A rank whose neurons have no input, and one that has input from some channels."""
    problem, drawn = varying("unit delays", 1)
    network, connections, events = problem
    source, target, weight = connections["input"]
    kept = (target >= network.n_recurrent // 2) & (source % 3 == 0)
    connections = connections | {"input": type(connections["input"])(source[kept], target[kept], weight[kept])}

    def on_rank(communicator: Any) -> tuple[Recording, ...]:
        simulations = [Simulation(network, connections=connections, communicator=communicator) for _ in range(2)]
        return tuple(one.run(shown) for one, shown in zip(simulations, (events, drawn), strict=True))

    recordings = [of_all_ranks(list(of_ranks)) for of_ranks in zip(*on_thread_ranks(2, on_rank), strict=True)]
    assert len(recordings[0].spike_steps) > 10
    for name in ("spike_steps", "spike_neurons", "readout", "error"):
        np.testing.assert_array_equal(getattr(recordings[0], name), getattr(recordings[1], name))


def test_a_simulation_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    problem, drawn = varying("long delays", 0)
    expected = uninterrupted(problem)
    outcome = continued(problem._replace(stimulus=drawn), tmp_path, [130, 333], [1, 2, 1])  # type: ignore[arg-type]
    assert len(expected.recording.spike_steps) > 30
    for name, values in vars(expected.recording).items():
        np.testing.assert_array_equal(getattr(outcome.recording, name), values)
    np.testing.assert_array_equal(outcome.weights["recurrent"].weight, expected.weights["recurrent"].weight)
    np.testing.assert_array_equal(outcome.evaluation, expected.evaluation)


def test_what_is_recorded_is_the_same() -> None:
    (network, connections, events), drawn = varying("long delays", 2)
    recordings = [
        Simulation(network, connections=connections).run(shown, Record(neurons=range(5))) for shown in (events, drawn)
    ]
    voltages = [recording.recorded.neurons["membrane_voltage"].values for recording in recordings if recording.recorded]
    assert len(voltages) == 2 and voltages[0].any()
    np.testing.assert_array_equal(*voltages)


def test_an_emulated_rank_draws_its_input() -> None:
    network = small_problem(8, delay=DELAYS["unit delays"]).network
    values = network.model_dump()
    values["neuron"] |= {"ignore_and_fire": {"rate": 50.0 / network.dt}, "t_ref": 0.0}
    network = parse(Network, values)
    drawn = replace(varying("unit delays", 0)[1], first_step=5)
    simulations = [Simulation(network, dry_run=(1, 2)) for _ in range(2)]
    for simulation, shown in zip(simulations, (drawn, drawn.drawn(network.dt)), strict=True):
        simulation.run(shown)
    counts = [simulation.counts for simulation in simulations]
    assert counts[0]["input_synaptic_events"] > 0
    assert counts[0] == counts[1]


@pytest.mark.needs_compiler
def test_channels_spike_as_often_as_their_rates_say() -> None:
    """The number of synaptic events, without the functions that draw beforehand; a spike arrives ``delay`` later."""
    network, connections, _ = small_problem(8, delay=DELAYS["unit delays"])
    n_steps, step = 4000, network.dt * 1e-3
    probability = np.linspace(0.0, 1.0, network.n_input) * np.array([[0.1], [1.0]])
    simulation = Simulation(network, connections=connections)
    target, window = np.zeros((n_steps, network.n_readout)), np.zeros(n_steps, bool)
    simulation.run(PoissonStimulus(n_steps, probability / step, target, window, steps_per_row=1000, seed=3))
    n_targets = np.bincount(connections["input"].source, minlength=network.n_input)
    mean = variance = 0.0
    for row, n in zip(probability, (1000, n_steps - 1 - 1000), strict=True):
        mean += n * (row @ n_targets)
        variance += n * ((row * (1.0 - row)) @ n_targets**2)
    events = simulation.counts["input_synaptic_events"]
    assert mean > 10_000
    assert abs(events - mean) <= 5 * np.sqrt(variance)  # binomial; the seed is fixed


def of_rates(rates: Any, n_steps: int = 40, **options: Any) -> PoissonStimulus:
    return PoissonStimulus(n_steps, rates, np.zeros((n_steps, 2)), np.ones(n_steps, bool), **options)


def assert_same_stimulus(one: Stimulus, other: Stimulus) -> None:
    for name, values in vars(one).items():
        np.testing.assert_array_equal(getattr(other, name), values)


@pytest.mark.parametrize("elapsed", [0, 5, 24])
def test_a_part_has_the_spikes_of_its_steps(elapsed: int) -> None:
    """It has the rows of its steps alone; the last row holds to the end. A part of a part is a part, too."""
    rates = np.random.default_rng(2).uniform(0.0, 500.0, (5, 10))
    stimulus = of_rates(rates, n_samples=20, steps_per_row=6, first_step=2, elapsed=elapsed)
    drawn = stimulus.drawn(1.0)
    assert len(drawn.input_steps) > 50
    for first in range(0, 40, 2):
        for last in range(first + 2, 41, 2):
            part = stimulus.part(first, last)
            assert_same_stimulus(part.drawn(1.0), drawn.part(first, last))
            assert len(part.rates) <= -(-(last - first) // 6) + 1
    assert_same_stimulus(stimulus.part(4, 38).part(6, 20).drawn(1.0), drawn.part(10, 24))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rates": [[1.0, -2.0]]}, "rates[0, 1] = -2: must be at least 0 and finite"),
        ({"rates": [np.inf]}, "rates[0, 0] = inf: must be at least 0 and finite"),
        ({"rates": "fast"}, "rates has dtype <U4: must be float64"),
        (
            {"rates": np.zeros((1, 1, 1))},
            "rates have the shape (1, 1, 1): must be (n_channels,) or (n_rows, n_channels)",
        ),
        ({"steps_per_row": 0}, "steps_per_row = 0: must be a whole number of at least 1, below 2**60"),
        ({"first_step": -1}, "first_step = -1: must be a whole number of at least 0, below 2**60"),
        ({"elapsed": 0.5}, "elapsed = 0.5: must be a whole number of at least 0, below 2**60"),
        ({"seed": 2**64}, f"seed = {2**64}: must be a whole number from 0 to 2**64 - 1"),
        ({"n_samples": 3}, "n_samples = 3: must divide n_steps = 40"),
    ],
)
def test_a_wrong_value_gets_one_line(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(StimulusError, match=f"^{re.escape(line)}$"):
        of_rates(**{"rates": [1.0]} | changes)


def test_what_does_not_fit_the_network_gets_one_line() -> None:
    network = parse(Network, {"n_input": 3, "n_recurrent": 5, "n_readout": 2, "dt": 0.5})
    simulation = Simulation(network)
    with pytest.raises(StimulusError, match=r"^rates have 2 channels: must have one per input, n_input = 3$"):
        simulation.run(of_rates([1.0, 2.0]))
    line = r"^rates\[0, 2\] = 2001: must be from 0 to 2000 spikes/s, one spike per step of 0.5 ms$"
    with pytest.raises(StimulusError, match=line):
        simulation.run(of_rates([0.0, 2000.0, 2001.0]))
    with pytest.raises(StimulusError, match=r"^target has 2 columns: must be one per readout, n_readout = 1$"):
        of_rates([1.0]).check_fits(parse(Network, {"n_input": 1, "n_recurrent": 5, "n_readout": 1}))
    with pytest.raises(ParameterError, match=r"^stimulus: must be a Stimulus or a PoissonStimulus, not "):
        simulation.run([1.0])  # type: ignore[arg-type]


def test_it_is_represented_by_its_sizes() -> None:
    assert repr(of_rates([1.0, 2.0])) == (
        "PoissonStimulus(40 steps, Poisson input of 2 channels, targets of 2 readouts)"
    )


EXAMPLES = re.findall(r"<!-- tested -->\n```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_the_document_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = EXAMPLES
    exec(compile(example, DOCUMENT.name, "exec"), {})
