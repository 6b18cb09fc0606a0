"""What NEST and the original published: NEST 3.10, run live, and all models meet the losses.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from bellec_model import softmax, train
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven import simulate
from eprop_core.validation.nest import Nest
from eprop_core.validation.published import (
    BELLEC,
    EPROP_PLUS,
    PUBLISHED,
    TOLERANCE,
    Run,
    bellec_factors,
    bellec_network,
    eprop_plus_problem,
    loss_of,
    losses,
    optimizer_of,
    run_nest,
    scaled_connections,
    tolerance,
)

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON")
pytestmark = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """NEST's run of each setting: what it was given, and what came out."""
    return run_nest(Nest(str(NEST_PYTHON), Path(__file__).parents[2] / "workflow" / "nest"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_nest(name: str, runs: dict[str, Run]) -> None:
    np.testing.assert_allclose(runs[name]["losses"], PUBLISHED[name], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", BELLEC)
def test_literal_model(name: str, runs: dict[str, Run]) -> None:
    run, setting = runs[name], runs[name]["setting"]
    network, connections = bellec_network(setting), scaled_connections(run)
    optimizers = {projection: optimizer_of(setting, factor) for projection, factor in bellec_factors(setting).items()}
    n_samples = len(run["target"]) // setting["n_steps"]
    window = setting["learning_window"] or setting["n_steps"]
    counts = np.arange(len(run["target"])) % setting["n_steps"] >= setting["n_steps"] - window
    stimulus = Stimulus(len(run["target"]), run["input_steps"], run["input_channels"], run["target"], counts)
    trained = train(network, connections, stimulus, n_samples, optimizers)
    np.testing.assert_array_equal(trained.spikes, run["spikes"])
    if setting["task"] == "sine_waves":
        loss = 0.5 * trained.error**2
    else:
        loss = -run["target"] * np.log(softmax(trained.readout)) / (window * network.plasticity.batch_size)
    of_model = (loss * counts[:, np.newaxis]).reshape(len(PUBLISHED[name]), -1).sum(axis=1)
    np.testing.assert_allclose(of_model, PUBLISHED[name], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_event_driven(name: str, runs: dict[str, Run]) -> None:
    of_simulation, same_spikes = losses(name, runs[name])
    assert same_spikes
    np.testing.assert_allclose(of_simulation, PUBLISHED[name], rtol=tolerance(name), atol=0)


@pytest.mark.parametrize("name", EPROP_PLUS)
def test_time_driven(name: str, runs: dict[str, Run]) -> None:
    run = runs[name]
    result = simulate(*eprop_plus_problem(run))
    np.testing.assert_array_equal([result.spike_steps, result.spike_neurons], np.nonzero(run["spikes"]))
    of_model = loss_of(run["setting"], result.error[2:], run["target"]).reshape(len(PUBLISHED[name]), -1).sum(axis=1)
    np.testing.assert_allclose(of_model, PUBLISHED[name], rtol=TOLERANCE, atol=0)
