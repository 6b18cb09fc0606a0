"""Projections between groups that are processed as one: which they are, and their synapses in one list or in rows."""

from typing import Any

import numpy as np
import pytest

from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.model.parts import Parts
from eprop_core.model.synapses import GRADIENT
from eprop_core.network.assembly import states
from eprop_core.network.bundled_synapses import part_of, put_back, with_optimizers_of
from eprop_core.network.bundles import bundles
from eprop_core.network.features import kind
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from thread_ranks import on_thread_ranks

GROUPS = {"a": {"size": 14}, "b": {"size": 9}, "c": {"size": 17}}
IDS = {"a": range(14), "b": range(14, 23), "c": range(23, 40), "input": range(20)}
PAIRS: dict[str, dict[str, Any]] = {
    "a -> a": {},
    "a -> c": {"learning_rate": 3e-4},
    "b -> a": {"weight_min": -0.105, "weight_max": 0.105},
    "b -> b": {},
    "c -> b": {"weight_min": -0.102, "weight_max": 0.102},
    "c -> c": {"learning_rate": 3e-4},
}
VALUES: dict[str, Any] = {
    "n_input": 20,
    "n_recurrent": 40,
    "n_readout": 3,
    "groups": GROUPS,
    "plasticity": {"c_reg": 2.0, "cutoff": 30, "optimizer": {"learning_rate": 1e-4}},
    "input": {"weights": {"scale": 3.0}, "targets": {"a": {}, "b": {"weight_max": 2.5}, "c": {}}},
    "recurrent": {
        "connectivity": {"rule": "fixed_in_degree", "in_degree": 5},
        "weights": {"scale": 0.1, "distribution": "constant", "divide_by": "nothing"},
        "pairs": PAIRS,
    },
}
"""Each input reaches all groups, so that its synapses are in rows on a rank with enough neurons."""
SPARSE_INPUT = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.6}}
LISTS = VALUES | {"input": VALUES["input"] | SPARSE_INPUT}
FULL = VALUES | {
    "recurrent": VALUES["recurrent"]
    | {
        "connectivity": {"rule": "all_to_all"},
        "weights": {"scale": 0.05},
        "pairs": {f"{one} -> {other}": PAIRS.get(f"{one} -> {other}", {}) for one in GROUPS for other in GROUPS},
    }
}


def names(values: dict[str, Any]) -> list[tuple[str, ...]]:
    return [bundle.names for bundle in bundles(parse(Network, values))]


def with_pairs(**changes: dict[str, Any]) -> dict[str, Any]:
    pairs = PAIRS | {key.replace("_", " -> "): PAIRS[key.replace("_", " -> ")] | own for key, own in changes.items()}
    return VALUES | {"recurrent": VALUES["recurrent"] | {"pairs": pairs}}


def test_projections_with_one_delay_and_one_algorithm_are_bundled() -> None:
    inputs = ("input -> a", "input -> b", "input -> c")
    assert names(VALUES) == [inputs, tuple(PAIRS), ("output",)]
    others = tuple(name for name in PAIRS if name not in ("a -> c", "b -> b"))
    for own in ({"delay": 2}, {"plastic": False}):
        assert names(with_pairs(a_c=own, b_b=own)) == [inputs, others, ("a -> c", "b -> b"), ("output",)]


def test_networks_whose_projections_are_all_bundled_are_compiled_as_those_without_groups() -> None:
    assert kind(parse(Network, LISTS)) == "plain"
    assert kind(parse(Network, FULL)) == "dense"


@pytest.mark.parametrize("values", [LISTS, FULL], ids=["lists", "rows"])
def test_synapses_of_a_bundle_are_those_of_its_projections(values: dict[str, Any]) -> None:
    simulation = Simulation(parse(Network, values))
    recurrent = simulation.recurrent
    for bundle, state in states(simulation.network, simulation._rank)[:-1]:
        assert state.synapses.in_rows == (values is FULL)
        for spec in bundle.specs:
            part = part_of(state.synapses, bundle, spec, recurrent)
            source, target = spec.name.split(" -> ")
            assert part.source is not None
            of_synapse = np.repeat(part.source, np.diff(part.indptr))
            assert 0 < len(set(of_synapse) & set(IDS[source])) == len(set(of_synapse))
            assert set(part.target) == set(IDS[target])
            part.values[:, GRADIENT] = 1000.0 * of_synapse + part.target
            put_back(part, state.synapses, bundle, spec, recurrent)
        assert sum(simulation.counts[f"{spec.name}_synapses"] for spec in bundle.specs) == state.synapses.n
        assert state.synapses.source is not None
        of_synapse = np.repeat(state.synapses.source, np.diff(state.synapses.indptr))
        np.testing.assert_array_equal(state.synapses.column(GRADIENT), 1000.0 * of_synapse + state.synapses.targets())
        for first, last in zip(state.synapses.indptr[:-1], state.synapses.indptr[1:], strict=True):
            assert np.all(np.diff(state.synapses.targets()[first:last]) > 0)


