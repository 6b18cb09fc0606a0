"""Poisson input has the given rates, is ordered, and depends only on seed, channel and step."""

import re
from typing import Any

import numpy as np
import pytest

from eprop_core import StimulusError, poisson, poisson_input
from eprop_core.compiled.purpose import Purpose


def as_matrix(rates: Any, n_steps: int, **options: Any) -> np.ndarray:
    steps, channels = poisson_input(rates, n_steps=n_steps, **{"seed": 5} | options)
    spikes = np.zeros((n_steps, np.shape(rates)[-1]), int)
    np.add.at(spikes, (steps, channels), 1)
    return spikes


def equal_rates(n_channels: int, first_step: int, n_steps: int, probability: float = 0.2, seed: int = 5) -> np.ndarray:
    return as_matrix(np.full(n_channels, 1000.0 * probability), n_steps, first_step=first_step, seed=seed)


def test_steps_ascend_and_a_channel_spikes_at_most_once_per_step() -> None:
    steps, channels = poisson_input(np.full(50, 200.0), n_steps=100, seed=5)
    assert np.all(np.diff(steps * 50 + channels) > 0)
    assert steps.min() >= 0 and steps.max() < 100


def test_a_spike_depends_only_on_seed_channel_and_step() -> None:
    whole = equal_rates(50, 0, 100)
    np.testing.assert_array_equal(equal_rates(20, 0, 100), whole[:, :20])
    for first in (1, 2, 3, 4, 37):  # the generator gives four numbers at a time
        np.testing.assert_array_equal(equal_rates(50, first, 30), whole[first : first + 30])
    assert (equal_rates(50, 0, 100, seed=6) != whole).any()


def numbers_of_numpy(seed: int, channel: int, first_step: int, n_steps: int) -> np.ndarray:
    """The uniform numbers of a channel by numpy's generator, which adds 1 to its counter before it draws."""
    block, skipped = divmod(first_step, 4)
    counter = (channel * 2**64 + block - 1) % 2**256
    words = np.array([counter >> (64 * i) & (2**64 - 1) for i in range(4)], np.uint64)
    key = np.array([seed, int(Purpose.INPUT_SPIKES)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=words)).random(skipped + n_steps)[skipped:]


