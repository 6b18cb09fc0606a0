"""A learning rate that changes between runs, compared with the time-driven model, and on ranks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from agreement import TOLERANCE
from eprop_core.errors import NetworkFileError
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.ranks.communicator import Communicator
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven import simulation as time_driven
from eprop_core.time_driven.synapses import History, Synapses
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits
from small_problem import N_STEPS, small_problem
from thread_ranks import on_thread_ranks

CHANGE, FACTOR = 240, 0.25
"""Step of the change, where samples have ended in every problem, and what it multiplies learning rates by."""
OPTIMIZERS: dict[str, dict[str, Any]] = {"gradient_descent": {}, "adam": {"adam": {}, "learning_rate": 3e-3}}
DELAYS = {
    "unit delays": {},
    "long delays": {"delay": {"input": 2, "recurrent": 4, "output": 5, "feedback": 3}},
}


def rates(network: Network) -> dict[str, float]:
    return {name: network.optimizer(name).learning_rate for name in LEARNING_PROJECTIONS}


def multiply(simulation: Simulation, factor: float) -> None:
    for name, rate in rates(simulation.network).items():
        simulation.set_learning_rate(factor * rate, name)


@contextmanager
def changing(factor: float) -> Iterator[None]:
    """Let the learning rates of the time-driven model change in the step ``CHANGE``."""
    deliver = Synapses.deliver

    def changed(self: Synapses, step: int, history: History) -> np.ndarray:
        optimizer: Any = self._optimizer
        if step == CHANGE and hasattr(optimizer, "_learning_rate"):
            optimizer._learning_rate *= factor
        elif step == CHANGE:
            rate = factor * optimizer._parameters.learning_rate
            optimizer._parameters = optimizer._parameters.model_copy(update={"learning_rate": rate})
        return deliver(self, step, history)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Synapses, "deliver", changed)
        yield


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_that_changes_agrees_with_the_time_driven_model(optimizer: str, delays: str) -> None:
    network, connections, stimulus = small_problem(8, **OPTIMIZERS[optimizer], **DELAYS[delays])
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus.part(0, CHANGE))
    multiply(simulation, FACTOR)
    simulation.run(stimulus.part(CHANGE, N_STEPS))
    constant = time_driven.simulate(network, connections, stimulus)
    with changing(FACTOR):
        expected = time_driven.simulate(network, connections, stimulus)
    for name in LEARNING_PROJECTIONS:
        weight, largest = simulation.weights(name).weight, np.abs(expected.weights[name].weight).max()
        assert np.abs(weight - expected.weights[name].weight).max() <= TOLERANCE * largest
        assert np.abs(weight - constant.weights[name].weight).max() > 1e-6 * largest


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_that_is_set_at_first_is_that_of_the_network(optimizer: str) -> None:
    network, connections, stimulus = small_problem(8, **OPTIMIZERS[optimizer])
    values = network.model_dump()
    values["plasticity"]["optimizer"]["learning_rate"] *= 3.0
    values["input"]["learning_rate"] = 0.0
    expected, simulation = (Simulation(n, connections=connections) for n in (parse(Network, values), network))
    simulation.set_learning_rate(values["plasticity"]["optimizer"]["learning_rate"])
    simulation.set_learning_rate(0.0, "input")
    assert simulation.network == expected.network
    assert_same_bits(expected, simulation, expected.run(stimulus), simulation.run(stimulus))
    np.testing.assert_array_equal(simulation.weights("input").weight, connections["input"].weight)


def test_a_rate_for_all_replaces_those_of_projections() -> None:
    simulation = Simulation(small_problem(8).network)
    simulation.set_learning_rate(0.5, "output")
    assert rates(simulation.network)["output"] == 0.5 != rates(simulation.network)["input"]
    simulation.set_learning_rate(0.125)
    assert set(rates(simulation.network).values()) == {0.125}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_another_rate_compiles_nothing(optimizer: str) -> None:
    simulation = Simulation(small_problem(8, **OPTIMIZERS[optimizer]).network)
    before = numba.typeof(simulation._rank)
    multiply(simulation, FACTOR)
    assert numba.typeof(simulation._rank) == before


RULES: dict[str, dict[str, Any]] = {
    "spikes": {},
    "batches": {"update": "sample", "batch_size": 3},
    "resets": {"update": "sample", "batch_size": 2, "reset_at_samples": True},
}
CASES = [(optimizer, rule) for optimizer in OPTIMIZERS.values() for rule in RULES.values()]
CASES.append(({"adam": {"optimize_each_step": True}, "learning_rate": 3e-3}, {}))


def problem(optimizer: dict[str, Any], rule: dict[str, Any]) -> Problem:
    drawn = small_problem(8, **optimizer, **DELAYS["long delays"])
    values = drawn.network.model_dump()
    values["plasticity"] |= rule
    return drawn._replace(network=parse(Network, values))


def in_samples(stimulus: Stimulus, first: int, last: int) -> Stimulus:
    """Return some steps as whole samples of 20 steps."""
    part = stimulus.part(first, last)
    return Stimulus(
        part.n_steps, part.input_steps, part.input_channels, part.target, part.learning_window, part.n_steps // 20
    )


def in_one_go(given: Problem, directory: Path, communicator: Communicator | None = None) -> Simulation:
    simulation = Simulation(given.network, connections=given.connections, communicator=communicator)
    simulation.run(in_samples(given.stimulus, 0, CHANGE))
    multiply(simulation, FACTOR)
    simulation.run(in_samples(given.stimulus, CHANGE, N_STEPS))
    return simulation


def in_pieces(given: Problem, directory: Path, communicator: Communicator | None = None) -> Simulation:
    simulation = Simulation(given.network, connections=given.connections, communicator=communicator)
    for first, last in ((0, 100), (100, 120), (120, CHANGE)):
        simulation.run(in_samples(given.stimulus, first, last))
    multiply(simulation, FACTOR)
    for first, last in ((CHANGE, 300), (300, N_STEPS)):
        simulation.run(in_samples(given.stimulus, first, last))
    return simulation


def from_a_checkpoint(given: Problem, directory: Path, communicator: Communicator | None = None) -> Simulation:
    before = Simulation(given.network, connections=given.connections)
    before.run(in_samples(given.stimulus, 0, CHANGE))
    multiply(before, FACTOR)
    before.run(in_samples(given.stimulus, CHANGE, 300))
    place = directory / str(0 if communicator is None else communicator.rank)
    before.save_checkpoint(place)
    simulation = Simulation.from_checkpoint(place, network=given.network, communicator=communicator)
    simulation.run(in_samples(given.stimulus, 300, N_STEPS))
    return simulation


@pytest.mark.parametrize("way", [in_one_go, in_pieces, from_a_checkpoint], ids=lambda way: way.__name__)
@pytest.mark.parametrize(("optimizer", "rule"), CASES, ids=str)
def test_a_changed_rate_gives_the_same_bits_on_all_ways(
    optimizer: dict[str, Any], rule: dict[str, Any], way: Callable[..., Simulation], tmp_path: Path
) -> None:
    """On any number of ranks, in any pieces, and from a checkpoint."""
    given = problem(optimizer, rule)

    def learnt(communicator: Communicator | None) -> tuple[dict[str, Any], dict[str, float]]:
        simulation = way(given, tmp_path, communicator)
        return {name: simulation.weights(name).weight for name in LEARNING_PROJECTIONS}, rates(simulation.network)

    expected = in_one_go(given, tmp_path)
    assert rates(expected.network) == {name: FACTOR * rate for name, rate in rates(given.network).items()}
    for n_ranks in (1, 2, 3):
        for weights, of_network in on_thread_ranks(n_ranks, learnt):
            assert of_network == rates(expected.network)
            for name, weight in weights.items():
                np.testing.assert_array_equal(weight, expected.weights(name).weight)
                assert (weight != given.connections[name].weight).any()


def test_a_saved_network_has_the_changed_rate(tmp_path: Path) -> None:
    simulation = Simulation(small_problem(8).network)
    simulation.set_learning_rate(0.375, "recurrent")
    simulation.save(tmp_path / "network.h5")
    assert rates(Simulation.load(tmp_path / "network.h5").network)["recurrent"] == 0.375


def test_a_checkpoint_of_another_network_is_refused_whatever_its_rates(tmp_path: Path) -> None:
    network = small_problem(8).network
    simulation = Simulation(network)
    simulation.set_learning_rate(0.5)
    simulation.save_checkpoint(tmp_path)
    assert Simulation.from_checkpoint(tmp_path, network=network).network == simulation.network
    values = network.model_dump()
    values["plasticity"]["c_reg"] += 1.0
    with pytest.raises(NetworkFileError, match="is a checkpoint of another network"):
        Simulation.from_checkpoint(tmp_path, network=parse(Network, values))


@pytest.mark.parametrize(
    ("rate", "projection", "message"),
    [
        (-1.0, None, "plasticity.optimizer.learning_rate = -1.0: Input should be greater than or equal to 0"),
        (float("nan"), "input", "input.learning_rate = nan: Input should be a finite number"),
        ("fast", "output", "output.learning_rate = 'fast': Input should be a valid number"),
        (0.1, "feedback", "projection = 'feedback': must be one of input, recurrent, output"),
        (0.1, "recurrent", "projection = 'recurrent': plastic are input, output"),
    ],
)
def test_wrong_rates_are_refused_in_one_line(rate: Any, projection: str | None, message: str) -> None:
    values = small_problem(8).network.model_dump()
    values["recurrent"]["plastic"] = False
    simulation = Simulation(parse(Network, values))
    with pytest.raises(ParameterError) as raised:
        simulation.set_learning_rate(rate, projection)
    assert str(raised.value) == message
    assert simulation.network == parse(Network, values)


def test_a_frozen_network_has_no_learning_rate() -> None:
    with pytest.raises(ParameterError, match=r"^projection = None: plastic are none$"):
        Simulation(small_problem(8).network).frozen().set_learning_rate(0.1)
