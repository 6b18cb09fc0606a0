"""The event-driven simulation follows the formulas, for small random networks with all features of the parameters."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from drawn_problem import CASES, UNFILTERED, Drawn, draw, has_sums_without_filter, says_something, tolerance_of
from eprop_core.network import features
from eprop_core.parameters import LEARNING_PROJECTIONS
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from formula_model import FormulaModel, Outcome

# If the distance of a voltage to the threshold is less than this share of it, rounding decides on a spike.
DISTANCE = 1e-9
SEEDS = range(1)  # more of them take five seconds for each of the cases


RECORDED = ("spike_steps", "spike_neurons", "readout", "error")


class Simulated(NamedTuple):
    """A simulation at the end of a stimulus, with the recordings of its runs and the weights after each."""

    simulation: Simulation
    recording: Recording
    weights: list[dict[str, np.ndarray]]


def simulate(drawn: Drawn, ends: Sequence[int]) -> Simulated:
    """Simulate in several runs, which end before the steps ``ends``."""
    simulation = Simulation(drawn.network, connections=drawn.connections, neuron_values=drawn.neuron_values)
    recordings, weights = [], []
    for first, end in itertools.pairwise([0, *ends]):
        recording = simulation.run(part_of(drawn.stimulus, first, end))
        recordings.append(replace(recording, spike_steps=recording.spike_steps + first))
        weights.append(weights_of(simulation, drawn))
    joined = (np.concatenate([getattr(part, name) for part in recordings]) for name in RECORDED)
    return Simulated(simulation, Recording(*joined), weights)


def part_of(stimulus: Stimulus, first: int, end: int) -> Stimulus:
    """The steps ``first`` .. ``end - 1`` of a stimulus."""
    inside = (stimulus.input_steps >= first) & (stimulus.input_steps < end)
    return replace(
        stimulus,
        n_steps=end - first,
        n_samples=max(1, (end - first) * stimulus.n_samples // stimulus.n_steps),
        input_steps=stimulus.input_steps[inside] - first,
        input_channels=stimulus.input_channels[inside],
        target=stimulus.target[first:end],
        learning_window=stimulus.learning_window[first:end],
    )


def weights_of(simulation: Simulation, drawn: Drawn) -> dict[str, np.ndarray]:
    """Weights of the projections that can learn, in the order of the explicit connections."""
    weights = {}
    for name in (
        (*LEARNING_PROJECTIONS, "feedback") if drawn.network.feedback.kind == "adaptive" else LEARNING_PROJECTIONS
    ):
        source, target, _ = drawn.connections[name]
        weights[name] = np.empty(len(source))
        weights[name][np.lexsort((source, target))] = simulation.weights(name).weight
    return weights


def draw_ends(drawn: Drawn, *seed: int) -> list[int]:
    """Draw the steps before which runs end, up to the end of the stimulus."""
    rng = np.random.default_rng([*seed, 2])
    n_steps, n_samples = drawn.stimulus.n_steps, drawn.stimulus.n_samples
    inside = np.arange(0, n_steps, n_steps // n_samples if drawn.network.plasticity.counts_samples else 1)[1:]
    chosen = rng.choice(inside, size=min(len(inside), int(rng.integers(1, 12))), replace=False)
    return [*sorted(chosen.tolist()), n_steps]


def rounding_decides(drawn: Drawn, outcome: Outcome, spikes: np.ndarray) -> bool:
    """Whether the voltage of the first spike that only one of the two has is within rounding of the threshold."""
    different = np.argwhere(spikes != outcome.spikes)
    if not different.size:
        return False
    distance = abs(outcome.distance[tuple(different[0])])
    return bool(distance < DISTANCE * np.abs(drawn.connections["input"].weight).max())


def assert_formulas_hold(drawn: Drawn, outcome: Outcome, whole: Simulated) -> None:
    """In a single run, spikes, errors and weights are those of the formulas, also after the last batch's update."""
    tolerance = tolerance_of(drawn.network)
    np.testing.assert_array_equal(spikes_of(whole, outcome), outcome.spikes)
    for name in ("readout", "error"):
        scale = np.abs(outcome.readout).max()
        own, expected = getattr(whole.recording, name), getattr(outcome, name)
        np.testing.assert_allclose(own, expected, rtol=0, atol=tolerance * scale, err_msg=name)
    assert_close(whole.weights[-1], weights_before(drawn.stimulus.n_steps, outcome), tolerance)
    assert_close(weights_of(whole.simulation.frozen(), drawn), outcome.frozen, tolerance)


def assert_cuts_change_nothing(drawn: Drawn, outcome: Outcome, whole: Simulated, ends: Sequence[int]) -> None:
    """In several runs, results have the same bits, and weights after each run are those of the formulas."""
    tolerance = tolerance_of(drawn.network)
    cut = simulate(drawn, ends)
    for name in RECORDED:
        np.testing.assert_array_equal(getattr(cut.recording, name), getattr(whole.recording, name), err_msg=name)
    for name, weights in whole.weights[-1].items():
        np.testing.assert_array_equal(cut.weights[-1][name], weights, err_msg=name)
    for end, weights in zip(ends, cut.weights, strict=True):
        assert_close(weights, weights_before(end, outcome), tolerance)
    if drawn.network.plasticity.counts_samples:
        begun = drawn._replace(stimulus=part_of(drawn.stimulus, 0, ends[0]))
        frozen = simulate(begun, ends[:1]).simulation.frozen()
        assert_close(weights_of(frozen, drawn), FormulaModel(*begun).outcome.frozen, tolerance)


def spikes_of(simulated: Simulated, outcome: Outcome) -> np.ndarray:
    spikes = np.zeros_like(outcome.spikes)
    spikes[simulated.recording.spike_steps, simulated.recording.spike_neurons] = True
    return spikes


def weights_before(step: int, outcome: Outcome) -> dict[str, np.ndarray]:
    return {name: history[step - 1] for name, history in outcome.weights.items()}


def assert_close(own: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], tolerance: float) -> None:
    assert own.keys() == expected.keys()
    for name, weights in expected.items():
        largest = np.abs(weights).max(initial=0.0)
        np.testing.assert_allclose(own[name], weights, rtol=0, atol=tolerance * largest, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("rule", "kind"), CASES)
def test_the_simulation_follows_the_formulas(rule: str, kind: str, seed: int) -> None:
    assert_one_network_follows_the_formulas(rule, kind, seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "without"), UNFILTERED)
def test_the_simulation_follows_the_formulas_without_filters(kind: str, without: Collection[str], seed: int) -> None:
    assert_one_network_follows_the_formulas("spike", kind, seed, without)


def assert_one_network_follows_the_formulas(rule: str, kind: str, seed: int, without: Collection[str] = ()) -> None:
    """Networks are drawn until one spikes and learns without amplifying rounding; ``says_something`` says when."""
    for attempt in range(20):
        drawn = draw(rule, kind, seed, attempt, without=without)
        if not has_sums_without_filter(drawn, without):
            continue
        assert features.kind(drawn.network) == kind
        outcome = FormulaModel(*drawn).outcome
        if says_something(drawn, outcome):
            whole = simulate(drawn, [drawn.stimulus.n_steps])
            if not rounding_decides(drawn, outcome, spikes_of(whole, outcome)):
                assert_formulas_hold(drawn, outcome, whole)
                assert_cuts_change_nothing(drawn, outcome, whole, draw_ends(drawn, seed, attempt))
                return
    pytest.fail("none of 20 networks says something")
