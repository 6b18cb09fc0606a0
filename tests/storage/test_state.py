"""Each array of a rank's state has one kind."""

import numpy as np
import pytest

from eprop_core.model.rank import RankState
from eprop_core.network.features import kinds, network_of
from eprop_core.simulation import Simulation
from eprop_core.storage.state import Kind, arrays, kind_of
from eprop_core.verification.random_problem import problem_of_variant
from eprop_core.verification.variants import BEYOND_NEST


@pytest.mark.parametrize("name", BEYOND_NEST)
def test_all_arrays_of_a_state_have_a_kind(name: str) -> None:
    """Of a simulation that is built, but not run."""
    network, connections, _ = problem_of_variant(BEYOND_NEST[name], 10)
    state = Simulation(network, connections=connections)._rank
    found = {name: kind for name, _, kind in arrays(state)}
    assert {Kind.NEURONS, Kind.STEPS_OF_NEURONS, Kind.WHOLE, Kind.SPIKES, Kind.COUNTS} <= set(found.values())
    for name, array, kind in arrays(state):
        if kind in (Kind.NEURONS, Kind.STEPS_OF_NEURONS):
            axis = 0 if kind is Kind.NEURONS else 1
            assert array.shape[axis] in (0, network.n_recurrent), name


def test_an_array_without_a_kind_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"^neurons.dendrite: an array of the state must have one kind"):
        kind_of("neurons.dendrite")


def test_kinds_exclude_one_another() -> None:
    state = Simulation(network_of("plain"))._rank
    assert isinstance(state, RankState)
    assert len({name for name, _, _ in arrays(state)}) == len(list(arrays(state)))
    assert kinds()
    assert all(isinstance(array, np.ndarray) for _, array, _ in arrays(state))
