"""Samples of evidence accumulation: cues, answers, and rates of the four groups of channels."""

import numpy as np
import pytest

from eprop_core.tasks.classification import Classification
from eprop_core.tasks.evidence_accumulation import CueCounting
from eprop_core.tasks.generate import generate
from eprop_core.tasks.parameters import EvidenceAccumulation

PARAMETERS = EvidenceAccumulation(name="evidence_accumulation", train_samples=400, test_samples=50)


def splits(seed: int = 1, dt: float = 1.0) -> tuple[CueCounting, CueCounting]:
    learnt, tested = generate(PARAMETERS, dt=dt, seed=seed, learning_window=150, loss="cross_entropy")
    assert isinstance(learnt, CueCounting) and isinstance(tested, CueCounting)
    return learnt, tested


def test_the_answer_is_the_side_with_more_cues() -> None:
    task, _ = splits()
    for sample in range(50):
        n_ones = np.count_nonzero(task.cues(sample))
        assert task.label(sample) == (n_ones > 7 - n_ones)


def test_both_answers_are_equally_frequent_and_most_cues_agree_with_them() -> None:
    task, _ = splits()
    labels = np.array([task.label(sample) for sample in range(task.n_samples)])
    assert abs(labels.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(labels))  # 5 standard deviations
    agreeing = np.mean([task.cues(sample) == label for sample, label in enumerate(labels)])
    assert 0.7 < agreeing < 0.8  # 0.7 agree with the side that is more probable, and more with the side that won


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_channels_spike_when_their_group_is_on(dt: float) -> None:
    """Rates are 40 spikes/s, and 10 spikes/s for the noise, at any time step."""
    task, _ = splits(dt=dt)
    count = np.zeros((PARAMETERS.n_steps, 4))
    on = np.zeros((PARAMETERS.n_steps, 4))
    for sample in range(50):
        steps, channels = task.events(sample)
        np.add.at(count, (steps, channels // 10), 1)
        for number, side in enumerate(task.cues(sample)):
            on[150 * number + 50 : 150 * number + 150, side] += 1
    on[-150:, 2] = on[:, 3] = 50
    assert PARAMETERS.n_steps == 2250
    assert not count[on == 0].any()
    probability = np.array([0.04, 0.04, 0.04, 0.01]) * dt
    expected = 10 * on.sum(axis=0) * probability
    np.testing.assert_array_less(np.abs(count.sum(axis=0) - expected), 5 * np.sqrt(expected))


def test_samples_depend_only_on_seed_and_number() -> None:
    task, again, other = splits()[0], splits()[0], splits(seed=2)[0]
    np.testing.assert_array_equal(task.events(7), again.events(7))
    assert not np.array_equal(task.events(7)[1][:50], task.events(8)[1][:50])
    assert not np.array_equal(task.events(7)[1][:50], other.events(7)[1][:50])


def test_no_test_sample_is_a_training_sample() -> None:
    learnt, tested = splits()
    assert (learnt.n_samples, tested.n_samples) == (400, 50)
    shown = {learnt.events(sample)[1].tobytes() for sample in range(400)}
    assert all(tested.events(sample)[1].tobytes() not in shown for sample in range(50))


def test_the_window_is_the_recall_and_chance_is_one_half() -> None:
    task: Classification = splits()[0]
    np.testing.assert_array_equal(np.flatnonzero(task.stimulus(np.array([0])).learning_window), np.arange(2100, 2250))
    assert task.chance == 0.5


def test_the_number_of_cues_must_be_odd() -> None:
    with pytest.raises(ValueError, match="odd"):
        EvidenceAccumulation(name="evidence_accumulation", train_samples=1, test_samples=1, n_cues=4)
