"""The event-driven simulation against the reference implementation of Bellec et al. (2020), which equals NEST's."""

from dataclasses import replace

import numpy as np
import pytest

from agreement import assert_outcomes_agree, outcome_of
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, Adam, Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.bellec_model import train
from eprop_core.verification.bellec_problem import N_SAMPLES, VARIANTS, bellec_problem, in_absolute_time
from eprop_core.verification.random_problem import Problem
from eprop_core.verification.simulators import event_driven_bellec, reference_implementation_bellec

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-12  # of the largest readout
WEIGHT_TOLERANCE = 1e-12  # of the largest weight
# Adam divides a gradient by its own size, and so amplifies the rounding error of a gradient that should be zero.
ADAM_TOLERANCE = 1e-10


# Input spikes of the problems come in the third step of a sample at the earliest, since NEST treats the first two
# steps differently (``test_nest_limits.py``).
MIXED = "mean_squared_error-mixed-gradient_descent-batch-3"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_simulation_equals_the_reference_implementation(name: str) -> None:
    problem = bellec_problem(name)
    adam = isinstance(problem.network.plasticity.optimizer, Adam)
    own, reference = (outcome_of(of, problem) for of in (event_driven_bellec, reference_implementation_bellec))
    tolerances = {"weights": ADAM_TOLERANCE if adam else WEIGHT_TOLERANCE, "": TOLERANCE}
    assert_outcomes_agree(problem, own, reference, tolerances, least_spikes=50)


@pytest.mark.parametrize(("input_", "output", "feedback"), [(3, 1, 1), (1, 4, 1), (1, 1, 4), (3, 4, 2)])
def test_delays_only_shift_the_samples(input_: int, output: int, feedback: int) -> None:
    """This holds if the first spikes of a sample come late enough to use weights that include the sample before, that
    is, after all its learning signals have arrived.
    """
    network, connections, shown = bellec_problem(MIXED)
    length = shown.n_steps // N_SAMPLES
    late = shown.input_steps % length >= max(input_, output + feedback - 1)
    shown = replace(shown, input_steps=shown.input_steps[late], input_channels=shown.input_channels[late])
    expected = train(network, connections, shown, N_SAMPLES)
    values = network.model_dump()
    for name, delay in (("input", input_), ("output", output), ("feedback", feedback)):
        values[name]["delay"] = delay
    delayed = parse(Network, values)
    network, connections, stimulus = in_absolute_time(Problem(delayed, connections, shown))
    simulation = Simulation(network, connections=connections)
    recording = simulation.run(stimulus)
    spikes = np.zeros((stimulus.n_steps, network.n_recurrent), np.bool_)
    spikes[recording.spike_steps, recording.spike_neurons] = True
    assert expected.spikes.sum() >= 50
    np.testing.assert_array_equal(spikes[input_ : shown.n_steps + input_], expected.spikes)
    error = recording.error[input_ + output : shown.n_steps + input_ + output]
    np.testing.assert_allclose(error, expected.error, rtol=0, atol=TOLERANCE * max(1.0, np.abs(expected.readout).max()))
    for projection in LEARNING_PROJECTIONS:
        weight, of_model = simulation.weights(projection).weight, expected.weights[projection].weight
        tolerance = WEIGHT_TOLERANCE * max(1.0, np.abs(of_model).max(initial=0.0))
        np.testing.assert_allclose(weight, of_model, rtol=0, atol=tolerance)


