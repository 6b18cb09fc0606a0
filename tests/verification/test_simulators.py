"""All variants: the event-driven simulation equals the time-driven model, which equals the reference implementation.

Comparisons with NEST are in ``test_nest.py``, those of several ranks with one in ``tests/ranks``.
"""

from typing import Any

import numpy as np
import pytest

from agreement import assert_agree
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import Problem, problem_of_variant
from eprop_core.verification.simulators import reference_implementation, time_driven_model
from eprop_core.verification.variants import BEYOND_NEST, N_STEPS_REFERENCE, OF_NEST, SMALLEST
from small_problem import N_STEPS, small_problem

REFERENCE_TOLERANCE = 1e-13
"""Both sum the same terms in different order: some hundred roundings of the largest weight."""


@pytest.mark.parametrize("name", BEYOND_NEST)
def test_the_event_driven_simulation_equals_the_time_driven_model(name: str) -> None:
    assert_agree(problem_of_variant(BEYOND_NEST[name], N_STEPS))


@pytest.mark.parametrize("name", OF_NEST | BEYOND_NEST)
def test_the_time_driven_model_equals_the_reference_implementation(name: str) -> None:
    """In small networks and for fewer steps, as the reference is slow."""
    problem = problem_of_variant((OF_NEST | BEYOND_NEST)[name] | SMALLEST, N_STEPS_REFERENCE)
    assert_agree(problem, time_driven_model, reference_implementation, REFERENCE_TOLERANCE, least_spikes=20)


def test_simulators_agree_on_rare_spikes() -> None:
    """Sources are silent for much longer than the cutoff and than a block."""
    problem = small_problem(6, 6000, input_probability=0.002, cutoff=15, I_e=0.0)
    assert len(simulate(*problem).spike_steps) < 1000
    assert_agree(problem)


@pytest.mark.parametrize("c_reg", [0.0, 2.0])
@pytest.mark.parametrize(("kappa", "kappa_reg"), [(0.0, 0.0), (0.0, 0.9), (0.9, 0.0), (0.0, 1e-5), (1e-5, 1e-5)])
@pytest.mark.parametrize("delays", [(1, 1, 1, 1), (2, 3, 2, 1)], ids=str)
@pytest.mark.parametrize("cutoff", [8, 30])
def test_simulators_agree_without_an_eligibility_filter(
    kappa: float, kappa_reg: float, c_reg: float, delays: tuple[int, ...], cutoff: int
) -> None:
    """With blocks, silence beyond the cutoff, and spikes that follow each other at once."""
    settings: dict[str, Any] = {"kappa": kappa, "kappa_reg": kappa_reg, "c_reg": c_reg, "cutoff": cutoff}
    settings["delay"] = dict(zip(PROJECTIONS, delays, strict=True))
    assert_agree(small_problem(6, 600, **settings))
    assert_agree(small_problem(8, 600, input_probability=0.01, **settings))


def test_weight_bounds_are_reached() -> None:
    problem = problem_of_variant(BEYOND_NEST["small-weight-bounds"], N_STEPS)
    final, initial = simulate(*problem).weights["input"].weight, problem.connections["input"].weight
    bound = problem.network.plasticity.optimizer.weight_max
    assert np.any((np.abs(final) == bound) & (np.abs(initial) < bound))


def with_weight_bounds(network: Network, bound: float) -> Network:
    values = network.model_dump()
    values["plasticity"]["optimizer"] |= {"weight_min": -bound, "weight_max": bound}
    return parse(Network, values)


@pytest.mark.parametrize("bound", [1e6, 1e10, 1e300])
def test_simulators_agree_with_weight_bounds_out_of_reach(bound: float) -> None:
    """Large bounds must not make the fixed point coarser in which the readouts' input is added."""
    network, connections, stimulus = small_problem(7)
    assert_agree(Problem(with_weight_bounds(network, bound), connections, stimulus))


@pytest.mark.parametrize("plastic", [True, False])
@pytest.mark.parametrize("scale", [1e9, 1e3, 2.0**-20, 2.0**-30, 2.0**-40, 1e-200])
def test_simulators_agree_at_any_scale_of_the_readouts(scale: float, plastic: bool) -> None:
    """Output weights, targets and errors are scaled, and feedback weights by the inverse."""
    network, connections, stimulus = small_problem(
        7, plastic=dict.fromkeys(LEARNING_PROJECTIONS, True) | {"output": plastic}
    )
    if plastic:
        values = network.model_dump()
        bound = values["plasticity"]["optimizer"]["weight_max"] * max(1.0, scale)
        values["plasticity"]["optimizer"] |= {"weight_min": -bound, "weight_max": bound}
        values["output"]["learning_rate"] = values["plasticity"]["optimizer"]["learning_rate"]
        network = parse(Network, values)
    output, feedback = connections["output"], connections["feedback"]
    connections = connections | {
        "output": output._replace(weight=output.weight * scale),
        "feedback": feedback._replace(weight=feedback.weight / scale),
    }
    steps, channels, window = stimulus.input_steps, stimulus.input_channels, stimulus.learning_window
    assert_agree(Problem(network, connections, Stimulus(N_STEPS, steps, channels, stimulus.target * scale, window)))


@pytest.mark.parametrize("name", [name for name in BEYOND_NEST if name.startswith("fixed-signs")])
def test_weights_of_fixed_sign_stop_at_zero(name: str) -> None:
    problem = problem_of_variant(BEYOND_NEST[name], N_STEPS)
    stopped = 0
    for projection in LEARNING_PROJECTIONS:
        initial, final = problem.connections[projection].weight, simulate(*problem).weights[projection].weight
        np.testing.assert_array_equal(np.signbit(final), np.signbit(initial))
        stopped += np.count_nonzero(final == 0.0)
    assert stopped > 0
