"""The time-driven model against the literal one, and its own bad input."""

from typing import Any

import numpy as np
import pytest

from eprop_core.network.connections import Connections
from eprop_core.parameters import IgnoreAndFire, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.time_driven.neurons import RecurrentNeurons
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import Problem, neuron_values, random_problem
from literal_model import LiteralModel

# Both models sum the same terms in different order; 1e-13 of the largest weight is some hundred roundings.
TOLERANCE = 1e-13

SMALL = {
    "n_input": 8,
    "n_recurrent": 8,
    "n_readout": 2,
    "input_probability": 0.08,
    "learning_rate": 0.01,
    "density": {"input": 0.7, "recurrent": 0.6, "output": 0.8, "feedback": 0.9},
}


def assert_models_agree(problem: Problem) -> None:
    """Compare spikes, errors and weights; the network must spike, and each plastic projection learn."""
    values = neuron_values(problem.network)
    result = simulate(*problem, neuron_values=values)
    literal = LiteralModel(problem.network, problem.connections, values)
    literal.run(problem.stimulus)

    assert len(result.spike_steps) > 50
    spikes = sorted((step, j) for j, steps in enumerate(literal.neuron_spikes) for step in steps)
    assert list(zip(result.spike_steps.tolist(), result.spike_neurons.tolist(), strict=True)) == spikes
    np.testing.assert_allclose(result.error, literal.error, rtol=0, atol=TOLERANCE * np.abs(result.readout).max())
    for name in ("input", "recurrent", "output"):
        synapses = sorted(literal.synapses[name], key=lambda synapse: (synapse.target, synapse.source))
        weights, initial = result.weights[name], problem.connections[name]
        assert weights.source.tolist() == [synapse.source for synapse in synapses]
        assert weights.target.tolist() == [synapse.target for synapse in synapses]
        expected = [synapse.weight for synapse in synapses]
        largest = np.abs(expected).max()
        np.testing.assert_allclose(weights.weight, expected, rtol=0, atol=TOLERANCE * largest)
        moved = np.abs(weights.weight - initial.weight)
        if getattr(problem.network, name).plastic:
            assert moved.max() > 1e-3 * largest
            assert np.count_nonzero(moved) >= len(moved) / 4
        else:
            assert not moved.any()


@pytest.mark.parametrize("seed", range(8))
def test_unit_delays(seed: int) -> None:
    assert_models_agree(random_problem(seed, 500, **SMALL))


@pytest.mark.parametrize("cutoff", [2, 3, 7, None])
def test_cutoffs(cutoff: int | None) -> None:
    assert_models_agree(random_problem(1, 500, **SMALL, cutoff=cutoff))


@pytest.mark.parametrize(
    ("input_", "recurrent", "output", "feedback"),
    [
        (3, 1, 1, 1),  # arrivals that are still to come when the next spike is emitted
        (1, 4, 1, 1),
        (1, 1, 1, 2),  # learning signals that come later than the spike
        (1, 1, 3, 1),
        (2, 1, 4, 5),
        (6, 5, 2, 2),  # spikes that come later than the learning signals
        (4, 8, 7, 9),
    ],
)
@pytest.mark.parametrize("cutoff", [10, None])
def test_delays(input_: int, recurrent: int, output: int, feedback: int, cutoff: int | None) -> None:
    delay = {"input": input_, "recurrent": recurrent, "output": output, "feedback": feedback}
    assert_models_agree(random_problem(2, 500, **SMALL, delay=delay, cutoff=cutoff, c_reg=3.0, kappa_reg=0.8))


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0, 2.0])
def test_target_rate_is_in_spikes_per_second(dt: float) -> None:
    """A neuron that is made to fire at its target is regularized to and fro, by 0 in a period."""
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


@pytest.mark.parametrize("static", ["input", "recurrent", "output"])
def test_static_projection(static: str) -> None:
    plastic = {name: name != static for name in ("input", "recurrent", "output")}
    assert_models_agree(random_problem(3, 500, **SMALL, plastic=plastic))


ADAM = {"per-spike": {}, "per-step": {"optimize_each_step": True}}
DELAYS = {
    "unit": dict.fromkeys(("input", "recurrent", "output", "feedback"), 1),
    "late-signals": {"input": 2, "recurrent": 1, "output": 4, "feedback": 5},
    "late-spikes": {"input": 6, "recurrent": 5, "output": 2, "feedback": 2},  # and intervals of two steps
    "intervals": {"input": 1, "recurrent": 3, "output": 4, "feedback": 1},
}


@pytest.mark.parametrize("surrogate", ["piecewise_linear", "exponential", "fast_sigmoid_derivative", "arctan"])
@pytest.mark.parametrize("V_reset", [None, -0.2])
@pytest.mark.parametrize("refractory_steps", [0, 1, 4])
def test_neurons(surrogate: str, V_reset: float | None, refractory_steps: int) -> None:
    neuron = {"surrogate": surrogate, "V_reset": V_reset, "refractory_steps": refractory_steps, "V_min": -0.4}
    assert_models_agree(random_problem(1, 500, **SMALL, **neuron, adaptation=(0.3, 30.0, 0.6), spread=0.3))


@pytest.mark.parametrize("cutoff", [5, None])
@pytest.mark.parametrize("delay", DELAYS)
def test_adaptation(delay: str, cutoff: int | None) -> None:
    chosen = {"delay": DELAYS[delay], "cutoff": 7 if cutoff == 5 and delay == "late-spikes" else cutoff}
    assert_models_agree(random_problem(4, 500, **SMALL, **chosen, c_reg=3.0, adaptation=(0.5, 60.0, 1.0)))


