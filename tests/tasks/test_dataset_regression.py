"""Regression of the targets of a data set."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.tasks.dataset import DatasetClassification, task_of

N_STEPS, WINDOW = 6, 4
TARGETS = np.random.default_rng(1).normal(2.0, 1.0, (5, N_STEPS, 3))


def taught(targets: np.ndarray = TARGETS) -> EventDataset:
    samples = [(np.array([number % N_STEPS], np.int32), np.array([number], np.int32)) for number in range(len(targets))]
    return EventDataset.with_targets(samples, targets, n_channels=9, n_steps=N_STEPS)


def answered(readout: np.ndarray, target: np.ndarray) -> Any:
    return SimpleNamespace(readout=readout.reshape(-1, 3), error=(readout - target)[:, -WINDOW:])


def test_readouts_are_as_many_as_signals_and_no_answer_is_right_or_wrong() -> None:
    task = task_of(taught(), WINDOW)
    assert (task.n_samples, task.n_steps, task.n_input, task.n_readout, task.chance) == (5, N_STEPS, 9, 3, None)
    stimulus = task.stimulus(np.array([3, 1]))
    np.testing.assert_array_equal(stimulus.target, np.concatenate([TARGETS[3], TARGETS[1]]))
    score = task.score(np.array([3, 1]), answered(np.zeros((2, N_STEPS, 3)), TARGETS[[3, 1]]))
    assert score.accuracy is None
    assert score.loss == pytest.approx(np.sum(TARGETS[[3, 1], -WINDOW:] ** 2) / 4)


def test_no_constant_answer_has_a_smaller_loss_than_the_best() -> None:
    task = task_of(taught(), WINDOW)
    means = TARGETS[:, -WINDOW:].mean(axis=(0, 1))
    assert task.loss_of_best_constant == pytest.approx(0.5 * np.sum((TARGETS[:, -WINDOW:] - means) ** 2) / 5)
    assert task_of(taught(np.ones((5, N_STEPS, 3))), WINDOW).loss_of_best_constant == 0.0


def test_validation_samples_bring_their_targets() -> None:
    task = task_of(taught(), WINDOW, validation=taught(TARGETS[::-1].copy()))
    assert task.validation is not None
    np.testing.assert_array_equal(task.target(int(task.validation[0])), TARGETS[4])


def test_a_data_set_with_labels_is_classified() -> None:
    data = EventDataset.from_samples(list(taught().samples()), [0, 1, 0, 1, 0], 9, N_STEPS, 2)
    assert isinstance(task_of(data, WINDOW), DatasetClassification)
