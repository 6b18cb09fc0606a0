"""NEST 3.10, run live, and all models meet the losses that NEST and Bellec et al. published.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import numpy as np
import pytest

from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.nest import Nest
from eprop_core.verification.published import (
    BELLEC,
    EPROP_PLUS,
    PUBLISHED,
    TOLERANCE,
    Run,
    eprop_plus_problem,
    literal_losses,
    loss_of,
    losses,
    run_nest,
)
from live_nest import NEST_PYTHON, needs_nest

pytestmark = needs_nest


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """NEST's run of each setting: its input and its results."""
    return run_nest(Nest(NEST_PYTHON))


@pytest.mark.parametrize("name", PUBLISHED)
def test_nest_meets_the_published_losses(name: str, runs: dict[str, Run]) -> None:
    np.testing.assert_allclose(runs[name]["losses"], PUBLISHED[name], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", BELLEC)
def test_the_literal_model_meets_the_published_losses(name: str, runs: dict[str, Run]) -> None:
    of_model, same_spikes = literal_losses(name, runs[name])
    assert same_spikes
    np.testing.assert_allclose(of_model, PUBLISHED[name], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_event_driven_simulation_meets_the_published_losses(name: str, runs: dict[str, Run]) -> None:
    of_simulation, same_spikes = losses(name, runs[name])
    assert same_spikes
    np.testing.assert_allclose(of_simulation, PUBLISHED[name], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", EPROP_PLUS)
def test_the_time_driven_model_meets_the_published_losses(name: str, runs: dict[str, Run]) -> None:
    run = runs[name]
    result = simulate(*eprop_plus_problem(run))
    np.testing.assert_array_equal([result.spike_steps, result.spike_neurons], np.nonzero(run["spikes"]))
    of_model = loss_of(run["setting"], result.error[2:], run["target"]).reshape(len(PUBLISHED[name]), -1).sum(axis=1)
    np.testing.assert_allclose(of_model, PUBLISHED[name], rtol=TOLERANCE, atol=0)
