"""Both models against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import itertools
import os
import subprocess
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from eprop_core.connectivity import Connections
from eprop_core.parameters import SurrogateGradient
from eprop_core.simulation import Simulation
from eprop_core.time_driven import simulate
from random_problem import Problem, neuron_values, random_problem

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON")
pytestmark = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)

N_STEPS = 2000
LEARNING = ("input", "recurrent", "output")
# All compute in double precision but sum in different orders. The learning rates are such that a network does not
# amplify a rounding beyond these bounds; large ones make it chaotic (a perturbation in the last bit of the initial
# weights then grows as much as the difference from NEST does).
ERROR_TOLERANCE = 1e-12  # of the largest readout, at least 1 mV
WEIGHT_TOLERANCE = 1e-10  # of the largest weight, at least 1 pA

EVERYWHERE = dict.fromkeys(("input", "recurrent", "output", "feedback"), 1.0)

SETTINGS: dict[str, dict] = (
    {f"random-{seed}": {"seed": seed} for seed in range(40)}
    | {f"cutoff-{cutoff}": {"seed": 41, "cutoff": cutoff} for cutoff in (2, 3, 5, 20, 200, None)}
    | {f"dt-{dt}": {"seed": 42, "dt": dt, "c_reg": 5.0} for dt in (0.1, 0.25, 0.5, 2.0)}
    | {f"refractory-{steps}": {"seed": 43, "dt": 0.1, "refractory_steps": steps} for steps in range(6)}
    | {
        f"V_min{V_min}-{surrogate}": {"seed": 44, "V_min": V_min, "surrogate": surrogate}
        for V_min in (-0.5, 0.0)
        for surrogate in ("piecewise_linear", "exponential")
    }
    | {
        f"kappa-{kappa}-{kappa_reg}": {"seed": 45, "kappa": kappa, "kappa_reg": kappa_reg, "c_reg": 3.0}
        for kappa in (0.0, 0.9)
        for kappa_reg in (0.0, 0.9)
    }
    | {f"static-{static}": {"seed": 46, "plastic": {name: name != static for name in LEARNING}} for static in LEARNING}
    | {
        "rare-spikes": {"seed": 47, "input_probability": 0.002, "cutoff": 50},
        "all-to-all": {"seed": 48, "density": EVERYWHERE},
        "no-recurrence": {"seed": 49, "density": EVERYWHERE | {"recurrent": 0.0}},
        "no-feedback": {"seed": 50, "density": EVERYWHERE | {"feedback": 0.0}, "c_reg": 5.0},
        "weight-bounds": {"seed": 51, "bounded": True, "learning_rate": 0.05},
        "readout-at-E_L": {"seed": 52, "E_L": 1.5},
    }
)

# Each combination of filters, adaptation, differing neurons and walking is compiled by itself, for a minute: few do.
ONE_FILTER = {"kappa": 0.95, "kappa_reg": 0.95}
TWO_FILTERS = {"kappa": 0.95, "kappa_reg": 0.9}
MODELS: dict[str, dict] = {
    "eprop_iaf": ONE_FILTER,
    "eprop_iaf_adapt": {"adaptation": (0.3, 40.0, 0.8), **TWO_FILTERS},
    "eprop_iaf_psc_delta": {"V_reset": -0.3, "V_min": -0.5, **ONE_FILTER},
    "eprop_iaf_psc_delta_adapt": {"V_reset": -0.3, "V_min": -0.5, "adaptation": (0.3, 40.0, 1.0), **TWO_FILTERS},
}
OPTIMIZERS: dict[str, dict] = {
    "gradient_descent": {},
    "adam": {"adam": {}, "learning_rate": 3e-4},
    "adam_each_step": {"adam": {"optimize_each_step": True}, "learning_rate": 1e-4},
}
VARIANTS: dict[str, dict] = {
    f"{model}-{surrogate}-{optimizer}": {
        "seed": 100 + number,
        "surrogate": surrogate,
        "refractory_steps": number % 6,
        "spread": 0.3 if optimizer == "gradient_descent" and number % 2 else 0.0,
        **MODELS[model],
        **OPTIMIZERS[optimizer],
    }
    for number, (model, surrogate, optimizer) in enumerate(
        itertools.product(MODELS, get_args(SurrogateGradient.model_fields["function"].annotation), OPTIMIZERS)
    )
} | {
    "adam-cutoff": {
        "seed": 150,
        "adam": {},
        "learning_rate": 3e-4,
        "cutoff": 5,
        "input_probability": 0.01,
        **ONE_FILTER,
    },
    "adam-each-step-cutoff": {
        "seed": 151,
        "adam": {"optimize_each_step": True},
        "learning_rate": 1e-4,
        "cutoff": 5,
        "input_probability": 0.01,
        **ONE_FILTER,
    },
    "adam-weight-bounds": {"seed": 152, "adam": {}, "learning_rate": 3e-3, "bounded": True, **ONE_FILTER},
    "adam-each-step-weight-bounds": {
        "seed": 153,
        "adam": {"optimize_each_step": True},
        "learning_rate": 3e-4,
        "bounded": True,
        **ONE_FILTER,
    },
    "adaptation-cutoff": {
        "seed": 154,
        "adaptation": (0.8, 100.0, 0.5),
        "cutoff": 5,
        "input_probability": 0.01,
        **TWO_FILTERS,
    },
}
SETTINGS |= VARIANTS


def problem_of(name: str) -> Problem:
    settings = dict(SETTINGS[name])
    return random_problem(settings.pop("seed"), N_STEPS, **settings)


def run_nest(problems: dict[str, Problem], directory: Path) -> dict[str, dict[str, np.ndarray]]:
    """Run all problems in one NEST process."""
    for name, (network, connections, stimulus) in problems.items():
        listed = {
            f"{projection}_{key}": values
            for projection, explicit in connections.items()
            for key, values in explicit._asdict().items()
        }
        np.savez(
            directory / f"{name}.problem.npz",
            network=np.array(network.model_dump_json()),
            n_steps=stimulus.n_steps,
            input_steps=stimulus.input_steps,
            input_channels=stimulus.input_channels,
            target=stimulus.target,
            learning_window=stimulus.learning_window,
            **listed,
            **neuron_values(network),
        )
    script = Path(__file__).parents[1] / "nest_reference.py"
    done = subprocess.run([str(NEST_PYTHON), str(script), str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = {}
    for name in problems:
        with np.load(directory / f"{name}.nest.npz") as result:
            results[name] = dict(result)
    return results


@pytest.fixture(scope="module")
def nest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """NEST's results of all settings."""
    return run_nest({name: problem_of(name) for name in SETTINGS}, tmp_path_factory.mktemp("nest"))


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


def test_multapses(tmp_path: Path) -> None:
    """Two synapses of one pair learn independently."""
    network, connections, stimulus = random_problem(53, N_STEPS)
    source, target, weight = connections["input"]
    # The second synapse of each pair gets another weight, to tell the two apart.
    doubled = Connections(np.tile(source, 2), np.tile(target, 2), np.concatenate([weight, 0.3 * weight]))
    problem = Problem(network, connections | {"input": doubled}, stimulus)
    expected = run_nest({"multapses": problem}, tmp_path)["multapses"]
    simulation = Simulation(network, connections=problem.connections)
    recording = simulation.run(stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected["spike_steps"])
    np.testing.assert_array_equal(recording.spike_neurons, expected["spike_neurons"])
    assert len(recording.spike_steps) > 50
    weights = simulation.weights("input")
    order = np.lexsort((weights.weight, weights.source, weights.target))
    of_nest = np.lexsort((expected["input_weight"], expected["input_source"], expected["input_target"]))
    np.testing.assert_allclose(weights.weight[order], expected["input_weight"][of_nest], rtol=0, atol=WEIGHT_TOLERANCE)
