"""Assertions that two simulators agree on a problem: spikes are equal, other values within a tolerance."""

from collections.abc import Mapping

import numpy as np

from eprop_core.parameters import Network
from eprop_core.verification.comparison import Outcome, Simulator, compare_outcomes
from eprop_core.verification.random_problem import Problem
from eprop_core.verification.simulators import event_driven, time_driven_model

TOLERANCE = 1e-12
"""Of the largest readout, or the largest weight of a projection.

Both simulators compute in double precision but sum in different orders, and running sums lose about 100 units of
rounding (blocks.LARGEST_FACTOR). Learning rates are so small that networks do not amplify it beyond this bound.
"""
LEAST_CHANGE = 1e-6
"""Of some weight of a projection that learns, relative to the largest."""


def outcome_of(simulator: Simulator, problem: Problem) -> Outcome:
    return simulator({"problem": problem})["problem"]


def assert_agree(
    problem: Problem,
    own: Simulator = event_driven,
    reference: Simulator = time_driven_model,
    tolerance: float = TOLERANCE,
    least_spikes: int = 30,
) -> None:
    """Compare two simulators; the network must spike, and each plastic projection learn."""
    outcomes = outcome_of(own, problem), outcome_of(reference, problem)
    assert_outcomes_agree(problem, *outcomes, {"": tolerance}, least_spikes)


def assert_outcomes_agree(
    problem: Problem, own: Outcome, reference: Outcome, tolerances: Mapping[str, float], least_spikes: int
) -> None:
    """Compare given outcomes of two simulators.

    A key of ``tolerances`` is the end of the names of quantities; the first key that fits a quantity applies.
    """
    np.testing.assert_array_equal(own.spike_steps, reference.spike_steps)
    np.testing.assert_array_equal(own.spike_neurons, reference.spike_neurons)
    for difference in compare_outcomes(own, reference, tolerance=0.0):
        tolerance = next(value for end, value in tolerances.items() if difference.quantity.endswith(end))
        assert difference.max_difference <= tolerance, difference

    assert len(reference.spike_steps) >= least_spikes
    assert reference.signals["error"].any()
    for projection, learned in reference.weights.items():
        if projection not in problem.connections:  # symmetric feedback has no weights of its own
            continue
        initial = problem.connections[projection].weight
        if learns(problem.network, projection) and initial.any():
            assert np.abs(learned.weight - initial).max() > LEAST_CHANGE * np.abs(learned.weight).max()
        else:
            for outcome in (own, reference):
                np.testing.assert_array_equal(outcome.weights[projection].weight, initial)


def learns(network: Network, projection: str) -> bool:
    """Whether the weights of a projection change; symmetric and adaptive feedback changes with the output."""
    if projection == "feedback":
        return network.feedback.kind != "random" and network.output.plastic
    return network.learning_projections()[projection].plastic
