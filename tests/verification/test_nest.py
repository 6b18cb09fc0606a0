"""Both models against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import os

import numpy as np
import pytest

from eprop_core.network.connections import Connections
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.nest import Nest
from eprop_core.verification.random_problem import Problem, neuron_values, random_problem
from eprop_core.verification.variants import LEARNING, OF_NEST, Variants

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON")
pytestmark = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)

N_STEPS = 2000
# All compute in double precision but sum in different orders. The learning rates are such that a network does not
# amplify a rounding beyond these bounds; large ones make it chaotic (a perturbation in the last bit of the initial
# weights then grows as much as the difference from NEST does).
ERROR_TOLERANCE = 1e-12  # of the largest readout, at least 1 mV
WEIGHT_TOLERANCE = 1e-10  # of the largest weight, at least 1 pA

SETTINGS: Variants = {f"random-{seed}": {"seed": seed} for seed in range(40)} | OF_NEST


def problem_of(name: str) -> Problem:
    settings = dict(SETTINGS[name])
    return random_problem(settings.pop("seed"), N_STEPS, **settings)


NEST = Nest(str(NEST_PYTHON))


@pytest.fixture(scope="module")
def nest() -> dict[str, dict[str, np.ndarray]]:
    """NEST's results of all settings."""
    return NEST.run("eprop_plus", {name: problem_of(name) for name in SETTINGS})


def assert_equals_nest(
    expected: dict[str, np.ndarray],
    spikes: tuple[np.ndarray, np.ndarray],
    readout: np.ndarray,
    error: np.ndarray,
    weights: dict[str, Connections],
) -> None:
    np.testing.assert_array_equal(spikes, [expected["spike_steps"], expected["spike_neurons"]])
    tolerance = ERROR_TOLERANCE * max(1.0, np.abs(expected["readout"]).max())
    np.testing.assert_allclose(readout, expected["readout"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(error, expected["error"], rtol=0, atol=tolerance)
    for name in LEARNING:
        np.testing.assert_array_equal(weights[name].source, expected[f"{name}_source"])
        np.testing.assert_array_equal(weights[name].target, expected[f"{name}_target"])
        of_nest = expected[f"{name}_weight"]
        tolerance = WEIGHT_TOLERANCE * max(1.0, np.abs(of_nest).max(initial=0.0))
        np.testing.assert_allclose(weights[name].weight, of_nest, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", SETTINGS)
def test_network_spikes_and_learns(name: str, nest: dict[str, dict[str, np.ndarray]]) -> None:
    """The comparisons below would say little about a silent or static network."""
    problem, result = problem_of(name), nest[name]
    assert len(result["spike_steps"]) >= 50
    assert np.any(result["error"])
    for projection in LEARNING:
        initial = problem.connections[projection].weight
        if getattr(problem.network, projection).plastic and initial.size:
            assert np.abs(result[f"{projection}_weight"] - initial).max() > 1e5 * WEIGHT_TOLERANCE


@pytest.mark.parametrize("name", SETTINGS)
def test_time_driven(name: str, nest: dict[str, dict[str, np.ndarray]]) -> None:
    problem, expected = problem_of(name), nest[name]
    result = simulate(*problem, neuron_values=neuron_values(problem.network))
    spikes = (result.spike_steps, result.spike_neurons)
    assert_equals_nest(expected, spikes, result.readout, result.error, result.weights)
    np.testing.assert_allclose(result.voltage, expected["voltage"], rtol=0, atol=1e-8)
    # The error of step t + 1 belongs to history index t and arrives in step t + 2. NEST records 0 as long as no spike
    # has reached the neuron, since it keeps no history until then.
    recorded = expected["learning_signal"][2:]
    known = recorded != 0.0
    tolerance = 10.0 * ERROR_TOLERANCE * max(1.0, np.abs(recorded).max())
    np.testing.assert_allclose(result.learning_signal[:-2][known], recorded[known], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", SETTINGS)
def test_event_driven(name: str, nest: dict[str, dict[str, np.ndarray]]) -> None:
    network, connections, stimulus = problem_of(name)
    simulation = Simulation(network, connections=connections, neuron_values=neuron_values(network))
    recording = simulation.run(stimulus)
    weights = {projection: simulation.weights(projection) for projection in LEARNING}
    spikes = (recording.spike_steps, recording.spike_neurons)
    assert_equals_nest(nest[name], spikes, recording.readout, recording.error, weights)


def test_multapses() -> None:
    """Two synapses of one pair learn independently."""
    network, connections, stimulus = random_problem(53, N_STEPS)
    source, target, weight = connections["input"]
    # The second synapse of each pair gets another weight, to tell the two apart.
    doubled = Connections(np.tile(source, 2), np.tile(target, 2), np.concatenate([weight, 0.3 * weight]))
    problem = Problem(network, connections | {"input": doubled}, stimulus)
    expected = NEST.run("eprop_plus", {"multapses": problem})["multapses"]
    simulation = Simulation(network, connections=problem.connections)
    recording = simulation.run(stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected["spike_steps"])
    np.testing.assert_array_equal(recording.spike_neurons, expected["spike_neurons"])
    assert len(recording.spike_steps) > 50
    weights = simulation.weights("input")
    order = np.lexsort((weights.weight, weights.source, weights.target))
    of_nest = np.lexsort((expected["input_weight"], expected["input_source"], expected["input_target"]))
    np.testing.assert_allclose(weights.weight[order], expected["input_weight"][of_nest], rtol=0, atol=WEIGHT_TOLERANCE)
