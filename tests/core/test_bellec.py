"""The event-driven simulation against the literal model of Bellec et al. (2020), which equals NEST's."""

from dataclasses import replace

import numpy as np
import pytest

from eprop_core.parameters import Adam
from eprop_core.simulation import Simulation
from eprop_core.validation.bellec_model import train
from eprop_core.validation.bellec_problem import N_SAMPLES, VARIANTS, bellec_problem, in_absolute_time
from eprop_core.validation.variants import LEARNING

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-12  # of the largest readout, at least 1 mV
WEIGHT_TOLERANCE = 1e-12  # of the largest weight, at least 1 pA
# Adam divides a gradient by its own size, and so makes more of the rounding that running sums leave of a zero.
ADAM_TOLERANCE = 1e-10


@pytest.mark.parametrize("name", VARIANTS)
def test_equals_the_literal_model(name: str) -> None:
    problem = bellec_problem(name)
    n_steps = problem.stimulus.n_steps
    expected = train(*problem, N_SAMPLES)
    network, connections, stimulus = in_absolute_time(problem)
    simulation = Simulation(network, connections=connections)
    recording = simulation.run(stimulus)

    spikes = np.zeros((stimulus.n_steps, network.n_recurrent), np.bool_)
    spikes[recording.spike_steps, recording.spike_neurons] = True
    assert expected.spikes.sum() >= 50
    np.testing.assert_array_equal(spikes[1 : n_steps + 1], expected.spikes)
    tolerance = TOLERANCE * max(1.0, np.abs(expected.readout).max())
    np.testing.assert_allclose(recording.error[2 : n_steps + 2], expected.error, rtol=0, atol=tolerance)
    adam = isinstance(network.plasticity.optimizer, Adam)
    for projection in LEARNING:
        weight, of_model = simulation.weights(projection).weight, expected.weights[projection].weight
        tolerance = (ADAM_TOLERANCE if adam else WEIGHT_TOLERANCE) * max(1.0, np.abs(of_model).max(initial=0.0))
        np.testing.assert_allclose(weight, of_model, rtol=0, atol=tolerance)


def test_samples_in_several_runs_are_those_of_one() -> None:
    """A batch may end in another run than it began."""
    network, connections, stimulus = in_absolute_time(
        bellec_problem("mean_squared_error-mixed-gradient_descent-batch-3")
    )
    whole = Simulation(network, connections=connections)
    whole.run(stimulus)
    parts = Simulation(network, connections=connections)
    length = stimulus.n_steps // stimulus.n_samples
    for first in range(0, stimulus.n_steps, length):
        inside = (stimulus.input_steps >= first) & (stimulus.input_steps < first + length)
        part = replace(
            stimulus,
            n_steps=length,
            n_samples=1,
            input_steps=stimulus.input_steps[inside] - first,
            input_channels=stimulus.input_channels[inside],
            target=stimulus.target[first : first + length],
            learning_window=stimulus.learning_window[first : first + length],
        )
        parts.run(part)
    for projection in LEARNING:
        np.testing.assert_array_equal(parts.weights(projection).weight, whole.weights(projection).weight)
