"""Memory: the estimate that is made before building, and the word where there is too little."""

import numpy as np
import pytest

from eprop_core.network import InsufficientMemoryError, estimate_memory
from eprop_core.parameters import Network, parse
from eprop_core.simulation import Simulation

SMALL = {"n_input": 100, "n_recurrent": 500, "n_readout": 10}
SPARSE = {
    "n_input": 100,
    "n_recurrent": 10_000,
    "n_readout": 10,
    "input": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.1}},
    "recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 20}},
}


def bytes_of_arrays(state: object) -> int:
    """Of a nest of tuples."""
    if isinstance(state, np.ndarray):
        return state.nbytes
    return sum(bytes_of_arrays(part) for part in state) if isinstance(state, tuple) else 0


@pytest.mark.parametrize(
    "values",
    [
        SMALL,
        SMALL | {"plasticity": {"kappa": 0.5}},
        SPARSE,
        SPARSE | {"output": {"delay": 10}, "feedback": {"delay": 10}},
        SPARSE | {"recurrent": {"plastic": False, "connectivity": {"rule": "fixed_in_degree", "in_degree": 20}}},
    ],
)
def test_estimate_of_memory(values: dict) -> None:
    network = parse(Network, values)
    assert estimate_memory(network) == pytest.approx(bytes_of_arrays(Simulation(network)._rank), rel=0.2)


def test_estimate_of_one_rank_among_many() -> None:
    network = parse(Network, SPARSE | {"neuron": {"ignore_and_fire": {"rate": 10.0}}})
    held = bytes_of_arrays(Simulation(network, dry_run=(2, 8))._rank)
    assert estimate_memory(network, 8) == pytest.approx(held, rel=0.2)


def test_too_little_memory_is_told_before_building() -> None:
    network = parse(Network, SMALL | {"n_recurrent": 10**7})
    with pytest.raises(InsufficientMemoryError, match=r"the network needs about [\d.]+ GB .* are available") as caught:
        Simulation(network)
    assert "\n" not in str(caught.value)
