"""Spike-timing-dependent plasticity against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import numpy as np
import pytest

from eprop_core.network.projections import spiking_projections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.nest import Nest
from eprop_core.verification.random_problem import Problem, problem_of_variant
from eprop_core.verification.simulators import simulate
from eprop_core.verification.variants import STDP, Variants, random_stdp
from live_nest import NEST_PYTHON, needs_nest

N_STEPS = 2000
VARIANTS: Variants = STDP | {
    f"ignore-and-fire-{seed}": random_stdp(seed, ignore_and_fire={"rate": 23.0}, dt=1.0) for seed in (50, 51)
}


def problem_of(name: str) -> Problem:
    return problem_of_variant(VARIANTS[name], N_STEPS)


@pytest.fixture(scope="module")
def nest() -> dict[str, Outcome]:
    """NEST's outcomes of all variants."""
    return Nest(NEST_PYTHON).stdp({name: problem_of(name) for name in VARIANTS})


@needs_nest
@pytest.mark.parametrize("name", VARIANTS)
def test_spikes_and_weights_equal_those_of_nest(name: str, nest: dict[str, Outcome]) -> None:
    problem = problem_of(name)
    assert_equals_nest(problem, simulate(problem), nest[name])


def assert_equals_nest(problem: Problem, own: Outcome, nest: Outcome) -> None:
    np.testing.assert_array_equal(own.spike_steps, nest.spike_steps)
    np.testing.assert_array_equal(own.spike_neurons, nest.spike_neurons)
    assert len(own.spike_steps) > 50
    readout = own.signals["readout"]
    np.testing.assert_allclose(readout, nest.signals["readout"], rtol=0, atol=1e-12 * np.abs(readout).max())
    # Times that are no multiples of a power of two are rounded. Otherwise, operations are NEST's, but for traces that
    # have decayed beyond what counts.
    tolerance = 1e-20 if problem.network.dt in (0.5, 1.0) else 1e-12
    for spec in spiking_projections(problem.network):
        given, learned = problem.connections[spec.name].weight, own.weights[spec.name].weight
        largest = np.abs(learned).max()
        np.testing.assert_allclose(learned, nest.weights[spec.name].weight, rtol=0, atol=tolerance * largest)
        change = np.abs(learned - given).max()
        assert change > 0.01 * largest if spec.spike_timing else change == 0.0, spec.name


def test_plasticity_decides_the_spikes_of_most_networks() -> None:
    """So equal spikes mean equal weights throughout."""
    n_different = 0
    for name in VARIANTS:
        problem = problem_of(name)
        values = problem.network.model_dump()
        for key in VARIANTS[name]["stdp"]:
            values[key]["stdp"]["learning_rate"] = 0.0
        static = simulate(problem._replace(network=parse(Network, values)))
        n_different += not np.array_equal(simulate(problem).spike_steps, static.spike_steps)
    assert n_different >= 15