@pytest.mark.parametrize("adam", ADAM)
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("cutoff", [8, None])
def test_adam(adam: str, delay: str, cutoff: int | None) -> None:
    settings = SMALL | {"learning_rate": 0.001, "delay": DELAYS[delay], "cutoff": cutoff, "adam": ADAM[adam]}
    assert_models_agree(random_problem(2, 500, **settings))


OPTIMIZERS = {"gradient_descent": {"adam": None}, "adam": {"adam": {}}, "adam_each_step": {"adam": ADAM["per-step"]}}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("feedback", "weight_decay"), [("symmetric", 0.0), ("adaptive", 0.0), ("adaptive", 0.03)])
def test_feedback(feedback: str, weight_decay: float, delay: str, optimizer: str) -> None:
    learning_rate = 0.01 if optimizer == "gradient_descent" else 0.001
    kind = {"feedback": feedback, "weight_decay": weight_decay, "delay": DELAYS[delay], "bounded": True}
    settings = SMALL | kind | OPTIMIZERS[optimizer] | {"learning_rate": learning_rate}
    assert_models_agree(random_problem(4, 500, **settings))


def test_symmetric_feedback_is_transposed_output() -> None:
    result = simulate(*random_problem(4, 300, **SMALL, feedback="symmetric"))
    output, feedback = result.weights["output"], result.weights["feedback"]
    order = np.lexsort((output.target, output.source))
    np.testing.assert_array_equal(feedback.source, output.target[order])
    np.testing.assert_array_equal(feedback.target, output.source[order])
    np.testing.assert_array_equal(feedback.weight, output.weight[order])


def test_adaptive_feedback_approaches_the_output_weights() -> None:
    """Equal changes keep the difference, which the decay shrinks at each update: at each spike but the first."""
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


def test_cross_entropy() -> None:
    problem = random_problem(3, 500, **SMALL | {"n_readout": 3}, loss="cross_entropy")
    assert_models_agree(problem)
    result = simulate(*problem)
    window = problem.stimulus.learning_window
    probabilities = (result.error + problem.stimulus.target)[window]
    assert np.all(probabilities > 0.0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_fixed_signs(optimizer: str) -> None:
    settings = SMALL | OPTIMIZERS[optimizer] | {"learning_rate": 0.1 if optimizer == "gradient_descent" else 0.005}
    problem = random_problem(3, 500, **settings, c_reg=0.0, fixed_signs=True)
    assert_models_agree(problem)
    weights = simulate(*problem).weights
    for name in ("input", "recurrent", "output"):
        initial = problem.connections[name].weight
        np.testing.assert_array_equal(np.signbit(weights[name].weight), np.signbit(initial))
        assert np.any(weights[name].weight == 0.0)


def test_weight_bounds_are_reached() -> None:
    problem = random_problem(1, 500, **SMALL | {"learning_rate": 0.3}, bounded=True)
    assert_models_agree(problem)
    bound = problem.network.plasticity.optimizer.weight_max
    final, initial = simulate(*problem).weights["input"].weight, problem.connections["input"].weight
    assert np.any((np.abs(final) == bound) & (np.abs(initial) < bound))


def test_first_spike_of_a_source_leaves_weights_alone() -> None:
    network, connections, _ = random_problem(5, 1, **SMALL)
    beyond = network.plasticity.optimizer.weight_max + 1.0
    all_beyond = connections["input"]._replace(weight=np.full(len(connections["input"].weight), beyond))
    stimulus = Stimulus(30, np.array([3, 3, 20]), np.array([0, 1, 1]), np.zeros((30, 2)), np.zeros(30, bool))
    weights = simulate(network, connections | {"input": all_beyond}, stimulus).weights["input"]
    spiked_twice = weights.source == 1
    assert spiked_twice.any()
    assert np.all(weights.weight[~spiked_twice] == beyond)
    assert np.all(weights.weight[spiked_twice] < beyond)


def test_not_plastic_keeps_all_weights() -> None:
    problem = random_problem(5, 300, **SMALL)
    result = simulate(*problem, plastic=False)
    assert len(result.spike_steps) > 20
    for name, initial in problem.connections.items():
        np.testing.assert_array_equal(result.weights[name].weight, initial.weight)


def test_reports_what_is_missing_or_double() -> None:
    problem = random_problem(6, 10, **SMALL)
    with pytest.raises(ParameterError, match="feedback missing"):
        simulate(problem.network, {k: v for k, v in problem.connections.items() if k != "feedback"}, problem.stimulus)
    double = Connections(np.array([1, 1]), np.array([2, 2]), np.array([0.1, 0.2]))
    with pytest.raises(ParameterError, match=r"connections\['input'\]: a pair comes twice"):
        simulate(problem.network, problem.connections | {"input": double}, problem.stimulus)


def test_reports_values_that_are_missing() -> None:
    with pytest.raises(ParameterError, match=r"neuron_values\['tau_m'\]: must have n_recurrent = 8 entries, it has 0"):
        simulate(*random_problem(6, 10, **SMALL, spread=0.3))


def test_reports_adaptive_feedback_without_its_output() -> None:
    network, connections, stimulus = random_problem(6, 10, **SMALL, feedback="adaptive")
    feedback = Connections(*(values[1:] for values in connections["feedback"]))
    with pytest.raises(ParameterError, match=r"connections\['feedback'\]: must reverse"):
        simulate(network, connections | {"feedback": feedback}, stimulus)


def test_reports_a_stimulus_that_does_not_fit() -> None:
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
def test_refuses_what_it_does_not_compute(part: str, change: dict[str, Any]) -> None:
    network, connections, stimulus = random_problem(0, 20)
    changed = network.model_copy(update={part: getattr(network, part).model_copy(update=change)})
    with pytest.raises(ParameterError, match=f"^{part}.{next(iter(change))}: must be"):
        simulate(changed, connections, stimulus)