@pytest.mark.parametrize("input_delay", [1, 10])
@pytest.mark.parametrize("kind", ["random", "symmetric"])
def test_spikes_before_the_first_sample_change_nothing(input_delay: int, kind: str) -> None:
    """A constant current drives them while the first sample is on its way."""
    network, connections, shown = bellec_problem(MIXED)
    values = network.model_dump()
    neuron = values["neuron"]
    neuron["I_e"] = 8.0 * neuron["V_th"] * neuron["C_m"] / neuron["tau_m"]
    values["input"]["delay"] = input_delay
    values["plasticity"]["batch_size"] = 1
    values["feedback"]["kind"] = kind
    if kind == "symmetric":
        connections = {name: connections[name] for name in LEARNING_PROJECTIONS}
    problem = Problem(parse(Network, values), connections, shown).first(shown.n_steps // N_SAMPLES)
    assert problem is not None
    expected = train(*problem, 1)
    network, connections, stimulus = in_absolute_time(problem)
    simulation = Simulation(network, connections=connections)
    recording = simulation.run(stimulus)
    assert np.any(recording.spike_steps < input_delay) == (input_delay > 1)
    for projection in LEARNING_PROJECTIONS:
        weight, of_model = simulation.weights(projection).weight, expected.weights[projection].weight
        assert np.abs(of_model - connections[projection].weight).max() > 1e-6
        tolerance = WEIGHT_TOLERANCE * max(1.0, np.abs(of_model).max(initial=0.0))
        np.testing.assert_allclose(weight, of_model, rtol=0, atol=tolerance)


def in_step_of_samples(problem: Problem, step: int) -> Problem:
    """Return the problem with an additional spike of every input channel in the given step of every sample."""
    network, _, shown = problem
    length, n = shown.n_steps // N_SAMPLES, network.n_input
    starts = np.repeat(np.arange(N_SAMPLES) * length, n)
    steps = np.concatenate([shown.input_steps, starts + step])
    channels = np.concatenate([shown.input_channels, np.tile(np.arange(n), N_SAMPLES)])
    order = np.lexsort((channels, steps))
    return problem._replace(stimulus=replace(shown, input_steps=steps[order], input_channels=channels[order]))


def test_spikes_in_the_second_step_use_the_gradient_of_the_whole_sample_before() -> None:
    problem = in_step_of_samples(bellec_problem(MIXED), 1)
    expected = train(*problem, N_SAMPLES)
    network, connections, stimulus = in_absolute_time(problem)
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus)
    for projection in LEARNING_PROJECTIONS:
        weight, of_model = simulation.weights(projection).weight, expected.weights[projection].weight
        tolerance = WEIGHT_TOLERANCE * max(1.0, np.abs(of_model).max(initial=0.0))
        np.testing.assert_allclose(weight, of_model, rtol=0, atol=tolerance)


def test_spikes_in_the_first_step_of_a_sample_are_lost() -> None:
    problem = bellec_problem(MIXED)
    recordings, weights = [], []
    for shown in (problem, in_step_of_samples(problem, 0)):
        network, connections, stimulus = in_absolute_time(shown)
        simulation = Simulation(network, connections=connections)
        recordings.append(simulation.run(stimulus))
        weights.append({projection: simulation.weights(projection).weight for projection in LEARNING_PROJECTIONS})
    np.testing.assert_array_equal(recordings[0].readout, recordings[1].readout)
    for projection in LEARNING_PROJECTIONS:
        np.testing.assert_array_equal(weights[0][projection], weights[1][projection])


def test_spikes_at_a_readout_in_the_first_step_contribute_to_the_gradient() -> None:
    """NEST leaves them out of the gradient (``test_nest_limits.py``)."""
    length, learning_rate, decay = 20, 1e-2, np.exp(-1.0 / 20.0)
    values = {
        "n_input": 1,
        "n_recurrent": 1,
        "n_readout": 1,
        "neuron": {"I_e": 0.7, "V_th": 0.6, "t_ref": 7.0, "delayed_reset": True},  # spikes in each sample's first step
        "plasticity": {
            "update": "sample",
            "rate_average": "sample",
            "reset_at_samples": True,
            "cutoff": None,
            "optimizer": {"learning_rate": learning_rate},
        },
    }
    none, one = np.zeros(0, int), np.zeros(1, int)
    connections = {"recurrent": Connections(none, none, np.zeros(0)), "output": Connections(one, one, np.ones(1))}
    simulation = Simulation(parse(Network, values), connections=connections)
    sample = Stimulus(length, none, none, np.zeros((length, 1)), np.ones(length, bool))
    arrivals, errors, weights = set(), [], [1.0]
    for number in range(6):
        recording = simulation.run(sample)
        arrivals |= set((number * length + recording.spike_steps + 1).tolist())
        errors += recording.error[:, 0].tolist()
        weights.append(simulation.weights("output").weight[0])
    for number in range(1, 5):  # samples begin in step 2 for the readouts; the next run ends with the updated weights
        begin, gradient, trace = 2 + number * length, 0.0, 0.0
        assert begin in arrivals
        for step in range(begin, begin + length):
            trace = decay * trace + (step in arrivals)
            gradient += errors[step] * trace
        assert weights[number + 2] - weights[number + 1] == pytest.approx(-learning_rate * gradient, rel=1e-12)


def test_samples_in_several_runs_equal_those_of_one_run() -> None:
    """A batch may begin in one run and end in another."""
    network, connections, stimulus = in_absolute_time(bellec_problem(MIXED))
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
    for projection in LEARNING_PROJECTIONS:
        np.testing.assert_array_equal(parts.weights(projection).weight, whole.weights(projection).weight)
