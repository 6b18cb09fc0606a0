"""Both models against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import numpy as np
import pytest

from agreement import assert_outcomes_agree, outcome_of
from eprop_core.network.connections import Connections
from eprop_core.network.projections import spiking_projections
from eprop_core.recording.request import Record
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.nest import Nest, eprop_plus_outcome
from eprop_core.verification.random_problem import Problem, neuron_values, problem_of_variant, random_problem
from eprop_core.verification.simulators import event_driven
from eprop_core.verification.variants import OF_NEST, Variants
from live_nest import NEST_PYTHON, needs_nest

pytestmark = needs_nest

N_STEPS = 2000
N_STEPS_TIME_DRIVEN = 500
# All compute in double precision but sum in different orders. Learning rates are small enough that networks do not
# amplify rounding beyond these bounds. Large ones make a network chaotic: a change of the last bit of the initial
# weights then grows as much as the difference from NEST does.
WEIGHT_TOLERANCE = 1e-9  # of the largest weight; learning amplifies rounding
TOLERANCES = {"weights": WEIGHT_TOLERANCE, "learning signal": 1e-11, "": 1e-12}  # of the largest value

VARIANTS: Variants = {f"random-{seed}": {"seed": seed} for seed in range(40)} | OF_NEST
NEST = Nest(NEST_PYTHON)


def n_steps_time_driven(name: str) -> int:
    """Return the steps for the time-driven model; rare spikes take longer to change weights."""
    return N_STEPS if name == "rare-spikes" else N_STEPS_TIME_DRIVEN


def problem_of(name: str, n_steps: int = N_STEPS) -> Problem:
    return problem_of_variant(VARIANTS[name], n_steps)


@pytest.fixture(scope="module")
def nest() -> dict[str, Outcome]:
    """NEST's outcomes of all variants."""
    return NEST.eprop_plus({name: problem_of(name) for name in VARIANTS})


@pytest.fixture(scope="module")
def nest_for_fewer_steps() -> dict[str, dict[str, np.ndarray]]:
    """NEST's results of all variants, with the voltages."""
    return NEST.run("eprop_plus", {name: problem_of(name, n_steps_time_driven(name)) for name in VARIANTS})


@pytest.mark.parametrize("name", VARIANTS)
def test_the_event_driven_simulation_equals_nest(name: str, nest: dict[str, Outcome]) -> None:
    problem = problem_of(name)
    assert_outcomes_agree(problem, outcome_of(event_driven, problem), nest[name], TOLERANCES, least_spikes=50)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_time_driven_model_equals_nest(name: str, nest_for_fewer_steps: dict[str, dict[str, np.ndarray]]) -> None:
    """Also in voltages and learning signals; for fewer steps, as the time-driven model is slow."""
    problem, expected = problem_of(name, n_steps_time_driven(name)), nest_for_fewer_steps[name]
    result = simulate(*problem, neuron_values=neuron_values(problem.network))
    # The error of step t + 1 belongs to the spikes of step t and arrives in step t + 2.
    signals = {"readout": result.readout, "error": result.error, "learning signal": result.learning_signal[:-2]}
    own = Outcome(result.spike_steps, result.spike_neurons, signals, result.weights)
    reference = eprop_plus_outcome(expected, problem)
    assert_outcomes_agree(problem, own, reference, TOLERANCES, least_spikes=10)
    np.testing.assert_allclose(result.voltage, expected["voltage"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["random-0", "random-1", *OF_NEST])
def test_recorded_values_equal_those_of_nests_recorders(
    name: str, nest_for_fewer_steps: dict[str, dict[str, np.ndarray]]
) -> None:
    """Voltages, surrogate gradients, learning signals and the weights that each spike has found."""
    n_steps, expected = n_steps_time_driven(name), nest_for_fewer_steps[name]
    problem = problem_of(name, n_steps)
    network, connections, stimulus = problem
    kinds = {spec.name: spec.role.value for spec in spiking_projections(network)}
    pairs = {
        name: list(zip(listed.source.tolist(), listed.target.tolist(), strict=True))
        for name, listed in connections.items()
        if name in kinds and len(listed.source)
    }
    simulation = Simulation(network, connections=connections, neuron_values=neuron_values(network))
    recorded = simulation.run(stimulus, Record(range(network.n_recurrent), pairs)).recorded
    assert recorded is not None
    of_neurons = {quantity: series.values for quantity, series in recorded.neurons.items()}
    assert_close(of_neurons["membrane_voltage"], expected["voltage"], 1e-9)
    assert_close(of_neurons["surrogate_gradient"], expected["surrogate_gradient"], 1e-8)
    # The error of step t + 1 belongs to the spikes of step t and arrives in step t + 2. NEST records 0 as long as no
    # spike has reached the neuron, since it keeps no history until then.
    signals = expected["learning_signal"][2:]
    assert_close(np.where(signals == 0.0, 0.0, of_neurons["learning_signal"]), signals, 1e-9)
    n_sent = 0
    for projection, of_projection in pairs.items():
        number = {pair: k for k, pair in enumerate(of_projection)}
        steps, sources, targets, weights = (
            expected[f"{kinds[projection]}_sent_{column}"] for column in ("steps", "sources", "targets", "weights")
        )
        sent = list(zip(sources.tolist(), targets.tolist(), strict=True))
        arriving = (steps + 1 < n_steps) & np.array([pair in number for pair in sent], np.bool_)
        columns = [number[sent[k]] for k in np.flatnonzero(arriving)]
        own = recorded.synapses[projection]["weight"].values[steps[arriving] + 1, columns]
        assert_close(own, weights[arriving], WEIGHT_TOLERANCE)
        n_sent += len(own)
    assert n_sent > 100


def assert_close(own: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Compare relative to the largest value."""
    np.testing.assert_allclose(own, expected, rtol=0, atol=tolerance * np.abs(expected).max(initial=0.0))


def test_multapses_learn_independently_as_in_nest() -> None:
    """Two synapses of the same pair of neurons have weights of their own."""
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
