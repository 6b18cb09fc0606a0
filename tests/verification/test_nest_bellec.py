"""The literal model of Bellec et al. (2020) against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import os

import numpy as np
import pytest

from eprop_core.verification.bellec_model import train
from eprop_core.verification.bellec_problem import N_SAMPLES, VARIANTS, bellec_problem
from eprop_core.verification.nest import Nest
from eprop_core.verification.variants import LEARNING

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON")
pytestmark = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-11  # of the largest error or weight, at least 1


@pytest.fixture(scope="module")
def nest() -> dict[str, dict[str, np.ndarray]]:
    """NEST's results of all settings."""
    nest = Nest(str(NEST_PYTHON))
    return nest.run("bellec", {name: bellec_problem(name) for name in VARIANTS})


@pytest.mark.parametrize("name", VARIANTS)
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


@pytest.mark.parametrize("name", VARIANTS)
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
