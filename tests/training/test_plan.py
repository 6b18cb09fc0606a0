"""Which samples are learned and which are for validation: by share, or by the data set itself."""

from typing import Any

import numpy as np
import pytest

import small
from eprop_core.errors import DatasetError
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parsing import ParameterError, parse
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.parameters import TrainingParameters
from eprop_core.training.plan import Plan

DATASET, VALIDATION = small.dataset(60), small.dataset(25, seed=2)
TASK = DatasetClassification(DATASET, small.WINDOW, validation=VALIDATION)


def plan(task: DatasetClassification, **training: Any) -> Plan:
    parameters = parse(TrainingParameters, {"epochs": 2, "samples_per_group": 20, **training})
    return Plan.of(small.task().network_for(task.n_input, task.n_readout), task, parameters, seed=3)


def test_a_validation_set_holds_all_validation_samples() -> None:
    made = plan(TASK)
    assert made.learned.tolist() == list(range(60))
    assert made.validation.tolist() == list(range(60, 85))
    assert np.unique(np.concatenate([made.group(number) for number in range(made.n_groups)])).tolist() == list(
        range(60)
    )


def test_the_numbers_of_validation_samples_follow_those_of_training() -> None:
    for index in (0, 59):
        assert all(np.array_equal(*pair) for pair in zip(TASK.events(index), DATASET.sample(index), strict=True))
    for index in (0, 24):
        validation = TASK.events(60 + index)
        assert all(np.array_equal(*pair) for pair in zip(validation, VALIDATION.sample(index), strict=True))
        assert TASK.label(60 + index) == VALIDATION.labels[index]


def test_a_tenth_is_for_validation_unless_anything_says_otherwise() -> None:
    task = DatasetClassification(DATASET, small.WINDOW)
    assert len(plan(task).validation) == 6
    assert plan(task).validation.tolist() == plan(task, validation_share=0.1).validation.tolist()
    assert len(plan(task, validation_share=0.0).validation) == 0


def test_a_share_of_a_data_set_with_validation_samples_is_refused() -> None:
    with pytest.raises(ParameterError, match="validation_share must be null for a task with validation samples of"):
        plan(TASK, validation_share=0.1)


def test_the_best_network_may_be_chosen_by_validation_samples() -> None:
    assert len(plan(TASK, keep="best", patience=3).validation) == 25


def test_a_validation_set_of_other_channels_is_refused() -> None:
    with pytest.raises(DatasetError, match="n_channels: 100 in one and 50 in the other"):
        DatasetClassification(DATASET, small.WINDOW, validation=VALIDATION.select_channels(np.arange(50)))


@pytest.mark.parametrize(("key", "value"), [("folds", 3), ("validation_share", 0.2)])
def test_a_configuration_holds_samples_back_in_one_way(key: str, value: Any) -> None:
    values = small.task().model_dump(mode="json")
    values["training"]["validation_share"] = None
    values["dataset"] = {"name": "events", "train": "a.h5", "test": "b.h5", "n_steps": small.N_STEPS}
    assert parse(TaskParameters, values).training.validation_share is None
    values["dataset"]["validation_groups"] = [1]
    assert parse(TaskParameters, values).dataset.has_validation
    values["training"][key] = value
    with pytest.raises(ParameterError, match=rf"training.{key} must be null: the data set has validation samples of"):
        parse(TaskParameters, values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": None}, "either test or test_share must be given"),
        ({"test_share": 0.2}, "either test or test_share must be given"),
        ({"validation": "v.h5", "validation_groups": [1]}, "validation and validation_groups exclude one another"),
        ({"n_channels": 5, "sensor_size": [5, 1, 1]}, "n_channels and sensor_size exclude one another"),
        ({"sensor_size": [5, 1]}, "sensor_size"),
        ({"duration": 0.0}, "duration = 0.0"),
        ({"events_beyond": "keep"}, "events_beyond = 'keep'"),
        ({"validation_groups": []}, "validation_groups"),
        ({"train": None}, "train = null"),
    ],
)
def test_parameters_of_recordings_that_contradict_one_another_are_refused(changes: Any, message: str) -> None:
    values = small.task().model_dump(mode="json")
    values["dataset"] = {"name": "events", "train": "a.h5", "test": "b.h5", "n_steps": small.N_STEPS} | changes
    with pytest.raises(ParameterError) as raised:
        parse(TaskParameters, values)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
