"""Comparison of two simulations of the same problem, up to the step at which they diverge.

A spike is a yes or no: where a voltage comes within rounding of the threshold, two correct programs may decide
differently, and from there on they simulate different networks. Then the problem is cut off before that step and
simulated again by both, and the distance of the voltage to the threshold shows whether rounding can be the reason.

A network whose weights run away amplifies rounding. It is cut off where both still agree, and how far the reference
differs from itself, once started with other last bits, shows whether rounding can be the reason.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import Network, SurrogateGradient
from eprop_core.time_driven.neurons import per_neuron, surrogate_gradient
from eprop_core.verification.findings import (
    AMPLIFICATION,
    LARGEST_AMPLIFICATION,
    LARGEST_DISTANCE,
    Activity,
    Amplification,
    Difference,
    Divergence,
)
from eprop_core.verification.random_problem import Problem, neuron_values


class Outcome(NamedTuple):
    """Spikes, signals and weights of a simulation."""

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


@dataclass
class Comparison:
    """Findings by problem."""

    differences: dict[str, list[Difference]] = field(default_factory=dict)
    divergences: dict[str, Divergence] = field(default_factory=dict)
    amplifications: dict[str, Amplification] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)

    def update(self, other: "Comparison") -> None:
        """Take in other problems."""
        self.differences |= other.differences
        self.divergences |= other.divergences
        self.amplifications |= other.amplifications
        self.activities |= other.activities


Simulator = Callable[[Mapping[str, Problem]], Mapping[str, Outcome]]
"""Simulates problems by name."""


def compare(problems: Mapping[str, Problem], own: Simulator, reference: Simulator, tolerance: float) -> Comparison:
    """Simulate all problems both ways; those in which a spike differs once more, up to there."""
    compare_once = functools.partial(_compare_once, own=own, reference=reference, tolerance=tolerance)
    compared = compare_once(problems)
    before = {name: problems[name].first(divergence.step) for name, divergence in compared.divergences.items()}
    comparable = {name: problem for name, problem in before.items() if problem is not None}
    again = compare_once(comparable)
    compared.differences |= again.differences
    for name, differences in compared.differences.items():
        if not _passed(differences):
            problem = comparable.get(name, problems[name])
            compared.differences[name], compared.amplifications[name] = _explain(
                problem, differences, compare_once, reference
            )
    for name, found in compared.divergences.items():
        divergence = (
            _explain_divergence(problems[name], found, reference) if found.distance > LARGEST_DISTANCE else found
        )
        compared.divergences[name] = divergence
        until = _first_steps(comparable[name]) if name in comparable else ""
        compared.differences[name] = [
            *(difference.within(until) for difference in compared.differences.get(name, [])),
            divergence.difference,
        ]
        if name in again.divergences:
            compared.differences[name].append(Difference(quantity=f"spikes{until}", max_difference=1.0, tolerance=0.0))
    return compared


def _explain(
    problem: Problem,
    found: list[Difference],
    compare_once: Callable[[Mapping[str, Problem]], Comparison],
    reference: Simulator,
) -> tuple[list[Difference], Amplification]:
    """Return the differences before the tolerance is exceeded, and whether rounding explains those beyond it."""
    differences = compare_outcomes(*_by_other_last_bits(problem, reference), 0.0)
    by_bits = {difference.quantity: difference.max_difference for difference in differences}
    beyond = {difference.quantity: difference for difference in found if not difference.passed}
    ratio = max(_ratio(difference.max_difference, by_bits[name]) for name, difference in beyond.items())
    of_rounding = Difference(quantity=AMPLIFICATION, max_difference=ratio, tolerance=LARGEST_AMPLIFICATION)
    part: Problem | None = problem
    agreed: list[Difference] = []
    while part is not None and not _passed(agreed):
        part = part.first(part.stimulus.n_steps // 2)
        agreed = [] if part is None else compare_once({"part": part}).differences.get("part", [])
    step, until = (0, "") if part is None else (part.stimulus.n_steps, _first_steps(part))
    before = [difference.within(until) for difference in agreed if difference.quantity in beyond]
    shown = [difference for difference in found if difference.passed or not of_rounding.passed]
    return [*shown, *before, of_rounding], Amplification(step=step, amplification=ratio)


def _explain_divergence(problem: Problem, divergence: Divergence, reference: Simulator) -> Divergence:
    """Return the divergence with its amplification.

    A reference that diverges from itself before, once started with other last bits, counts as moved by infinity.
    """
    step, neuron, distance = divergence.step, divergence.neuron, divergence.distance
    surrogate = _surrogate_of(problem.network, neuron)
    values = (outcome.surrogate_gradient for outcome in _by_other_last_bits(problem, reference))
    there, here = (
        distance_to_threshold(float(value[step, neuron]), surrogate) for value in values if value is not None
    )
    return divergence.model_copy(update={"amplification": _ratio(distance, abs(here - there))})


def _passed(differences: list[Difference]) -> bool:
    return bool(differences) and all(difference.passed for difference in differences)


def _ratio(difference: float, other: float) -> float:
    return difference / other if other > 0.0 and math.isfinite(difference) else math.inf


def _first_steps(part: Problem) -> str:
    return f", first {part.stimulus.n_steps} steps"


def _by_other_last_bits(problem: Problem, reference: Simulator) -> tuple[Outcome, Outcome]:
    """Return what a reference makes of a problem if each initial weight is the next number, and of it as it is."""
    moved = {
        name: connections._replace(weight=np.nextafter(connections.weight, np.inf))
        for name, connections in problem.connections.items()
    }
    outcomes = reference({"moved": problem._replace(connections=moved), "as it is": problem})
    return outcomes["moved"], outcomes["as it is"]


def _compare_once(
    problems: Mapping[str, Problem], own: Simulator, reference: Simulator, tolerance: float
) -> Comparison:
    compared = Comparison()
    if not problems:
        return compared
    outcomes, references = own(problems), reference(problems)
    for name, problem in problems.items():
        divergence = first_divergence(outcomes[name], references[name], problem.network)
        if divergence is None:
            compared.differences[name] = compare_outcomes(outcomes[name], references[name], tolerance)
        else:
            compared.divergences[name] = divergence
        compared.activities[name] = activity_of(problem, references[name])
    return compared


def activity_of(problem: Problem, reference: Outcome) -> Activity:
    """Return what a reference did."""
    changes = [
        relative_difference(connections.weight, problem.connections[name].weight, problem.connections[name].weight)
        for name, connections in reference.weights.items()
        if name != "feedback"
    ]
    return Activity(spikes=len(reference.spike_steps), weight_change=max(changes))


def first_divergence(own: Outcome, reference: Outcome, network: Network) -> Divergence | None:
    """Return the first spike that only one of the two has."""
    spikes = (set(zip(o.spike_steps.tolist(), o.spike_neurons.tolist(), strict=True)) for o in (own, reference))
    different = set.symmetric_difference(*spikes)
    if not different:
        return None
    step, neuron = min(different)
    assert reference.surrogate_gradient is not None
    surrogate = _surrogate_of(network, neuron)
    distance = distance_to_threshold(float(reference.surrogate_gradient[step, neuron]), surrogate)
    return Divergence(step=step, neuron=neuron, distance=distance)


def _surrogate_of(network: Network, neuron: int) -> SurrogateGradient:
    """Return the surrogate gradient of one neuron."""
    drawn = neuron_values(network)
    own = {key: float(per_neuron(network, f"surrogate_{key}", drawn)[neuron]) for key in ("height", "width")}
    surrogate: SurrogateGradient = network.neuron.surrogate_gradient.model_copy(update=own)
    return surrogate


def distance_to_threshold(value: float, surrogate: SurrogateGradient) -> float:
    """Return the distance of voltage and threshold, in widths, at which the surrogate gradient has ``value``."""
    if value <= 0.0:
        return math.inf

    def is_beyond(distance: float) -> bool:
        return bool(surrogate_gradient(surrogate, np.array(distance) * surrogate.width) <= value)

    near, far = 0.0, 1.0
    if is_beyond(near):
        return near
    while not is_beyond(far):
        near, far = far, 2.0 * far
    while near < (middle := 0.5 * (near + far)) < far:
        near, far = (near, middle) if is_beyond(middle) else (middle, far)
    return far


def compare_outcomes(own: Outcome, reference: Outcome, tolerance: float) -> list[Difference]:
    """Return the differences of two simulations with the same spikes."""
    result = [Difference(quantity="spikes", max_difference=0.0, tolerance=0.0)]
    for name, signal in reference.signals.items():
        # An error is the small difference of a readout, where that is known, and its target.
        scale = own.signals.get("readout", signal) if name == "error" else signal
        result.append(
            Difference(
                quantity=name,
                max_difference=relative_difference(own.signals[name], signal, scale),
                tolerance=tolerance,
            )
        )
    for name, connections in reference.weights.items():
        ours = own.weights[name]
        same = all(np.array_equal(getattr(ours, end), getattr(connections, end)) for end in ("source", "target"))
        largest = relative_difference(ours.weight, connections.weight, connections.weight) if same else math.inf
        result.append(Difference(quantity=f"{name} weights", max_difference=largest, tolerance=tolerance))
    return result


def relative_difference(own: np.ndarray, reference: np.ndarray, scale: np.ndarray) -> float:
    """Return the largest difference, relative to the largest value of ``scale``; masked values do not count."""
    largest = _largest(scale)
    return _largest(own - reference) / (largest if largest > 0.0 else 1.0)


def _largest(values: Any) -> float:
    return float(np.ma.filled(np.ma.abs(values), 0.0).max(initial=0.0))
