"""Factors of the learning rate, compared with numbers computed by hand."""

from typing import Any

import numpy as np
import pytest

import small
from eprop_core.parsing import ParameterError, parse
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.parameters import TrainingParameters
from eprop_core.training.plan import Plan

TASK = DatasetClassification(small.dataset(200), small.WINDOW)
NETWORK = small.task().network_for(TASK.n_input, TASK.n_readout)


def parameters(schedule: Any, epochs: int = 3) -> TrainingParameters:
    """Three epochs of 180 samples in groups of 50, 50, 50 and 30."""
    return parse(TrainingParameters, {"epochs": epochs, "samples_per_group": 50, "learning_rate_schedule": schedule})


def factors(schedule: Any, projection: str = "output", epochs: int = 3) -> list[float]:
    given = parameters(schedule, epochs)
    plan = Plan.of(NETWORK, TASK, given, seed=1)
    return [given.learning_rate_schedule.of(projection).at(plan.place(number)) for number in range(plan.n_groups)]


STEPS_OF_EPOCHS = [1.0] * 4 + [0.5] * 4 + [0.25] * 4
STEPS_OF_GROUPS = [1.0] * 5 + [0.1] * 5 + [0.1**2] * 2


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "constant"}, [1.0] * 12),
        ({"kind": "steps", "factor": 0.5, "epochs": 1}, STEPS_OF_EPOCHS),
        ({"kind": "steps", "factor": 0.5, "epochs": 2}, [1.0] * 8 + [0.5] * 4),
        ({"kind": "steps", "factor": 0.1, "groups": 5}, STEPS_OF_GROUPS),
        ({"kind": "list", "factors": [1.0, 0.0, 2.0]}, [1.0] * 4 + [0.0] * 4 + [2.0] * 4),
        ({"kind": "list", "factors": [0.5, 0.25]}, [0.5] * 4 + [0.25] * 8),
        # Groups begin after 0, 50, 100, 150, 180, 230, 280, 330, 360, 410, 460 and 510 samples.
        (
            {"kind": "list", "factors": [1.0, 0.5, 0.25], "samples": [0, 180, 331]},
            [1.0] * 4 + [0.5] * 4 + [0.25] * 4,
        ),
        ({"kind": "list", "factors": [1.0, 0.5], "samples": [0, 1]}, [1.0] + [0.5] * 11),
        ({"kind": "list", "factors": [1.0, 0.5], "samples": [0, 100_000]}, [1.0] * 12),
    ],
    ids=str,
)
def test_factors_are_those_computed_by_hand(schedule: dict[str, Any], expected: list[float]) -> None:
    assert factors(schedule) == expected
    assert {factors(schedule, name) == expected for name in ("input", "recurrent", "output")} == {True}


def test_a_cosine_falls_from_the_first_group_to_the_last() -> None:
    values = factors({"kind": "cosine", "final_factor": 0.1}, epochs=1)
    # cos of 0, 60, 120 and 180 degrees: 1, 1/2, -1/2, -1; some roundings
    assert values == pytest.approx([1.0, 0.1 + 0.9 * 0.75, 0.1 + 0.9 * 0.25, 0.1], rel=1e-15)
    assert values[0] == 1.0
    assert np.all(np.diff(factors({"kind": "cosine"})) < 0)
    assert factors({"kind": "cosine"})[-1] == 0.0


def test_a_cosine_over_one_group_is_one() -> None:
    given = parse(
        TrainingParameters, {"epochs": 1, "samples_per_group": 500, "learning_rate_schedule": {"kind": "cosine"}}
    )
    plan = Plan.of(NETWORK, TASK, given, seed=1)
    assert given.learning_rate_schedule.of("input").at(plan.place(0)) == 1.0


def test_each_projection_may_have_a_schedule() -> None:
    schedule = {
        "kind": "by_projection",
        "input": {"kind": "steps", "factor": 0.5, "epochs": 1},
        "output": {"kind": "list", "factors": [0.0, 1.0]},
    }
    assert factors(schedule, "input") == STEPS_OF_EPOCHS
    assert factors(schedule, "recurrent") == [1.0] * 12
    assert factors(schedule, "output") == [0.0] * 4 + [1.0] * 8


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"kind": "cosin"}, "learning_rate_schedule.kind = 'cosin': Input should be one of 'constant', 'steps', 'cos"),
        ({"factor": 0.5}, "learning_rate_schedule.kind: Field required"),
        ({"kind": "steps", "epochs": 1}, "learning_rate_schedule.factor: Field required"),
        ({"kind": "steps", "factor": 0.5}, "learning_rate_schedule: steps have either epochs or groups"),
        (
            {"kind": "steps", "factor": 0.5, "epochs": 1, "groups": 1},
            "learning_rate_schedule: steps have either epochs or groups",
        ),
        ({"kind": "steps", "factor": 0.0, "epochs": 1}, "learning_rate_schedule.factor = 0.0: Input should be greater"),
        ({"kind": "cosine", "final_factor": -1.0}, "learning_rate_schedule.final_factor = -1.0: Input should be great"),
        ({"kind": "list", "factors": []}, "learning_rate_schedule.factors = []: must have entries, at least 1"),
        ({"kind": "list", "factors": [1.0, -1.0]}, "learning_rate_schedule.factors.1 = -1.0: Input should be greater"),
        (
            {"kind": "list", "factors": [1.0] * 4},
            "learning_rate_schedule: 4 factors are more than epochs = 3",
        ),
        (
            {"kind": "by_projection", "output": {"kind": "list", "factors": [1.0] * 4}},
            "learning_rate_schedule: 4 factors are more than epochs = 3",
        ),
        (
            {"kind": "list", "factors": [1.0, 0.5], "samples": [0]},
            "learning_rate_schedule: samples must be as many as the 2 factors",
        ),
        (
            {"kind": "list", "factors": [1.0, 0.5], "samples": [1, 2]},
            "learning_rate_schedule: samples must ascend from 0",
        ),
        (
            {"kind": "list", "factors": [1.0, 0.5], "samples": [0, 0]},
            "learning_rate_schedule: samples must ascend from 0",
        ),
        (
            {"kind": "by_projection", "feedback": {"kind": "cosine"}},
            "learning_rate_schedule.feedback: no such key where kind is by_projection; allowed: ",
        ),
        (
            {"kind": "by_projection", "input": {"kind": "by_projection"}},
            "learning_rate_schedule.input.kind = 'by_projection': Input should be one of 'constant', 'steps', 'cosine'",
        ),
    ],
    ids=str,
)
def test_wrong_schedules_are_refused_in_one_line(schedule: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parameters(schedule)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(message)


def test_a_factor_that_becomes_too_large_is_named() -> None:
    with pytest.raises(ParameterError, match=r"learning_rate_schedule: 1e\+200 to the power of 2 steps"):
        factors({"kind": "steps", "factor": 1e200, "epochs": 1})
