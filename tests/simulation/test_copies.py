"""A copy goes on as the original would, to the bit, and neither touches the other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.model.sources import CACHE_LINE
from eprop_core.network.assembly import states
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.ranks.communicator import Communicator
from eprop_core.simulation import Simulation
from eprop_core.storage.state import arrays
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits, of_all_ranks
from small_problem import N_STEPS, small_problem
from thread_ranks import on_thread_ranks

CUT = 240
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "delays": ({"delay": {"input": 2, "recurrent": 4, "output": 5, "feedback": 3}}, {}),
    "symmetric": ({"feedback": "symmetric"}, {}),
    "adaptive": ({"feedback": "adaptive"}, {}),
    "no filter": ({}, {"kappa": 0.0, "kappa_reg": 0.0}),
    "adam": ({"adam": {}, "learning_rate": 3e-3}, {}),
    "adam in each step": ({"adam": {"optimize_each_step": True}, "learning_rate": 1e-3}, {}),
    "within a batch": ({}, {"update": "sample", "batch_size": 5, "reset_at_samples": True}),
    "rows": ({"n_recurrent": 20, "density": dict.fromkeys(PROJECTIONS, 1.0)}, {}),
}


def problem(variant: str) -> Problem:
    settings, rule = VARIANTS[variant]
    drawn = small_problem(8, **settings)
    values = drawn.network.model_dump()
    values["plasticity"] |= rule
    whole_samples = drawn.stimulus.__dict__ | {"n_samples": N_STEPS // 20}
    return drawn._replace(network=parse(Network, values), stimulus=type(drawn.stimulus)(**whole_samples))


def weights(simulation: Simulation) -> dict[str, np.ndarray]:
    return {name: simulation.weights(name).weight for name in PROJECTIONS}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_copy_goes_on_as_the_original(variant: str) -> None:
    network, connections, stimulus = problem(variant)
    simulation, undisturbed = (Simulation(network, connections=connections) for _ in range(2))
    first, second = stimulus.part(0, CUT), stimulus.part(CUT, N_STEPS)
    simulation.run(first)
    undisturbed.run(first)
    copied = simulation.copy()
    learnt = weights(simulation)

    expected = undisturbed.run(second)
    assert_same_bits(copied, undisturbed, copied.run(second), expected)
    for name, weight in weights(simulation).items():  # the original has not moved
        np.testing.assert_array_equal(weight, learnt[name])
    after = weights(copied)
    assert all(np.any(after[name] != learnt[name]) for name in LEARNING_PROJECTIONS)
    assert_same_bits(simulation, undisturbed, simulation.run(second), expected)
    simulation.run(second)
    for name, weight in weights(copied).items():  # nor has the copy
        np.testing.assert_array_equal(weight, after[name])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_copy_shares_only_what_never_changes(variant: str) -> None:
    network, connections, stimulus = problem(variant)
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus.part(0, CUT))
    copied = simulation.copy()
    own, others = list(arrays(simulation._rank)), list(arrays(copied._rank))
    assert [name for name, *_ in own] == [name for name, *_ in others]
    for name, array, _ in own:
        for other_name, other, _ in others:
            if np.shares_memory(array, other):
                assert name.rpartition(".")[2] in ("indptr", "target", "source", "ends"), (name, other_name)
    # What belongs together in the original does so in the copy.
    pairs = [[np.shares_memory(one, other) for _, one, _ in rank for _, other, _ in rank] for rank in (own, others)]
    assert pairs[0] == pairs[1]


def test_the_sources_of_a_copy_are_within_cache_lines() -> None:
    copied = Simulation(small_problem(8).network).copy()
    for _, state in states(copied.network, copied._rank):
        assert state.sources.records.ctypes.data % CACHE_LINE == 0


@pytest.mark.parametrize("n_ranks", [2, 3])
@pytest.mark.parametrize("variant", ["delays", "adam", "within a batch"])
def test_copies_on_ranks_equal_those_on_one(variant: str, n_ranks: int) -> None:
    network, connections, stimulus = problem(variant)
    first, second = stimulus.part(0, CUT), stimulus.part(CUT, N_STEPS)
    alone = Simulation(network, connections=connections)
    alone.run(first)
    expected = alone.run(second)

    def program(communicator: Communicator) -> Any:
        simulation = Simulation(network, connections=connections, communicator=communicator)
        simulation.run(first)
        copied = simulation.copy()
        simulation.set_learning_rate(0.0)
        return copied.run(second), weights(copied), simulation.run(second)

    of_ranks = on_thread_ranks(n_ranks, program)
    recording = of_all_ranks([one for one, *_ in of_ranks])
    for name, values in vars(recording).items():
        np.testing.assert_array_equal(values, getattr(expected, name))
    for name, weight in of_ranks[0][1].items():
        np.testing.assert_array_equal(weight, alone.weights(name).weight)


def test_a_copy_has_notes_rates_and_connections_of_its_own(tmp_path: Path) -> None:
    network, connections, _ = small_problem(8)
    simulation = Simulation(network, connections=connections)
    simulation.notes = {"epochs": [1]}
    copied = simulation.copy()
    copied.notes["epochs"].append(2)
    copied.set_learning_rate(0.0)
    source, target, weight = connections["recurrent"]
    copied.reconnect({"recurrent": connections["recurrent"]._replace(weight=0.5 * weight)})
    assert simulation.notes == {"epochs": [1]}
    assert simulation.network == network != copied.network
    np.testing.assert_array_equal(simulation.weights("recurrent").weight, weight)
    np.testing.assert_array_equal(copied.weights("recurrent").weight, 0.5 * weight)
    copied.save(tmp_path / "copy.h5")
    np.testing.assert_array_equal(Simulation.load(tmp_path / "copy.h5").weights("recurrent").source, source)
    np.testing.assert_array_equal(simulation.weights("recurrent").target, target)
