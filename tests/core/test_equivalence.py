"""The event-driven simulation against the time-driven one, on many random networks."""

from typing import Any

import numpy as np
import pytest

from eprop_core.network import PROJECTIONS
from eprop_core.parameters import Network, parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven import simulate
from random_problem import Problem, random_problem

LEARNING = ("input", "recurrent", "output")
# Both compute in double precision but sum in different orders, and the constant-time update loses some 100 units of
# rounding (history.LARGEST_FACTOR). Learning rates are such that the networks do not amplify that beyond these bounds.
ERROR_TOLERANCE = 1e-12  # of the largest readout
WEIGHT_TOLERANCE = 1e-12  # of the largest weight of the projection

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
    expected = simulate(*problem)
    assert len(expected.spike_steps) >= 30
    assert expected.error.any()

    simulation = Simulation(problem.network, connections=problem.connections)
    recording = simulation.run(problem.stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected.spike_steps)
    np.testing.assert_array_equal(recording.spike_neurons, expected.spike_neurons)
    tolerance = ERROR_TOLERANCE * np.abs(expected.readout).max()
    np.testing.assert_allclose(recording.readout, expected.readout, rtol=0, atol=tolerance)
    np.testing.assert_allclose(recording.error, expected.error, rtol=0, atol=tolerance)
    for name in PROJECTIONS:
        weights, of_twin, initial = simulation.weights(name), expected.weights[name], problem.connections[name]
        np.testing.assert_array_equal(weights.source, of_twin.source)
        np.testing.assert_array_equal(weights.target, of_twin.target)
        largest = np.abs(of_twin.weight).max(initial=0.0)
        moved = np.abs(of_twin.weight - initial.weight).max(initial=0.0)
        if name in LEARNING and getattr(problem.network, name).plastic and largest > 0.0:
            assert moved > 1e6 * WEIGHT_TOLERANCE * largest
            np.testing.assert_allclose(weights.weight, of_twin.weight, rtol=0, atol=WEIGHT_TOLERANCE * largest)
        else:
            assert moved == 0.0
            np.testing.assert_array_equal(weights.weight, initial.weight)


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed: int) -> None:
    """All parameters are drawn; delays are one step."""
    assert_equals_time_driven(random_problem(seed, 800, learning_rate=0.003))


@pytest.mark.parametrize("cutoff", [2, 3, 5, 20, 200, None])
@pytest.mark.parametrize("kappas", [(0.9, 0.9), (0.95, 0.7)], ids=str)
def test_cutoffs(cutoff: int | None, kappas: tuple[float, float]) -> None:
    assert_equals_time_driven(small_problem(1, cutoff=cutoff, kappa=kappas[0], kappa_reg=kappas[1], c_reg=3.0))


@pytest.mark.parametrize("kappa", [0.0, 0.02, 0.6, 0.995])
@pytest.mark.parametrize("kappa_reg", [0.0, 0.6, 0.995])
def test_filters(kappa: float, kappa_reg: float) -> None:
    assert_equals_time_driven(small_problem(2, kappa=kappa, kappa_reg=kappa_reg, c_reg=3.0))


@pytest.mark.parametrize(
    ("input_", "recurrent", "output", "feedback"),
    [
        (3, 1, 1, 1),  # arrivals that are still to come when the next spike is emitted
        (1, 4, 1, 1),
        (1, 1, 1, 2),  # learning signals that come later than the spike
        (1, 1, 3, 1),
        (2, 2, 2, 2),
        (2, 1, 4, 5),
        (6, 5, 2, 2),  # spikes that come later than the learning signals
        (4, 8, 7, 9),  # learning signals that come later than the cutoff
        (3, 3, 3, 1),  # a communication interval of several steps
        (1, 9, 9, 1),
    ],
)
@pytest.mark.parametrize("cutoff", [10, 35, None])
def test_delays(input_: int, recurrent: int, output: int, feedback: int, cutoff: int | None) -> None:
    delay = {"input": input_, "recurrent": recurrent, "output": output, "feedback": feedback}
    kappas = {"kappa": 0.9, "kappa_reg": 0.9} if cutoff == 35 else {"kappa": 0.9, "kappa_reg": 0.8}
    assert_equals_time_driven(small_problem(3, delay=delay, cutoff=cutoff, c_reg=3.0, **kappas))


@pytest.mark.parametrize("static", ["input", "recurrent", "output", "input recurrent", "input recurrent output"])
@pytest.mark.parametrize("delay", [1, 3])
def test_static_projections(static: str, delay: int) -> None:
    plastic = {name: name not in static.split() for name in LEARNING}
    assert_equals_time_driven(small_problem(4, plastic=plastic, delay=dict.fromkeys(PROJECTIONS, delay)))


@pytest.mark.parametrize("dt", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("tau_m", [2.0, 10.0, 100.0])
def test_time_constants(dt: float, tau_m: float) -> None:
    """In steps, for membrane and readouts; the shortest make blocks of a few steps, the longest of some hundred."""
    problem = small_problem(5, dt=dt, tau_m=tau_m * dt, tau_m_readout=2.0 * tau_m * dt, kappa=0.95, c_reg=2.0)
    assert_equals_time_driven(problem)


def test_rare_spikes() -> None:
    """Sources that are silent much longer than the cutoff and than a block."""
    problem = small_problem(6, 6000, input_probability=0.002, cutoff=15, I_e=0.0)
    assert len(simulate(*problem).spike_steps) < 1000
    assert_equals_time_driven(problem)


def test_weight_bounds_are_reached() -> None:
    problem = small_problem(1, bounded=True, learning_rate=0.3)
    assert_equals_time_driven(problem)
    final, initial = simulate(*problem).weights["input"].weight, problem.connections["input"].weight
    bound = problem.network.plasticity.optimizer.weight_max
    assert np.any((np.abs(final) == bound) & (np.abs(initial) < bound))


def with_weight_bounds(network: Network, bound: float) -> Network:
    values = network.model_dump()
    values["plasticity"]["optimizer"] |= {"weight_min": -bound, "weight_max": bound}
    return parse(Network, values)


@pytest.mark.parametrize("bound", [1e6, 1e10, 1e300])
def test_bounds_that_are_out_of_reach(bound: float) -> None:
    """They must not coarsen the fixed point in which the readouts' input is added."""
    network, connections, stimulus = small_problem(7)
    assert_equals_time_driven(Problem(with_weight_bounds(network, bound), connections, stimulus))


@pytest.mark.parametrize("scale", [1e3, 1e9])
def test_scale_of_the_readouts(scale: float) -> None:
    """Output weights, targets and so errors of another scale; the feedback makes up for it."""
    network, connections, stimulus = small_problem(7, plastic={"input": True, "recurrent": True, "output": False})
    output, feedback = connections["output"], connections["feedback"]
    connections = connections | {
        "output": output._replace(weight=output.weight * scale),
        "feedback": feedback._replace(weight=feedback.weight / scale),
    }
    steps, channels, window = stimulus.input_steps, stimulus.input_channels, stimulus.learning_window
    assert_equals_time_driven(
        Problem(network, connections, Stimulus(N_STEPS, steps, channels, stimulus.target * scale, window))
    )
