"""Stimuli and scores of the classification task, for samples that are written by hand."""

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.recording.recording import Recording
from eprop_core.stimulus import StimulusError
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.tasks.task import Loss, Score

N_STEPS, WINDOW = 5, 2


@pytest.fixture
def task() -> DatasetClassification:
    """Two samples of five steps and three classes; the first is empty."""
    samples = [([], []), ([0, 0, 4], [0, 1, 1])]
    dataset = EventDataset.from_samples(
        [(np.array(steps, np.int32), np.array(channels, np.int32)) for steps, channels in samples],
        np.array([2, 0]),
        n_channels=2,
        n_steps=N_STEPS,
        n_classes=3,
    )
    return DatasetClassification(dataset, WINDOW)


def recording(readout: np.ndarray, error: np.ndarray) -> Recording:
    none = np.empty(0, np.int64)
    return Recording(spike_steps=none, spike_neurons=none, readout=readout, error=error)


def test_samples_follow_one_another(task: DatasetClassification) -> None:
    stimulus = task.stimulus(np.array([1, 0, 1]))
    assert (stimulus.n_steps, stimulus.n_samples) == (3 * N_STEPS, 3)
    np.testing.assert_array_equal(stimulus.input_steps, [0, 0, 4, 10, 10, 14])
    np.testing.assert_array_equal(stimulus.input_channels, [0, 1, 1, 0, 1, 1])


def test_targets_are_one_hot_during_the_whole_sample(task: DatasetClassification) -> None:
    stimulus = task.stimulus(np.array([1, 0]))
    np.testing.assert_array_equal(stimulus.target[:N_STEPS], np.tile([1.0, 0, 0], (N_STEPS, 1)))
    np.testing.assert_array_equal(stimulus.target[N_STEPS:], np.tile([0.0, 0, 1], (N_STEPS, 1)))


def test_the_window_is_the_end_of_each_sample(task: DatasetClassification) -> None:
    stimulus = task.stimulus(np.array([1, 0]))
    np.testing.assert_array_equal(np.flatnonzero(stimulus.learning_window), [3, 4, 8, 9])


def test_the_prediction_is_the_largest_mean_in_the_window(task: DatasetClassification) -> None:
    readout = np.zeros((2 * N_STEPS, 3))
    readout[:3, 1] = 100  # before the window
    readout[3:5, 0] = [0.1, 0.3]  # sample 1, class 0
    readout[3, 1] = 0.3  # larger in one step, smaller in the mean
    readout[8:10, 1] = 1  # sample 0, whose class is 2
    score = task.score(np.array([1, 0]), recording(readout, np.zeros_like(readout)))
    assert (score.n_samples, score.n_correct, score.accuracy) == (2, 1, 0.5)


def test_the_loss_is_half_the_squared_error_per_sample(task: DatasetClassification) -> None:
    error = np.zeros((2 * N_STEPS, 3))
    error[3, 0], error[9, 2] = 2.0, -1.0
    score = task.score(np.array([1, 0]), recording(np.zeros_like(error), error))
    assert score.loss == 0.5 * (4.0 + 1.0) / 2


def test_the_cross_entropy_is_a_mean_over_window_and_samples(task: DatasetClassification) -> None:
    readout = np.zeros((2 * N_STEPS, 3))
    readout[:3] = 100, 0, 0  # before the window
    readout[3] = np.log([2, 1, 1])  # sample 1, class 0
    entropies = DatasetClassification(task.dataset, WINDOW, "cross_entropy")
    score = entropies.score(np.array([1, 0]), recording(readout, np.zeros_like(readout)))
    assert score.loss == pytest.approx((np.log(2) + 3 * np.log(3)) / 4, rel=1e-14)  # a few roundings


@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy"])
def test_the_best_constant_answer_is_the_probability_of_each_class(task: DatasetClassification, loss: Loss) -> None:
    task = DatasetClassification(task.dataset, WINDOW, loss)
    samples = np.array([1, 0])
    stimulus = task.stimulus(samples)
    readout = np.full(stimulus.target.shape, 1 / 3)
    error = stimulus.learning_window[:, np.newaxis] * (readout - stimulus.target)
    score = task.score(samples, recording(readout, error))
    assert task.loss_of_best_constant == pytest.approx(score.loss, rel=1e-14)  # a few roundings


def test_scores_add_up() -> None:
    assert Score(3, 1.5, 2) + Score(1, 0.5, 1) == Score(4, 2.0, 3)
    assert Score(3, 1.5) + Score(1, 0.5) == Score(4, 2.0)
    assert Score(1, 0.5).accuracy is None


class OneSample(Classification):
    """A sample of given events and a given label."""

    def __init__(self, steps: list[int], label: float) -> None:
        self.n_samples, self.n_steps, self.n_input, self.n_readout = 1, N_STEPS, 2, 3
        self.learning_window, self.steps, self.given = WINDOW, steps, label

    def events(self, sample: int) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.steps, np.int32), np.zeros(len(self.steps), np.int32)

    def label(self, sample: int) -> int:
        return self.given  # type: ignore[return-value]


@pytest.mark.parametrize(("steps", "wrong"), [([4, N_STEPS], N_STEPS), ([N_STEPS, 0], N_STEPS), ([0, -1], -1)])
def test_a_spike_outside_its_sample_is_refused(steps: list[int], wrong: int) -> None:
    """It would be one of the sample before or after."""
    with pytest.raises(StimulusError, match=rf"sample 0: input spike in step {wrong}: must be in 0\.\.4"):
        OneSample(steps, 0).stimulus(np.array([0]))
    assert OneSample([0, 4], 2).stimulus(np.array([0])).target[0].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("label", [-1, 3, 0.5])
def test_a_label_that_is_no_class_is_refused(label: float) -> None:
    with pytest.raises(StimulusError, match=rf"sample 0: label = {label}: must be a whole number from 0 to 2"):
        OneSample([], label).target(0)