def test_a_part_ends_only_where_another_optimizer_may_begin() -> None:
    network = parse(Network, VALUES)
    inputs, recurrent, _ = bundles(network)
    parts = with_optimizers_of(inputs, network, Parts.one())
    assert (parts.boundaries.tolist(), parts.optimizer.tolist()) == ([0, 1], [[0, 1, 0]])
    # From a: none onto b. From b: none onto c. From c: none onto a. Rates differ for c, bounds for b -> a and c -> b.
    parts = with_optimizers_of(recurrent, network, Parts.one())
    assert parts.boundaries.tolist() == [0, 1]
    optimizers = [network.optimizer(name) for name in ("a -> a", "a -> c", "b -> a", "c -> b")]
    assert len({optimizer.model_dump_json() for optimizer in optimizers}) == 4
    assert parts.optimizer[[0, 0, 1, 1, 2, 2], [0, 2, 0, 1, 1, 2]].tolist() == [0, 1, 2, 0, 3, 1]
    as_all = {"learning_rate": None, "weight_min": None}
    same = parse(Network, with_pairs(a_c=as_all, c_c=as_all, c_b=as_all | {"weight_max": None}))
    parts = with_optimizers_of(bundles(same)[1], same, Parts.one())
    assert parts.boundaries.tolist() == [0]  # since the bounds of b -> a and b -> b differ


def learned(values: dict[str, Any], communicator: Any = None) -> dict[str, np.ndarray]:
    simulation = Simulation(parse(Network, values), seed=3, communicator=communicator)
    recording = simulation.run(poisson_stimulus(simulation.network, 0.05, seed=1, first_step=0, n_steps=300))
    found = {name: simulation.weights(name).weight for name in ("output", *PAIRS, "input -> a", "input -> b")}
    return found | {"readout": recording.readout, "events": simulation.counts["synaptic_events"]}


@pytest.mark.parametrize("values", [LISTS, FULL], ids=["lists", "rows"])
def test_bundles_learn_the_same_on_any_number_of_ranks(values: dict[str, Any]) -> None:
    """On three ranks there are too few neurons for rows."""
    alone, before = learned(values), Simulation(parse(Network, values), seed=3)
    for name in PAIRS:
        assert not np.array_equal(alone[name], before.weights(name).weight)
    largest = [np.abs(alone[name]).max() for name in ("b -> a", "c -> b")]
    assert largest[0] <= 0.105
    assert largest[1] <= 0.102
    assert 0.105 in largest or 0.102 in largest
    events = alone.pop("events")
    for n_ranks in (2, 3):
        of_ranks = on_thread_ranks(n_ranks, lambda communicator: learned(values, communicator))
        assert sum(own.pop("events") for own in of_ranks) == events
        for own in of_ranks:
            for name, expected in alone.items():
                np.testing.assert_array_equal(own[name], expected, err_msg=name)


def test_synaptic_events_are_counted_by_projection() -> None:
    simulation = Simulation(parse(Network, LISTS), seed=3)
    stimulus = poisson_stimulus(simulation.network, 0.05, seed=1, first_step=0, n_steps=300)
    recording = simulation.run(stimulus)
    n_spikes = {
        # A spike of the last step has not arrived.
        "input": np.bincount(stimulus.input_channels[stimulus.input_steps < 299], minlength=20),
        "neuron": np.bincount(recording.spike_neurons[recording.spike_steps < 299], minlength=40),
    }
    assert n_spikes["neuron"].sum() > 300
    for name in ("input -> a", "input -> b", *PAIRS, "output"):
        source = simulation.weights(name).source
        emitted = n_spikes["input" if name.startswith("input") else "neuron"]
        assert simulation.counts[f"{name}_synaptic_events"] == emitted[source].sum() > 0, name


def test_a_learning_rate_that_is_set_is_that_of_its_projection_alone() -> None:
    """Where it makes a part of what was one before."""
    network = parse(Network, LISTS)
    simulations = [Simulation(network, seed=3), Simulation(network, seed=3)]
    simulations[1].set_learning_rate(0.0, "input -> c")
    for simulation in simulations:
        simulation.run(poisson_stimulus(network, 0.05, seed=1, first_step=0, n_steps=100))
    initial = Simulation(network, seed=3).weights("input -> c").weight
    assert not np.array_equal(simulations[0].weights("input -> c").weight, initial)
    np.testing.assert_array_equal(simulations[1].weights("input -> c").weight, initial)
    assert not np.array_equal(
        simulations[1].weights("input -> a").weight, Simulation(network, seed=3).weights("input -> a").weight
    )
