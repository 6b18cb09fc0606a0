"""Properties of the time-driven model, and its error messages; ``tests/verification`` compares all variants."""

from typing import Any

import numpy as np
import pytest

from eprop_core.network.connections import Connections
from eprop_core.parameters import IgnoreAndFire, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.time_driven.neurons import RecurrentNeurons
from eprop_core.time_driven.optimizers import OPTIMIZERS
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import random_problem

SMALL = {
    "n_input": 8,
    "n_recurrent": 8,
    "n_readout": 2,
    "input_probability": 0.08,
    "learning_rate": 0.01,
    "density": {"input": 0.7, "recurrent": 0.6, "output": 0.8, "feedback": 0.9},
}


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0, 2.0])
def test_the_target_rate_is_in_spikes_per_second(dt: float) -> None:
    """The regularization of a neuron that fires at its target adds up to zero over a period."""
    plasticity = {"c_reg": 1.0, "f_target": 50.0, "kappa_reg": 0.9}
    sizes = {"n_input": 1, "n_recurrent": 1, "n_readout": 1}
    values = sizes | {"dt": dt, "neuron": {"tau_m": 1.0}, "plasticity": plasticity}
    neurons, period = RecurrentNeurons(parse(Network, values), {}), round(20.0 / dt)
    regularization = []
    for step in range(50 * period):
        neurons.update(np.array([1.0 if step % period == 0 else 0.0]))
        assert neurons.spiked[0] == (step % period == 0)
        regularization.append(neurons.rate_regularization[0])
    assert max(regularization[-period:]) > 0.0
    assert abs(np.mean(regularization[-period:])) < 1e-15


def test_symmetric_feedback_is_the_transposed_output() -> None:
    result = simulate(*random_problem(4, 300, **SMALL, feedback="symmetric"))
    output, feedback = result.weights["output"], result.weights["feedback"]
    order = np.lexsort((output.target, output.source))
    np.testing.assert_array_equal(feedback.source, output.target[order])
    np.testing.assert_array_equal(feedback.target, output.source[order])
    np.testing.assert_array_equal(feedback.weight, output.weight[order])


def test_adaptive_feedback_approaches_the_output_weights() -> None:
    """Both change equally, so their difference only decays, once at each spike but the first."""
    network, connections, stimulus = random_problem(4, 500, **SMALL, feedback="adaptive", weight_decay=0.03)
    result = simulate(network, connections, stimulus)

    def difference(output: Connections, feedback: Connections) -> np.ndarray:
        matrix = np.zeros((network.n_readout, network.n_recurrent))
        matrix[output.target, output.source] = output.weight
        matrix[feedback.source, feedback.target] -= feedback.weight
        return matrix

    arrived = result.spike_neurons[result.spike_steps < stimulus.n_steps - network.output.delay]
    n_updates = np.maximum(np.bincount(arrived, minlength=network.n_recurrent) - 1, 0)
    expected = difference(connections["output"], connections["feedback"]) * 0.97**n_updates
    assert n_updates.max() > 10
    final = difference(result.weights["output"], result.weights["feedback"])
    np.testing.assert_allclose(final, expected, rtol=0, atol=1e-14)


def test_probabilities_of_cross_entropy_add_up_to_one() -> None:
    problem = random_problem(3, 500, **SMALL | {"n_readout": 3}, loss="cross_entropy")
    result = simulate(*problem)
    window = problem.stimulus.learning_window
    probabilities = (result.error + problem.stimulus.target)[window]
    assert np.all(probabilities > 0.0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-14)


def test_the_first_spike_of_a_source_changes_no_weight() -> None:
    network, connections, _ = random_problem(5, 1, **SMALL)
    beyond = network.plasticity.optimizer.weight_max + 1.0
    all_beyond = connections["input"]._replace(weight=np.full(len(connections["input"].weight), beyond))
    stimulus = Stimulus(30, np.array([3, 3, 20]), np.array([0, 1, 1]), np.zeros((30, 2)), np.zeros(30, bool))
    weights = simulate(network, connections | {"input": all_beyond}, stimulus).weights["input"]
    spiked_twice = weights.source == 1
    assert spiked_twice.any()
    assert np.all(weights.weight[~spiked_twice] == beyond)
    assert np.all(weights.weight[spiked_twice] < beyond)


def test_a_static_network_keeps_all_weights() -> None:
    problem = random_problem(5, 300, **SMALL)
    result = simulate(*problem, plastic=False)
    assert len(result.spike_steps) > 20
    for name, initial in problem.connections.items():
        np.testing.assert_array_equal(result.weights[name].weight, initial.weight)


def test_missing_and_doubled_connections_are_refused() -> None:
    problem = random_problem(6, 10, **SMALL)
    with pytest.raises(ParameterError, match="feedback missing"):
        simulate(problem.network, {k: v for k, v in problem.connections.items() if k != "feedback"}, problem.stimulus)
    double = Connections(np.array([1, 1]), np.array([2, 2]), np.array([0.1, 0.2]))
    with pytest.raises(ParameterError, match=r"connections\['input'\]: a pair comes twice"):
        simulate(problem.network, problem.connections | {"input": double}, problem.stimulus)


def test_missing_values_of_neurons_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"neuron_values\['tau_m'\]: must have n_recurrent = 8 entries, it has 0"):
        simulate(*random_problem(6, 10, **SMALL, spread=0.3))


def test_adaptive_feedback_that_does_not_reverse_the_output_is_refused() -> None:
    network, connections, stimulus = random_problem(6, 10, **SMALL, feedback="adaptive")
    feedback = Connections(*(values[1:] for values in connections["feedback"]))
    with pytest.raises(ParameterError, match=r"connections\['feedback'\]: must reverse"):
        simulate(network, connections | {"feedback": feedback}, stimulus)


def test_an_optimizer_that_the_model_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for optimizer in tuple(OPTIMIZERS):
        monkeypatch.delitem(OPTIMIZERS, optimizer)
    problem = random_problem(6, 10, **SMALL)
    with pytest.raises(ParameterError, match=r"^network.plasticity.optimizer.algorithm = \w+: the time-driven model "):
        simulate(problem.network, problem.connections, problem.stimulus)


def test_a_stimulus_of_other_sizes_is_refused() -> None:
    problem = random_problem(6, 10, **SMALL)
    window = np.ones(10, bool)
    too_many_channels = Stimulus(10, np.array([3]), np.array([8]), np.zeros((10, 2)), window)
    with pytest.raises(StimulusError, match=r"input_channels\[0\] = 8: must be below n_input = 8"):
        simulate(problem.network, problem.connections, too_many_channels)
    too_few_targets = Stimulus(10, np.array([3]), np.array([7]), np.zeros((10, 1)), window)
    with pytest.raises(StimulusError, match="n_readout = 2"):
        simulate(problem.network, problem.connections, too_few_targets)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("neuron", {"ignore_and_fire": IgnoreAndFire(rate=10.0)}),
        ("neuron", {"delayed_reset": True}),
        ("plasticity", {"update": "sample"}),
        ("plasticity", {"reset_at_samples": True}),
    ],
)
def test_parameters_that_the_model_lacks_are_refused(part: str, change: dict[str, Any]) -> None:
    network, connections, stimulus = random_problem(0, 20)
    changed = network.model_copy(update={part: getattr(network, part).model_copy(update=change)})
    with pytest.raises(ParameterError, match=f"^{part}.{next(iter(change))}: must be"):
        simulate(changed, connections, stimulus)
