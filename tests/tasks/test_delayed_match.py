"""Samples of delayed match to sample: cues, answers, and rates of the groups of channels."""

import numpy as np
import pytest

from eprop_core.tasks.delayed_match import Matching
from eprop_core.tasks.generate import generate
from eprop_core.tasks.parameters import DelayedMatch

PARAMETERS = DelayedMatch(
    name="delayed_match", train_samples=2000, test_samples=50, n_cues=3, cue=20, delay=30, decision=10
)


def splits(dt: float = 1.0) -> tuple[Matching, Matching]:
    learnt, tested = generate(PARAMETERS, dt=dt, seed=1, learning_window=10, loss="cross_entropy")
    assert isinstance(learnt, Matching) and isinstance(tested, Matching)
    return learnt, tested


def test_neither_cue_alone_tells_the_answer() -> None:
    """Each cue is equally frequent at each place, whatever the answer, which is "the same" in one half."""
    task, _ = splits()
    assert task.chance == 0.5
    cues = np.array([task.cues(sample) for sample in range(2000)])
    labels = np.array([task.label(sample) for sample in range(2000)])
    np.testing.assert_array_equal(labels, cues[:, 0] == cues[:, 1])
    for place in range(2):
        for label in range(2):
            number = np.bincount(cues[labels == label, place], minlength=3)
            deviation = np.sqrt(2000 * (1 / 6) * (5 / 6))
            np.testing.assert_array_less(np.abs(number - 2000 / 6), 5 * deviation)


@pytest.mark.parametrize("dt", [0.5, 1.0])
def test_channels_spike_during_their_cue_and_noise_always(dt: float) -> None:
    task, _ = splits(dt=dt)
    count, on = np.zeros((80, 4)), np.zeros((80, 4))
    assert PARAMETERS.n_steps == 80
    for sample in range(200):
        steps, channels = task.events(sample)
        np.add.at(count, (steps, channels // 10), 1)
        first, second = task.cues(sample)
        on[:20, first] += 1
        on[50:70, second] += 1
    on[:, 3] = 200
    assert not count[on == 0].any()
    expected = 10 * on.sum(axis=0) * np.array([0.1, 0.1, 0.1, 0.01]) * dt
    np.testing.assert_array_less(np.abs(count.sum(axis=0) - expected), 5 * np.sqrt(expected))


def test_test_samples_are_others() -> None:
    learnt, tested = splits()
    assert (learnt.n_samples, tested.n_samples) == (2000, 50)
    shown = {learnt.events(sample)[1].tobytes() for sample in range(100)}
    assert all(tested.events(sample)[1].tobytes() not in shown for sample in range(50))
