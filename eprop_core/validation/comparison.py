"""How far two simulations of the same problem differ, and up to which step they can be compared.

A spike is a yes or no: where a voltage comes within rounding of the threshold, two correct programs may decide
differently, and from there on they simulate different networks. Then the problem is cut off before that step and
simulated again by both, and the voltage's distance to the threshold shows whether rounding can be the reason.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from eprop_core.connectivity import Connections
from eprop_core.parameters import SurrogateGradient
from eprop_core.validation.random_problem import Problem

LARGEST_DISTANCE = 1e-7
"""Distance of a voltage to the threshold, in widths of the surrogate gradient, that rounding can explain.

Voltages differ by roundings that learning has amplified, up to some 1e-9. The distance itself is read from the
surrogate gradient, whose rounding hides a distance of 1e-8 where that is flat (arctan).
"""


class Outcome(NamedTuple):
    """What comes out of a simulation."""

    spike_steps: np.ndarray
    """int64 (n_spikes,), ascending."""
    spike_neurons: np.ndarray
    """int64 (n_spikes,), ascending within a step."""
    signals: Mapping[str, np.ndarray]
    """By name, (n_steps, n): "readout", "error", "learning signal"; masked where it is not known."""
    weights: Mapping[str, Connections]
    """By projection, sorted by (target, source)."""
    surrogate_gradient: np.ndarray | None = None
    """float64 (n_steps, n_recurrent), of a reference."""


class Difference(NamedTuple):
    """The largest difference of a quantity."""

    quantity: str
    max_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.max_difference <= self.tolerance


class Parting(NamedTuple):
    """The first spike that only one of two simulations has."""

    step: int
    neuron: int
    distance: float
    """Of the voltage to the threshold, in widths of the surrogate gradient."""


class Tolerances(NamedTuple):
    """Of differences relative to the largest value."""

    signals: float
    weights: float


class Activity(NamedTuple):
    """What a reference does: to be equal to a silent or static network would mean little."""

    spikes: int
    weight_change: float
    """Largest, relative to the largest initial weight of the projection."""


class Comparison(NamedTuple):
    """What came out of comparing, by problem."""

    differences: dict[str, list[Difference]]
    partings: dict[str, Parting]
    activities: dict[str, Activity]


Simulator = Callable[[Mapping[str, Problem]], Mapping[str, Outcome]]
"""Simulates problems by name."""


def compare(
    problems: Mapping[str, Problem], own: Simulator, reference: Simulator, tolerances: Callable[[Problem], Tolerances]
) -> Comparison:
    """Simulate all problems both ways; those that part once more, up to there."""
    differences, partings, activities = _compare_once(problems, own, reference, tolerances)
    before = {name: problems[name].first(parting.step) for name, parting in partings.items()}
    comparable = {name: problem for name, problem in before.items() if problem is not None}
    again, unexplained, _ = _compare_once(comparable, own, reference, tolerances)
    for name, parting in partings.items():
        part = comparable.get(name)
        until = "" if part is None else f", first {part.stimulus.n_steps} steps"
        differences[name] = [
            *(difference._replace(quantity=difference.quantity + until) for difference in again.get(name, [])),
            Difference(f"distance to threshold, step {parting.step}", parting.distance, LARGEST_DISTANCE),
        ]
        if name in unexplained:
            differences[name].append(Difference(f"spikes{until}", 1.0, 0.0))
    return Comparison(differences, partings, activities)


def _compare_once(
    problems: Mapping[str, Problem], own: Simulator, reference: Simulator, tolerances: Callable[[Problem], Tolerances]
) -> Comparison:
    compared = Comparison({}, {}, {})
    if not problems:
        return compared
    outcomes, references = own(problems), reference(problems)
    for name, problem in problems.items():
        parting = first_parting(outcomes[name], references[name], problem.network.neuron.surrogate_gradient)
        if parting is None:
            compared.differences[name] = compare_outcomes(outcomes[name], references[name], tolerances(problem))
        else:
            compared.partings[name] = parting
        compared.activities[name] = activity_of(problem, references[name])
    return compared


def activity_of(problem: Problem, reference: Outcome) -> Activity:
    """Return what a reference did."""
    changes = [
        relative_difference(connections.weight, problem.connections[name].weight, problem.connections[name].weight)
        for name, connections in reference.weights.items()
        if name != "feedback"
    ]
    return Activity(len(reference.spike_steps), max(changes))


def first_parting(own: Outcome, reference: Outcome, surrogate: SurrogateGradient) -> Parting | None:
    """Return the first spike that only one of the two has."""
    spikes = (set(zip(o.spike_steps.tolist(), o.spike_neurons.tolist(), strict=True)) for o in (own, reference))
    different = set.symmetric_difference(*spikes)
    if not different:
        return None
    step, neuron = min(different)
    assert reference.surrogate_gradient is not None
    return Parting(step, neuron, distance_to_threshold(float(reference.surrogate_gradient[step, neuron]), surrogate))


def distance_to_threshold(value: float, surrogate: SurrogateGradient) -> float:
    """Return the distance of voltage and threshold, in widths, at which the surrogate gradient has ``value``."""
    share = value / surrogate.height
    if share <= 0.0:
        return math.inf
    return {
        "piecewise_linear": lambda: 1.0 - share,
        "exponential": lambda: -math.log(share),
        "fast_sigmoid_derivative": lambda: 1.0 / math.sqrt(share) - 1.0,
        "arctan": lambda: math.sqrt(max(0.0, 1.0 / share - 1.0)),
    }[surrogate.function]()


def compare_outcomes(own: Outcome, reference: Outcome, tolerances: Tolerances) -> list[Difference]:
    """Return the differences of two simulations with the same spikes."""
    result = [Difference("spikes", 0.0, 0.0)]
    for name, signal in reference.signals.items():
        # An error is the small difference of a readout and its target.
        scale = own.signals["readout"] if name == "error" else signal
        result.append(Difference(name, relative_difference(own.signals[name], signal, scale), tolerances.signals))
    for name, connections in reference.weights.items():
        ours = own.weights[name]
        same = all(np.array_equal(getattr(ours, end), getattr(connections, end)) for end in ("source", "target"))
        largest = relative_difference(ours.weight, connections.weight, connections.weight) if same else math.inf
        result.append(Difference(f"{name} weights", largest, tolerances.weights))
    return result


def relative_difference(own: np.ndarray, reference: np.ndarray, scale: np.ndarray) -> float:
    """Return the largest difference, relative to the largest value of ``scale``; masked values do not count."""
    largest = _largest(scale)
    return _largest(own - reference) / (largest if largest > 0.0 else 1.0)


def _largest(values: Any) -> float:
    return float(np.ma.filled(np.ma.abs(values), 0.0).max(initial=0.0))
