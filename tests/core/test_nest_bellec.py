"""The literal model of Bellec et al. (2020) against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bellec_model import train
from eprop_core.parameters import Network, parse
from eprop_core.stimulus import Stimulus
from random_problem import Problem, random_problem

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON")
pytestmark = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)

N_SAMPLES = 10  # not a multiple of the batch sizes: the last batch remains incomplete
LEARNING = ("input", "recurrent", "output")
# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-11  # of the largest error or weight, at least 1

SETTINGS: dict[str, dict] = (
    {
        f"{loss}-{neuron}-{algorithm}-batch-{batch_size}": {
            "loss": loss,
            "share": share,
            "algorithm": algorithm,
            "batch_size": batch_size,
        }
        for loss in ("mean_squared_error", "cross_entropy")
        for neuron, share in (("lif", None), ("adaptive", 1.0), ("mixed", 0.5))
        for algorithm in ("gradient_descent", "adam")
        for batch_size in (1, 3)
    }
    | {f"random-{seed}": {} for seed in range(20)}
    | {f"{function}": {"surrogate": function} for function in ("exponential", "fast_sigmoid_derivative", "arctan")}
    | {f"refractory-{steps}": {"refractory_steps": steps, "input_probability": 0.1} for steps in range(6)}
    | {f"dt-{dt}": {"dt": dt, "c_reg": 5.0} for dt in (0.1, 0.25, 2.0)}
    | {f"V_min{V_min}": {"V_min": V_min} for V_min in (-0.5, 0.0)}
    | {f"static-{static}": {"plastic": {name: name != static for name in LEARNING}} for static in LEARNING}
    | {"weight-bounds": {"bounded": True, "share": 0.5}, "rare-spikes": {"input_probability": 0.01, "batch_size": 2}}
)


def bellec_problem(name: str) -> Problem:
    """The random problem of e-prop+ with this learning rule, cut into samples."""
    seed = list(SETTINGS).index(name)
    rng = np.random.default_rng([seed, 2020])
    steps_per_sample = int(rng.integers(40, 151))
    adapts = rng.random() < 0.5
    chosen = {
        "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
        "share": float(rng.uniform()) if adapts else None,
        "algorithm": str(rng.choice(["gradient_descent", "adam"])),
        "batch_size": int(rng.integers(1, 4)),
        "learning_window": int(rng.integers(10, steps_per_sample + 1)),
        "n_input": int(rng.integers(5, 41)),
        "n_recurrent": int(rng.integers(5, 31)),
        "n_readout": int(rng.integers(2, 5)),
        "input_probability": float(10 ** rng.uniform(-1.5, -0.7)),
        "surrogate": "piecewise_linear",
    } | SETTINGS[name]
    own = ("loss", "share", "algorithm", "batch_size", "learning_window", "surrogate")
    shared = {key: value for key, value in chosen.items() if key not in own}
    network, connections, shown = random_problem(seed, N_SAMPLES * steps_per_sample, **shared)
    return Problem(
        _learns_by_samples(network, chosen, float(rng.uniform(0.1, 1.0))),
        connections,
        _in_samples(shown, steps_per_sample, chosen, rng),
    )


def _learns_by_samples(network: Network, chosen: dict, beta: float) -> Network:
    values = network.model_dump()
    optimizer = values["plasticity"]["optimizer"] | {"algorithm": chosen["algorithm"]}
    optimizer["learning_rate"] *= 3.0
    if chosen["algorithm"] == "adam":
        # Each of the ten updates moves a weight by up to the learning rate.
        optimizer |= {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6, "learning_rate": 0.02 * network.neuron.V_th}
    values["plasticity"] |= {
        "update": "sample",
        "batch_size": chosen["batch_size"],
        "rate_average": "sample",
        "reset_at_samples": True,
        "kappa": math.exp(-network.dt / network.readout.tau_m),
        "cutoff": None,
        "optimizer": optimizer,
    }
    values["readout"]["loss"] = chosen["loss"]
    values["neuron"]["surrogate_gradient"]["function"] = chosen["surrogate"]
    if chosen["share"] is not None:
        adaptation = {"beta": beta * network.neuron.V_th, "tau": 50.0 * network.dt, "share": chosen["share"]}
        values["neuron"]["adaptation"] = adaptation
    return parse(Network, values)


def _in_samples(shown: Stimulus, steps_per_sample: int, chosen: dict, rng: np.random.Generator) -> Stimulus:
    """Give classes for targets, and let errors count at the ends of the samples.

    NEST loses input spikes of a sample's first step, and the last learning signal of a sample before a spike of the
    second step; here are none.
    """
    kept = shown.input_steps % steps_per_sample > 1
    target = shown.target
    if chosen["loss"] == "cross_entropy":
        n_readout = target.shape[1]
        target = np.repeat(np.eye(n_readout)[rng.integers(n_readout, size=N_SAMPLES)], steps_per_sample, axis=0)
    from_end = steps_per_sample - np.arange(shown.n_steps) % steps_per_sample
    return Stimulus(
        shown.n_steps,
        shown.input_steps[kept],
        shown.input_channels[kept],
        target,
        from_end <= chosen["learning_window"],
    )


@pytest.fixture(scope="module")
def nest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """NEST's results of all settings."""
    directory = tmp_path_factory.mktemp("nest_bellec")
    for name in SETTINGS:
        network, connections, stimulus = bellec_problem(name)
        listed = {
            f"{projection}_{key}": values
            for projection, explicit in connections.items()
            for key, values in explicit._asdict().items()
        }
        np.savez(
            directory / f"{name}.problem.npz",
            network=np.array(network.model_dump_json()),
            **vars(stimulus) | {"n_samples": N_SAMPLES},
            **listed,
        )
    script = Path(__file__).parents[1] / "nest_bellec.py"
    done = subprocess.run([str(NEST_PYTHON), str(script), str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = {}
    for name in SETTINGS:
        with np.load(directory / f"{name}.nest.npz") as result:
            results[name] = dict(result)
    return results


@pytest.mark.parametrize("name", SETTINGS)
def test_network_spikes_and_learns(name: str, nest: dict[str, dict[str, np.ndarray]]) -> None:
    """The comparison below would say little about a silent or static network."""
    network, connections, _ = bellec_problem(name)
    result = nest[name]
    assert result["spikes"].sum() >= 50
    assert np.any(result["error"])
    for projection in LEARNING:
        initial = connections[projection].weight
        if getattr(network, projection).plastic and initial.size:
            assert np.abs(result[f"{projection}_weight"] - initial).max() > 1e5 * TOLERANCE


@pytest.mark.parametrize("name", SETTINGS)
def test_literal_model(name: str, nest: dict[str, dict[str, np.ndarray]]) -> None:
    expected = nest[name]
    trained = train(*bellec_problem(name), N_SAMPLES)
    np.testing.assert_array_equal(trained.spikes, expected["spikes"])
    tolerance = TOLERANCE * max(1.0, np.abs(trained.readout).max())
    np.testing.assert_allclose(trained.error, expected["error"], rtol=0, atol=tolerance)
    for projection in LEARNING:
        listed, of_nest = trained.weights[projection], expected[f"{projection}_weight"]
        np.testing.assert_array_equal(listed.source, expected[f"{projection}_source"])
        np.testing.assert_array_equal(listed.target, expected[f"{projection}_target"])
        tolerance = TOLERANCE * max(1.0, np.abs(of_nest).max(initial=0.0))
        np.testing.assert_allclose(listed.weight, of_nest, rtol=0, atol=tolerance)
