"""Poisson input has the given rate, is ordered, and depends only on seed, channel and step."""

import numpy as np
import pytest

from eprop_core.experiments.poisson import poisson_spikes


def as_matrix(n_channels: int, first_step: int, n_steps: int, probability: float = 0.2, seed: int = 5) -> np.ndarray:
    steps, channels = poisson_spikes(n_channels, first_step, n_steps, probability, seed)
    spikes = np.zeros((n_steps, n_channels), int)
    np.add.at(spikes, (steps, channels), 1)
    return spikes


def test_steps_ascend_and_a_channel_spikes_at_most_once_per_step() -> None:
    steps, channels = poisson_spikes(50, 0, 100, 0.2, seed=5)
    assert np.all(np.diff(steps * 50 + channels) > 0)
    assert steps.min() >= 0 and steps.max() < 100


def test_a_spike_depends_only_on_seed_channel_and_step() -> None:
    whole = as_matrix(50, 0, 100)
    np.testing.assert_array_equal(as_matrix(20, 0, 100), whole[:, :20])
    for first in (1, 2, 3, 4, 37):  # the generator gives four numbers at a time
        np.testing.assert_array_equal(as_matrix(50, first, 30), whole[first : first + 30])
    assert (as_matrix(50, 0, 100, seed=6) != whole).any()


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.needs_compiler
def test_the_rate_is_as_given(probability: float) -> None:
    n = 200 * 1000
    n_spikes = as_matrix(200, 0, 1000, probability).sum()
    deviation = np.sqrt(n * probability * (1 - probability))
    assert abs(n_spikes - n * probability) <= 5 * deviation  # binomial; the seed is fixed


@pytest.mark.needs_compiler
def test_channels_and_steps_are_independent() -> None:
    spikes = as_matrix(400, 0, 1000)
    for sums, n in ((spikes.sum(axis=0), 1000), (spikes.sum(axis=1), 400)):
        variance = n * 0.2 * 0.8
        assert abs(sums.var() / variance - 1) < 5 * np.sqrt(2 / len(sums))  # of a variance; the seed is fixed
