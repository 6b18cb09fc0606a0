"""Groups of neurons are found in the synapses of a network of NEST. Needs no NEST."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eprop_core.interoperability.nest_groups import Groups, groups_of, kinds_of
from eprop_core.interoperability.nest_populations import Populations
from eprop_core.interoperability.nest_snapshot import Built, Nodes

N_INPUTS, N_NEURONS = 20, 60
FIRST_INPUT, FIRST_NEURON = 1, 1 + N_INPUTS
OPTIMIZER = {"optimizer": "gradient_descent", "eta": 1e-3, "Wmin": -10.0, "Wmax": 10.0}
MODELS: dict[str, dict[str, Any]] = {
    "static": {},
    "slow": {"optimizer": OPTIMIZER},
    "fast": {"optimizer": OPTIMIZER | {"eta": 1e-2}},
    "positive": {"optimizer": OPTIMIZER | {"Wmin": 0.0}},
    "negative": {"optimizer": OPTIMIZER | {"Wmax": 0.0}},
}
Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Returns the synapse model from the numbers of source and target."""


def slow(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.full(len(source), "slow")


def network(recurrent: Rule, inputs: Rule = slow, density: float = 0.3, n_adaptive: int = 0) -> Built:
    """A random network; the last ``n_adaptive`` neurons adapt."""
    rng = np.random.default_rng(5)
    connections: dict[str, list[np.ndarray]] = {name: [] for name in ("source", "target", "synapse_model")}
    neurons = np.arange(FIRST_NEURON, FIRST_NEURON + N_NEURONS)
    for rule, first, n in ((inputs, FIRST_INPUT, N_INPUTS), (recurrent, FIRST_NEURON, N_NEURONS)):
        exists = rng.random((n, N_NEURONS)) < density
        if n == N_NEURONS:
            np.fill_diagonal(exists, False)
        source, target = np.nonzero(exists)
        connections["source"].append(source + first)
        connections["target"].append(target + FIRST_NEURON)
        connections["synapse_model"].append(rule(source, target))
    arrays = {name: np.concatenate(values) for name, values in connections.items()}
    n = len(arrays["source"])
    readouts = np.arange(2) + FIRST_NEURON + N_NEURONS
    nodes = {
        "parrot_neuron": Nodes(np.arange(FIRST_INPUT, FIRST_NEURON), "neuron", {}),
        "eprop_iaf": Nodes(neurons[: N_NEURONS - n_adaptive], "neuron", {}),
        "eprop_readout": Nodes(readouts, "neuron", {}),
    }
    if n_adaptive:
        nodes["eprop_iaf_adapt"] = Nodes(neurons[N_NEURONS - n_adaptive :], "neuron", {})
    of_all = {"weight": np.ones(n), "delay": np.ones(n), "receptor": np.zeros(n, int), "tau_m_readout": np.ones(n)}
    return Built({}, nodes, arrays | of_all, MODELS)


def groups_in(built: Built) -> Groups | None:
    populations = Populations(built)
    onto = {name: populations.projection(name) for name in ("input", "recurrent")}
    return groups_of(populations, onto, {name: kinds_of(projection, MODELS) for name, projection in onto.items()})


def sizes(built: Built) -> list[int] | None:
    groups = groups_in(built)
    return None if groups is None else list(groups.sizes.values())


def by_source(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.where(source < 40, "slow", "static")


def by_pair(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array(["slow", "static", "fast", "negative"])[2 * (source >= 40) + (target >= 40)]


def within_layers(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.where(source // 20 == target // 20, "slow", "static")


@pytest.mark.parametrize("density", [0.1, 0.3, 1.0])
@pytest.mark.parametrize(("rule", "expected"), [(by_source, [40, 20]), (by_pair, [40, 20]), (within_layers, 3 * [20])])
def test_populations_that_were_created_one_after_the_other_are_found(
    rule: Rule, expected: list[int], density: float
) -> None:
    assert sizes(network(rule, density=density)) == expected


def test_populations_whose_ids_alternate_are_found_in_a_dense_network() -> None:
    built = network(lambda source, target: by_pair(40 * (source % 2), 40 * (target % 2)), density=0.9)
    groups = groups_in(built)
    assert groups is not None
    np.testing.assert_array_equal(groups.order, [*range(0, N_NEURONS, 2), *range(1, N_NEURONS, 2)])


def test_inputs_may_differ_by_their_targets_alone() -> None:
    assert sizes(network(slow, lambda source, target: np.where(target < 10, "fast", "slow"))) == [10, 50]
    assert sizes(network(slow, lambda source, target: np.where(source < 10, "fast", "slow"))) is None


def test_adaptive_neurons_have_groups_of_their_own() -> None:
    assert sizes(network(by_source, n_adaptive=10)) == [40, 10, 10]


def test_synapses_that_differ_one_by_one_have_no_groups() -> None:
    drawn = np.random.default_rng(1)
    built = network(lambda source, target: np.where(drawn.random(len(source)) < 0.5, "slow", "static"))
    assert sizes(built) is None


def test_signs_need_no_groups() -> None:
    built = network(lambda source, target: np.where((source + target) % 2, "positive", "negative"))
    assert not kinds_of(Populations(built).projection("recurrent"), MODELS).any()
    assert kinds_of(Populations(network(by_source)).projection("recurrent"), MODELS).any()


def test_parts_hold_all_connections_between_their_groups() -> None:
    built = network(by_pair, density=1.0)
    groups = groups_in(built)
    assert groups is not None
    populations = Populations(built, groups.order)
    parts = groups.parts("recurrent", populations.projection("recurrent"))
    assert {name: (len(part.delays), part.is_full) for name, part in parts.items()} == {
        "group_1 -> group_1": (40 * 39, True),
        "group_1 -> group_2": (40 * 20, True),
        "group_2 -> group_1": (20 * 40, True),
        "group_2 -> group_2": (20 * 19, True),
    }
    assert {name: set(part.synapse_models.tolist()) for name, part in parts.items()} == {
        "group_1 -> group_1": {"slow"},
        "group_1 -> group_2": {"static"},
        "group_2 -> group_1": {"fast"},
        "group_2 -> group_2": {"negative"},
    }