@pytest.mark.parametrize("first_step", [0, 1, 7, 2**35 + 2])
@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1])
def test_a_channel_spikes_where_its_number_is_below_its_probability(seed: int, first_step: int) -> None:
    probability = np.random.default_rng(3).uniform(0.0, 0.4, (6, 7))
    of_steps = probability[np.minimum(np.arange(90) // 9, 5)]
    numbers = np.stack([numbers_of_numpy(seed, channel, first_step, 90) for channel in range(7)], axis=1)
    expected = numbers < of_steps
    assert expected.sum() > 50
    drawn = as_matrix(1000.0 * probability, 90, steps_per_row=9, seed=seed, first_step=first_step)
    np.testing.assert_array_equal(drawn, expected)


def test_spikes_that_fill_the_room_several_times_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = equal_rates(50, 2, 100)
    monkeypatch.setattr(poisson, "_DRAWN_AT_ONCE", 64)
    np.testing.assert_array_equal(equal_rates(50, 2, 100), at_once)


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.needs_compiler
def test_the_rate_is_as_given(probability: float) -> None:
    n = 200 * 1000
    n_spikes = equal_rates(200, 0, 1000, probability).sum()
    deviation = np.sqrt(n * probability * (1 - probability))
    assert abs(n_spikes - n * probability) <= 5 * deviation  # binomial; the seed is fixed


@pytest.mark.needs_compiler
def test_channels_and_steps_are_independent() -> None:
    spikes = equal_rates(400, 0, 1000)
    for sums, n in ((spikes.sum(axis=0), 1000), (spikes.sum(axis=1), 400)):
        variance = n * 0.2 * 0.8
        assert abs(sums.var() / variance - 1) < 5 * np.sqrt(2 / len(sums))  # of a variance; the seed is fixed


@pytest.mark.needs_compiler
def test_rates_differ_between_channels_and_times() -> None:
    """Each row holds for its steps, the last one to the end; expected counts are those of the binomial distribution."""
    probability = np.array([[0.0, 0.1, 0.5], [0.3, 0.0, 0.02]])
    spikes = as_matrix(1000.0 / 0.5 * probability, n_steps=9000, steps_per_row=4000, dt=0.5)
    for row, (first, last) in enumerate([(0, 4000), (4000, 9000)]):
        n = last - first
        counts = spikes[first:last].sum(axis=0)
        deviation = np.sqrt(n * probability[row] * (1 - probability[row]))
        assert (np.abs(counts - n * probability[row]) <= 5 * deviation).all()  # the seed is fixed
        assert (counts[probability[row] > 0] > 0).all()


def test_rates_that_vary_in_time_draw_the_same_numbers() -> None:
    """A step has the spikes that it would have if its rates held at all times; parts join to the whole."""
    rates = np.random.default_rng(3).uniform(0.0, 400.0, (10, 30))
    whole = as_matrix(rates, n_steps=70, steps_per_row=7)
    assert whole.any()
    for row in range(10):
        constant = as_matrix(rates[row], n_steps=70)
        np.testing.assert_array_equal(whole[7 * row : 7 * row + 7], constant[7 * row : 7 * row + 7])
    second = as_matrix(rates[5:], n_steps=35, steps_per_row=7, first_step=35)
    np.testing.assert_array_equal(second, whole[35:])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rates": [[1.0, -2.0]]}, "rates[0, 1] = -2: must be from 0 to 1000 spikes/s, one spike per step of 1.0 ms"),
        (
            {"rates": [1.0, 2001.0], "dt": 0.5},
            "rates[0, 1] = 2001: must be from 0 to 2000 spikes/s, one spike per step of 0.5 ms",
        ),
        ({"rates": [np.nan]}, "rates[0, 0] = nan: must be from 0 to 1000 spikes/s, one spike per step of 1.0 ms"),
        (
            {"rates": np.zeros((1, 1, 1))},
            "rates have the shape (1, 1, 1): must be (n_channels,) or (n_rows, n_channels)",
        ),
        ({"rates": [[1.0], [2.0, 3.0]]}, "rates has parts of different lengths: must be an array of float64"),
        ({"rates": [900 + 500j]}, "rates has dtype complex128: must be float64"),
        ({"rates": ["900"]}, "rates has dtype <U3: must be float64"),
        ({"rates": [True]}, "rates has dtype bool: must be float64"),
        ({"rates": np.array([900], "m8[h]")}, "rates has dtype timedelta64[h]: must be float64"),
        (
            {"rates": np.ma.array([900.0], mask=[True])},
            "rates has masked values: must be an array of float64, all of which count",
        ),
        ({"n_steps": 0}, "n_steps = 0: must be a whole number of at least 1, below 2**60"),
        ({"steps_per_row": 1.5}, "steps_per_row = 1.5: must be a whole number of at least 1, below 2**60"),
        ({"first_step": -4}, "first_step = -4: must be a whole number of at least 0, below 2**60"),
        ({"seed": -1}, "seed = -1: must be a whole number from 0 to 2**64 - 1"),
        ({"dt": 0.0}, "dt = 0.0: must be a finite number above 0 ms"),
        ({"dt": "1"}, "dt = '1': must be a finite number above 0 ms"),
        ({"dt": np.ones(2)}, "dt = array([1., 1.]): must be a finite number above 0 ms"),
        (
            {"n_steps": np.zeros((2, 1))},
            "n_steps = array([[0.],\\n       [0.]]): must be a whole number of at least 1, below 2**60",
        ),
    ],
)
def test_a_wrong_value_gets_one_line(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(StimulusError, match=f"^{re.escape(line)}$"):
        poisson_input(**{"rates": [1.0], "n_steps": 5} | changes)
