"""Small random networks that spike and learn, and their comparison with the time-driven model."""

from typing import Any

import numpy as np

from eprop_core.network.connections import Range
from eprop_core.network.neuron_values import neuron_values
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import Problem, random_problem

# Both compute in double precision but sum in different orders, and the constant-time update loses some 100 units of
# rounding (history.LARGEST_FACTOR). Learning rates are such that the networks do not amplify that beyond these bounds.
ERROR_TOLERANCE = 1e-12  # of the largest readout
WEIGHT_TOLERANCE = 1e-12  # of the largest weight of the projection

SEED = 1
"""Of the values that differ between neurons; connections are explicit."""
N_STEPS = 500
SMALL = {
    "n_input": 20,
    "n_recurrent": 15,
    "n_readout": 2,
    "input_probability": 0.06,
    "learning_rate": 0.01,
    "density": {"input": 0.7, "recurrent": 0.6, "output": 0.8, "feedback": 0.9},
}


def small_problem(seed: int, n_steps: int = N_STEPS, **settings: Any) -> Problem:
    return random_problem(seed, n_steps, **SMALL | settings)


def assert_equals_time_driven(problem: Problem) -> None:
    """Compare spikes, readouts, errors and weights; the network must spike, and each plastic projection learn."""
    network, connections, stimulus = problem
    drawn = neuron_values(network, SEED, Range.whole(network.n_recurrent))
    differing = {name: getattr(drawn, name) for name in ("tau_m", "V_th")}
    expected = simulate(network, connections, stimulus, neuron_values=differing)
    assert len(expected.spike_steps) >= 30
    assert expected.error.any()

    simulation = Simulation(network, seed=SEED, connections=connections)
    recording = simulation.run(stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected.spike_steps)
    np.testing.assert_array_equal(recording.spike_neurons, expected.spike_neurons)
    tolerance = ERROR_TOLERANCE * np.abs(expected.readout).max()
    np.testing.assert_allclose(recording.readout, expected.readout, rtol=0, atol=tolerance)
    np.testing.assert_allclose(recording.error, expected.error, rtol=0, atol=tolerance)
    for name in PROJECTIONS:
        weights, of_twin = simulation.weights(name), expected.weights[name]
        np.testing.assert_array_equal(weights.source, of_twin.source)
        np.testing.assert_array_equal(weights.target, of_twin.target)
        largest = np.abs(of_twin.weight).max(initial=0.0)
        if learns(network, name) and largest > 0.0:
            tolerance = WEIGHT_TOLERANCE * largest
            np.testing.assert_allclose(weights.weight, of_twin.weight, rtol=0, atol=tolerance)
            # Symmetric feedback has no initial weights of its own.
            if name in connections:
                assert np.abs(of_twin.weight - connections[name].weight).max() > 1e6 * tolerance
        else:
            np.testing.assert_array_equal(of_twin.weight, connections[name].weight)
            np.testing.assert_array_equal(weights.weight, connections[name].weight)


def learns(network: Network, projection: str) -> bool:
    """Whether the weights of a projection change; those of feedback along the output do with them."""
    if projection == "feedback":
        return network.feedback.kind != "random" and network.output.plastic
    return bool(getattr(network, projection).plastic)
