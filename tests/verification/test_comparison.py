"""Differences that a comparison of two simulations finds, in values or in a spike."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from eprop_core.parameters import SurrogateGradient
from eprop_core.verification.comparison import Comparison, Outcome, Simulator, compare, distance_to_threshold
from eprop_core.verification.findings import AMPLIFICATION, LARGEST_DISTANCE, Difference, Divergence
from eprop_core.verification.random_problem import Problem, random_problem
from eprop_core.verification.simulators import time_driven_model
from eprop_core.verification.variants import SURROGATES

TOLERANCE = 1e-9
PROBLEM = random_problem(1, 150, n_input=20, n_recurrent=10, input_probability=0.1, refractory_steps=0)

Change = Callable[[Outcome], Outcome]


def changed(change: Change) -> Callable[[Mapping[str, Problem]], dict[str, Outcome]]:
    """The time-driven model with other results."""
    return lambda problems: {name: change(outcome) for name, outcome in time_driven_model(problems).items()}


Told = dict[str, tuple[float, bool]]


def compare_with(
    own: Simulator, tolerance: float, reference: Simulator = time_driven_model, problem: Problem = PROBLEM
) -> tuple[Told, Comparison]:
    compared = compare({"problem": problem}, own, reference, tolerance)
    return {d.quantity: (d.max_difference, d.passed) for d in compared.differences["problem"]}, compared


def compare_changed(change: Change) -> tuple[Told, dict[str, Divergence]]:
    differences, compared = compare_with(changed(change), TOLERANCE)
    return differences, compared.divergences


def test_a_simulation_equals_itself() -> None:
    differences, divergences = compare_changed(lambda outcome: outcome)
    projections = ("input", "recurrent", "output", "feedback")
    assert differences == dict.fromkeys(
        ("spikes", "readout", "error", *(f"{name} weights" for name in projections)), (0.0, True)
    )
    assert divergences == {}


@pytest.mark.parametrize(("relative", "passes"), [(1e-10, True), (1e-8, False), (np.nan, False)])
def test_a_difference_of_weights_passes_within_the_tolerance(relative: float, passes: bool) -> None:
    def change(outcome: Outcome) -> Outcome:
        weights = outcome.weights["input"]
        other = weights.weight.copy()
        other[3] += relative * np.abs(other).max()
        return outcome._replace(weights={**outcome.weights, "input": weights._replace(weight=other)})

    differences, _ = compare_changed(change)
    difference, passed = differences.pop("input weights")
    assert passed == passes
    np.testing.assert_allclose(difference, relative, rtol=1e-5)
    assert differences.pop(AMPLIFICATION, (0.0, passes))[1] == passes
    assert all(passed for _, passed in differences.values())


def errors_alone(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """The time-driven model, of which only the errors are known, as of NEST with the rule of Bellec et al."""
    return changed(lambda outcome: outcome._replace(signals={"error": outcome.signals["error"]}))(problems)


@pytest.mark.parametrize("reference", [time_driven_model, errors_alone])
def test_amplified_rounding_is_distinguished_from_errors(reference: Simulator) -> None:
    """The weights run away. One simulation starts with all weights lower by the last bit."""
    runaway = random_problem([3, 46], 250, plastic={"input": True, "recurrent": False, "output": True}, largest=100)

    def with_lower_weights(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        lower = {
            name: problem._replace(
                connections={
                    key: connections._replace(weight=np.nextafter(connections.weight, -np.inf))
                    for key, connections in problem.connections.items()
                }
            )
            for name, problem in problems.items()
        }
        return dict(reference(lower))

    differences, compared = compare_with(with_lower_weights, 1e-14, reference, runaway)
    assert all(passed for _, passed in differences.values())
    found = compared.amplifications["problem"]
    step, amplification = found.step, found.amplification
    assert 0 < step < 250
    assert 0.01 < amplification < 100.0
    assert differences[AMPLIFICATION] == (amplification, True)
    assert any(quantity.endswith(f", first {step} steps") for quantity in differences)


def test_a_spike_far_from_the_threshold_fails_and_the_steps_before_are_compared() -> None:
    """One simulation lacks the first spike of step 100 or later; before it both are equal."""
    spikes = time_driven_model({"problem": PROBLEM})["problem"]
    index = int(np.searchsorted(spikes.spike_steps, 100))
    step, neuron = int(spikes.spike_steps[index]), int(spikes.spike_neurons[index])

    def without_it(outcome: Outcome) -> Outcome:
        kept = (outcome.spike_steps != step) | (outcome.spike_neurons != neuron)
        return outcome._replace(spike_steps=outcome.spike_steps[kept], spike_neurons=outcome.spike_neurons[kept])

    differences, divergences = compare_changed(without_it)
    divergence = divergences["problem"]
    assert (divergence.step, divergence.neuron) == (step, neuron)
    assert divergence.amplification is not None and divergence.amplification > 1e6
    assert differences[f"spikes, first {step} steps"] == (0.0, True)
    assert differences[f"input weights, first {step} steps"] == (0.0, True)
    distance, passed = differences[f"distance to threshold, step {step}"]
    assert distance > LARGEST_DISTANCE
    assert not passed


def test_a_spike_moved_by_amplified_rounding_is_distinguished_from_an_error() -> None:
    """Both simulators amplify differences of the weights from those of the problem; one starts with lower bits."""

    def simulate(problems: Mapping[str, Problem], bits: float) -> dict[str, Outcome]:
        amplified = {}
        for name, problem in problems.items():
            connections = {}
            for key, given in PROBLEM.connections.items():
                moved = problem.connections[key].weight - given.weight + bits * np.spacing(given.weight)
                connections[key] = given._replace(weight=given.weight + 1e14 * moved)
            amplified[name] = problem._replace(connections=connections)
        return time_driven_model(amplified)

    def reference(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        return simulate(problems, 0.0)

    def lower(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        return simulate(problems, -1.0)

    differences, compared = compare_with(lower, TOLERANCE, reference)
    divergence = compared.divergences["problem"]
    assert divergence.distance > LARGEST_DISTANCE
    assert divergence.amplification is not None and divergence.amplification < 100.0
    assert differences[f"{AMPLIFICATION}, step {divergence.step}"] == (divergence.amplification, True)


@pytest.mark.parametrize("function", SURROGATES)
def test_distance_to_threshold_inverts_the_surrogate_gradient(function: str) -> None:
    surrogate = SurrogateGradient(function=function, height=0.3, width=2.0)
    u = 0.25
    value = {
        "piecewise_linear": 1.0 - u,
        "exponential": np.exp(-u),
        "fast_sigmoid_derivative": 1.0 / (1.0 + u) ** 2,
        "arctan": 1.0 / (1.0 + u**2),
    }[function]
    assert distance_to_threshold(0.3 * value, surrogate) == pytest.approx(u, rel=1e-12)
    assert distance_to_threshold(0.3, surrogate) == 0.0
    assert distance_to_threshold(0.0, surrogate) == np.inf


@pytest.mark.parametrize("n_steps", [0, 1, 120])
def test_a_problem_is_cut_to_its_first_steps(n_steps: int) -> None:
    part = PROBLEM.first(n_steps)
    if n_steps == 0:
        assert part is None
    else:
        assert part is not None
        assert part.stimulus.n_steps == len(part.stimulus.target) == n_steps
        assert (part.stimulus.input_steps < n_steps).all()


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e-10])
def test_findings_are_read_as_they_were_written(value: float) -> None:
    difference = Difference(quantity="spikes", max_difference=value, tolerance=1e-9)
    read = Difference.model_validate_json(difference.model_dump_json())
    np.testing.assert_equal(read.max_difference, value)
    assert read.passed == difference.passed == (value == 1e-10)
