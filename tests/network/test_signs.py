"""Excitatory and inhibitory sources: signs of drawn and of given weights, and that they stay while weights learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from thread_ranks import on_thread_ranks

BASE: dict[str, Any] = {
    "n_input": 20,
    "n_recurrent": 18,
    "n_readout": 3,
    "neuron": {"tau_m": 20.0, "V_th": 0.6, "excitatory": 0.5},
    "plasticity": {"optimizer": {"learning_rate": 1e-2}},
    "input": {"excitatory": [0, 3, 4, 19], "weights": {"scale": 3.0}},
}
SPARSE: dict[str, Any] = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.6}}


def network_of(**changes: dict[str, Any]) -> Network:
    groups = {name: BASE.get(name, {}) | change for name, change in changes.items()}
    return parse(Network, BASE | groups)


def is_excitatory(network: Network, projection: str) -> np.ndarray:
    """Return whether each source is excitatory, bool (n_sources,), written out for the networks of this module."""
    if projection == "input":
        return np.isin(np.arange(network.n_input), [0, 3, 4, 19])
    return np.arange(network.n_recurrent) < 9


@pytest.mark.parametrize("connectivity", [{}, SPARSE], ids=["rows", "lists"])
def test_weights_have_the_signs_of_their_sources_and_the_sizes_that_are_drawn(connectivity: dict[str, Any]) -> None:
    sizes = {name: BASE[name] for name in ("n_input", "n_recurrent", "n_readout")}
    mixed = parse(Network, sizes | dict.fromkeys(LEARNING_PROJECTIONS, connectivity))
    signed = network_of(neuron={}, input=connectivity | {"weights": {}}, recurrent=connectivity, output=connectivity)
    for projection in LEARNING_PROJECTIONS:
        drawn, own = Simulation(mixed).weights(projection), Simulation(signed).weights(projection)
        np.testing.assert_array_equal(np.abs(own.weight), np.abs(drawn.weight))
        assert np.unique(np.sign(drawn.weight)).tolist() == [-1.0, 1.0]
        np.testing.assert_array_equal(own.weight > 0.0, is_excitatory(signed, projection)[own.source])


def test_weights_of_inhibitory_sources_are_scaled() -> None:
    same, scaled = network_of(), network_of(recurrent={"weights": {"inhibitory_factor": 4.0}})
    before, after = Simulation(same).weights("recurrent"), Simulation(scaled).weights("recurrent")
    factor = np.where(is_excitatory(same, "recurrent")[before.source], 1.0, 4.0)
    np.testing.assert_array_equal(after.weight, factor * before.weight)


@pytest.mark.parametrize("connectivity", [{}, SPARSE], ids=["rows", "lists"])
def test_signs_stay_while_weights_learn(connectivity: dict[str, Any], tmp_path: Path) -> None:
    """A weight that comes to zero stays there, with the sign of its source, also in a file."""
    network = network_of(input=connectivity, recurrent=connectivity, output=connectivity)
    simulation = Simulation(network)
    initial = {name: simulation.weights(name).weight for name in LEARNING_PROJECTIONS}
    recording = simulation.run(poisson_stimulus(network, 0.05, seed=3, first_step=0, n_steps=3000))
    assert len(recording.spike_steps) > 100
    simulation.save(tmp_path / "network.h5")
    loaded = Simulation.load(tmp_path / "network.h5")
    n_stopped = 0
    for name in LEARNING_PROJECTIONS:
        for learned in (simulation.weights(name), loaded.weights(name)):
            assert not np.array_equal(learned.weight, initial[name])
            np.testing.assert_array_equal(~np.signbit(learned.weight), is_excitatory(network, name)[learned.source])
        n_stopped += np.count_nonzero(learned.weight == 0.0)
    assert n_stopped > 0


def test_ranks_draw_and_learn_the_same_weights() -> None:
    network = network_of(input=SPARSE, recurrent=SPARSE, output=SPARSE)
    shown = poisson_stimulus(network, 0.05, seed=3, first_step=0, n_steps=500)

    def weights_on(communicator: Any) -> list[np.ndarray]:
        simulation = Simulation(network, communicator=communicator)
        simulation.run(shown)
        return [simulation.weights(name).weight for name in LEARNING_PROJECTIONS]

    (alone,) = on_thread_ranks(1, weights_on)
    for n_ranks in (2, 5):
        for learned in on_thread_ranks(n_ranks, weights_on):
            for own, expected in zip(learned, alone, strict=True):
                np.testing.assert_array_equal(own, expected)


def test_given_weights_must_have_the_signs_of_their_sources() -> None:
    network = network_of()
    source, target = np.array([0, 1, 2]), np.array([5, 6, 7])
    right = Connections(source, target, np.array([0.5, 0.0, -0.5]))
    weights = Simulation(network, connections={"input": right}).weights("input").weight
    np.testing.assert_array_equal(np.signbit(weights), [False, True, True])
    wrong = Connections(source, target, np.array([0.5, 0.25, -0.5]))
    with pytest.raises(
        ParameterError, match=r"connections\['input'\]: a weight of 0.25 pA, but its source 1 is inhibitory"
    ):
        Simulation(network, connections={"input": wrong})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neuron": {"excitatory": [0, 18]}}, "neuron.excitatory: must be different ids from 0 to 17"),
        ({"input": {"excitatory": [2, 2]}}, "input.excitatory: must be different ids from 0 to 19"),
        ({"neuron": {"excitatory": 1.5}}, "less than or equal to 1"),
        ({"recurrent": {"fixed_signs": False}}, "recurrent.fixed_signs: must not be false"),
        (
            {"neuron": {"excitatory": None}, "output": {"weights": {"inhibitory_factor": 2.0}}},
            "output.weights.inhibitory_factor: needs sources",
        ),
        ({"output": {"weight_min": 2.0, "weight_max": 1.0}}, "output: weight_min = 2.0 must not exceed weight_max"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        network_of(**changes)
