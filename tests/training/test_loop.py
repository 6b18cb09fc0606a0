"""The training loop: schedules, an early end, the best network, callbacks and snapshots; on one rank and on several."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.ranks.communicator import Communicator
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.tasks.generate import generate
from eprop_core.tasks.task import Task
from eprop_core.training import loop
from eprop_core.training.curve import CurvePoint
from eprop_core.training.evaluation import evaluate
from eprop_core.training.loop import Trained, train
from eprop_core.training.parameters import TrainingParameters
from eprop_core.training.plan import Plan
from eprop_core.training.snapshots import Snapshots
from thread_ranks import on_thread_ranks

TASK = DatasetClassification(small.dataset(200), small.WINDOW)
GROUP_ENDS = [50, 100, 150, 180, 230, 280, 330, 360]
"""Samples that are shown until the end of each group: 180 per epoch, 20 are for validation."""
RULES: dict[str, dict[str, Any]] = {
    "gradient descent": {},
    "Adam per spike": {"optimizer": {"algorithm": "adam", "learning_rate": 1e-4}},
    "Adam per batch": {
        "update": "sample",
        "batch_size": 7,
        "reset_at_samples": True,
        "optimizer": {"algorithm": "adam", "learning_rate": 1e-3},
    },
}


def network(**plasticity: Any) -> Network:
    values = small.task().network_for(TASK.n_input, TASK.n_readout).model_dump()
    values["plasticity"] |= plasticity
    return parse(Network, values)


def parameters(epochs: int = 2, **training: Any) -> TrainingParameters:
    return parse(TrainingParameters, {"epochs": epochs, "samples_per_group": 50, **training})


def weights(simulation: Simulation) -> dict[str, np.ndarray]:
    return {name: simulation.weights(name).weight for name in LEARNING_PROJECTIONS}


def assert_same_weights(own: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, weight in expected.items():
        np.testing.assert_array_equal(own[name], weight, err_msg=name)


def untimed(curve: list[CurvePoint]) -> list[dict[str, Any]]:
    return [point.model_dump(exclude={"training_time_s"}) for point in curve]


@functools.cache
def long_training(seed: int = 1) -> tuple[Trained, dict[int, dict[str, np.ndarray]]]:
    """Train for eight epochs with a look at the validation samples after each group; return all weights on the way."""
    on_the_way: dict[int, dict[str, np.ndarray]] = {}

    def keep(point: CurvePoint, simulation: Simulation) -> None:
        on_the_way[point.samples] = weights(simulation)

    given = parameters(8, groups_per_validation=1)
    return train(Simulation(network(), seed=seed), TASK, given, callback=keep), on_the_way


def accuracies(trained: Trained) -> list[float]:
    return [point.validation_accuracy or 0.0 for point in trained.progress.curve]


SCHEDULE = {
    "kind": "by_projection",
    "input": {"kind": "steps", "factor": 0.5, "groups": 3},
    "output": {"kind": "list", "factors": [2.0, 0.0]},
}
BY_HAND = {
    "input": [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25],
    "recurrent": [1.0] * 8,
    "output": [2.0] * 4 + [0.0] * 4,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_schedule_equals_runs_with_rates_set_by_hand(rule: str) -> None:
    given = network(**RULES[rule])
    by_hand, constant = Simulation(given, seed=3), Simulation(given, seed=3)
    scheduled = parameters(learning_rate_schedule=SCHEDULE)
    plan = Plan.of(given, TASK, scheduled, seed=3)
    for number, group in enumerate(map(plan.group, range(plan.n_groups))):
        for name, factors in BY_HAND.items():
            by_hand.set_learning_rate(factors[number] * given.optimizer(name).learning_rate, name)
        by_hand.run(TASK.stimulus(group))
    trained = train(Simulation(given, seed=3), TASK, scheduled)
    assert_same_weights(weights(trained.simulation), weights(by_hand))
    rates = {name: trained.simulation.network.optimizer(name).learning_rate for name in BY_HAND}
    assert rates == {name: factors[-1] * given.optimizer(name).learning_rate for name, factors in BY_HAND.items()}
    train(constant, TASK, parameters())
    assert all((weights(constant)[name] != weights(by_hand)[name]).any() for name in BY_HAND)


def test_the_schedule_of_a_projection_is_that_of_all_its_pairs_of_groups() -> None:
    pairs: dict[str, Any] = {f"{one} -> {other}": {} for one in ("a", "b") for other in ("a", "b")}
    values = {
        "n_input": TASK.n_input,
        "n_recurrent": 12,
        "n_readout": TASK.n_readout,
        "groups": {"a": {"size": 7}, "b": {"size": 5}},
        "plasticity": {"optimizer": {"learning_rate": 1e-5}},
        "input": {"targets": {"a": {}, "b": {"learning_rate": 1e-6}}},
        "recurrent": {"pairs": pairs},
    }
    trained = train(Simulation(parse(Network, values)), TASK, parameters(learning_rate_schedule=SCHEDULE))
    network = trained.simulation.network
    assert {name: network.optimizer(name).learning_rate for name in network.learning_projections()} == {
        "input -> a": 0.25e-5,
        "input -> b": 0.25e-6,
        **dict.fromkeys(pairs, 1e-5),
        "output": 0.0,
    }


def test_a_constant_schedule_changes_nothing() -> None:
    trained, _ = long_training()
    assert trained.simulation.network == network()


def test_a_rate_that_a_callback_sets_stays_until_the_schedule_changes() -> None:
    seen = []

    def callback(point: CurvePoint, simulation: Simulation) -> None:
        seen.append(simulation.network.optimizer("input").learning_rate)
        if point.samples == 50:
            simulation.set_learning_rate(1e-7)

    schedule = {"kind": "list", "factors": [1.0, 0.5]}
    train(Simulation(network()), TASK, parameters(learning_rate_schedule=schedule), callback=callback)
    assert seen == [5e-6, 1e-7, 1e-7, 1e-7, 2.5e-6, 2.5e-6, 2.5e-6, 2.5e-6]


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_training_ends_when_the_validation_has_not_improved(patience: int) -> None:
    whole, on_the_way = long_training()
    best, since, n_groups = -1.0, 0, 0
    for accuracy in accuracies(whole):
        n_groups += 1
        best, since = (accuracy, 0) if accuracy > best else (best, since + 1)
        if since == patience:
            break
    trained = train(Simulation(network(), seed=1), TASK, parameters(8, groups_per_validation=1, patience=patience))
    assert untimed(trained.progress.curve) == untimed(whole.progress.curve)[:n_groups]
    assert patience == 5 or n_groups < 32
    assert_same_weights(weights(trained.simulation), on_the_way[trained.progress.samples])


def test_the_best_network_is_kept() -> None:
    whole, on_the_way = long_training()
    first_best = whole.progress.curve[int(np.argmax(accuracies(whole)))]
    assert first_best.samples < whole.progress.samples
    trained = train(Simulation(network(), seed=1), TASK, parameters(8, groups_per_validation=1, keep="best"))
    assert trained.n_learned == first_best.samples
    assert_same_weights(weights(trained.kept), on_the_way[first_best.samples])
    assert_same_weights(weights(trained.simulation), on_the_way[whole.progress.samples])
    validation = Plan.of(network(), TASK, parameters(8), seed=1).validation
    score, _ = evaluate(trained.kept, TASK, validation, group_size=50)
    assert (score.accuracy, score.loss) == (first_best.validation_accuracy, first_best.validation_loss)
    assert untimed(trained.progress.curve) == untimed(whole.progress.curve)


def test_the_last_network_is_kept_unless_the_best_is_asked_for() -> None:
    whole, _ = long_training()
    assert whole.progress.best is None
    assert whole.kept is whole.simulation
    assert whole.n_learned == whole.progress.samples == 8 * 180


def regression(n_samples: int = 20) -> Task:
    """A pattern without classes, of which several samples can be for validation."""
    task = small.regression(1)
    learnt, _ = generate(task.dataset, dt=1.0, seed=1, learning_window=None, loss="mean_squared_error")
    learnt.n_samples = n_samples
    events, target = learnt.events(0), learnt.target(0)
    learnt.events = lambda sample: events  # type: ignore[method-assign]
    learnt.target = lambda sample: target * (1.0 + 0.01 * sample)  # type: ignore[method-assign]
    return learnt


def test_without_accuracy_the_smallest_loss_is_best() -> None:
    task = regression()
    given = small.regression(1).network_for(task.n_input, task.n_readout)
    controlled = parameters(6, samples_per_group=3, validation_share=0.2, groups_per_validation=1, keep="best")
    trained = train(Simulation(given), task, controlled)
    losses = [point.validation_loss or 0.0 for point in trained.progress.curve]
    assert trained.n_learned == trained.progress.curve[int(np.argmin(losses))].samples
    with pytest.raises(ParameterError, match=r"^stop_at_accuracy must be null for a task that has no accuracy$"):
        train(Simulation(given), task, parameters(validation_share=0.2, stop_at_accuracy=0.5))


def test_the_callback_is_called_after_each_group() -> None:
    calls = []

    def callback(point: CurvePoint, simulation: Simulation) -> None:
        calls.append((point, simulation.step))

    trained = train(Simulation(network()), TASK, parameters(), callback=callback)
    assert [point for point, _ in calls] == trained.progress.curve
    assert [point.samples for point, _ in calls] == GROUP_ENDS
    assert [step for _, step in calls] == [n * small.N_STEPS for n in GROUP_ENDS]


@pytest.mark.parametrize("n_ranks", [1, 3])
def test_a_callback_that_returns_true_on_a_rank_ends_training_on_all(n_ranks: int) -> None:
    def program(communicator: Communicator) -> list[CurvePoint]:
        def callback(point: CurvePoint, simulation: Simulation) -> bool:
            return point.samples == 150 and communicator.rank == communicator.size - 1

        simulation = Simulation(network(), communicator=communicator)
        return train(simulation, TASK, parameters(), callback=callback).progress.curve

    for curve in on_thread_ranks(n_ranks, program):
        assert [point.samples for point in curve] == [50, 100, 150]


CONTROLLED = {"groups_per_validation": 1, "patience": 4, "keep": "best", "learning_rate_schedule": SCHEDULE}


@pytest.mark.parametrize("rule", RULES)
def test_a_controlled_training_is_the_same_on_any_number_of_ranks(rule: str) -> None:
    def program(communicator: Communicator | None) -> Any:
        simulation = Simulation(network(**RULES[rule]), seed=2, communicator=communicator)
        trained = train(simulation, TASK, parameters(4, **CONTROLLED))
        return untimed(trained.progress.curve), trained.n_learned, weights(trained.kept), weights(trained.simulation)

    curve, n_learned, *expected = program(None)
    for n_ranks in (2, 3):
        for other_curve, other_n_learned, *others in on_thread_ranks(n_ranks, program):
            assert (other_curve, other_n_learned) == (curve, n_learned)
            for own, of_one in zip(others, expected, strict=True):
                assert_same_weights(own, of_one)


def test_snapshots_hold_the_networks_on_the_way(tmp_path: Path) -> None:
    _, on_the_way = long_training()
    simulation = Simulation(network(), seed=1)
    before = weights(simulation)
    snapshots = Snapshots(tmp_path, [0, 50, 120, 130, 180, 99_999], notes={"about": "a test"})
    snapshots.take(simulation, 0)
    train(simulation, TASK, parameters(1), callback=snapshots)
    assert {path.name for path in tmp_path.iterdir()} == {"0.h5", "50.h5", "150.h5", "180.h5"}
    for n, expected in ((0, before), (50, on_the_way[50]), (150, on_the_way[150]), (180, on_the_way[180])):
        loaded = Simulation.load(tmp_path / f"{n}.h5")
        assert_same_weights(weights(loaded), expected)
        assert loaded.notes == {"about": "a test"}


def test_snapshots_that_were_taken_before_are_not_taken_again(tmp_path: Path) -> None:
    simulation = Simulation(network())
    snapshots = Snapshots(tmp_path, [0, 50, 100], shown=50)
    snapshots.take(simulation, 50)
    assert not list(tmp_path.iterdir())
    snapshots.take(simulation, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["100.h5"]


def test_rewiring_shrinks_weights_with_the_rates_of_all_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    given = network(optimizer={"learning_rate": 5e-6, "fixed_signs": True})
    summed = []

    def note(simulation: Simulation, rewiring: Any, rates: dict[str, float], number: int) -> dict[str, int]:
        summed.append((number, rates["input"]))
        return {"input": 0}

    monkeypatch.setattr(loop, "rewire", note)
    rewiring = {"projections": ["input"], "groups": 2}
    train(Simulation(given), TASK, parameters(learning_rate_schedule=SCHEDULE, rewiring=rewiring))
    # Groups of 50, 50, 50, 30, 50, 50, 50 and 30 samples, with the factors of the input by hand.
    expected = [(3, 50 + 50), (5, 50 + 0.5 * 30), (7, 0.5 * 50 + 0.5 * 50)]
    assert summed == [(number, pytest.approx(5e-6 * n, rel=1e-14)) for number, n in expected]


@pytest.mark.parametrize(
    ("training", "plasticity", "message"),
    [
        (
            {"keep": "best", "validation_share": 0.001},
            {},
            "validation_share = 0.001: none of 200 samples are",
        ),
        ({"validation_share": 0.999}, {}, "validation_share = 0.999: leaves none of 200 samples"),
        (
            {"patience": 2, "groups_per_validation": 9},
            {},
            "groups_per_validation = 9: for patience, it must not exceed the 8 groups of all epochs",
        ),
        ({"rewiring": {"projections": ["input"]}}, {}, "rewiring.projections: input.fixed_signs must be true"),
        ({}, {"update": "sample", "batch_size": 361}, "network.plasticity.batch_size = 361: must not exceed the 360"),
    ],
)
def test_a_training_that_does_not_fit_is_refused_in_one_line(
    training: dict[str, Any], plasticity: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError) as raised:
        train(Simulation(network(**plasticity)), TASK, parameters(**training))
    (line,) = str(raised.value).splitlines()
    assert line.startswith(message)


def test_a_training_that_has_ended_does_not_go_on() -> None:
    trained = train(Simulation(network()), TASK, parameters(1))
    with pytest.raises(ParameterError, match=r"^progress: all 4 groups of the training have been shown$"):
        train(trained.simulation, TASK, parameters(1), progress=trained.progress)


@pytest.mark.parametrize("key", [{"patience": 1}, {"keep": "best"}, {"stop_at_accuracy": 0.5}])
def test_decisions_by_validation_need_validation_samples(key: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=rf"^{next(iter(key))} needs validation_share > 0$"):
        parameters(validation_share=0.0, **key)


def test_progress_is_shown_from_where_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    train(Simulation(network()), TASK, parameters(1), description="learning")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("learning")]
    assert lines == [f"learning: {n} of 4" for n in (1, 2, 3, 4)]
