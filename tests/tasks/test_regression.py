"""Targets of the regression tasks, and the noise that drives them."""

import numpy as np
import pytest

from eprop_core.errors import InsufficientMemoryError
from eprop_core.recording.recording import Recording
from eprop_core.tasks import regression as regression_task
from eprop_core.tasks.parameters import Pattern, SineWaves
from eprop_core.tasks.regression import Regression, frozen_noise, pattern, sine_waves

SINE_WAVES = SineWaves(name="sine_waves")


def regression(seed: int = 1, parameters: SineWaves | Pattern = SINE_WAVES, dt: float = 1.0) -> Regression:
    return Regression(parameters, dt=dt, seed=seed, learning_window=None)


def test_waves_begin_and_end_at_zero_and_reach_one() -> None:
    for seed in range(5):
        target = sine_waves(SINE_WAVES, seed)[:, 0]
        assert target[0] == 0.0
        assert target[-1] == pytest.approx(0.0, abs=1e-12)  # sines of angles up to 40, a turn apart
        assert np.abs(target).max() == 1.0


def test_waves_have_only_their_own_periods() -> None:
    parameters = SineWaves(name="sine_waves", n_steps=1001, periods=[1001, 200])
    spectrum = np.abs(np.fft.rfft(sine_waves(parameters, seed=1)[:-1, 0]))  # the last step is the first of the next
    assert set(np.flatnonzero(spectrum > 1e-9 * spectrum.max())) <= {0, 1, 5}
    assert np.all(spectrum[[1, 5]] > 1)


def test_a_period_must_not_exceed_the_sample() -> None:
    with pytest.raises(ValueError, match="periods: must not exceed n_steps = 500"):
        SineWaves(name="sine_waves", n_steps=500)


@pytest.mark.parametrize(("low", "high"), [(1e-20, 1.0), (1.0, 1e300)])
def test_amplitudes_must_be_such_that_their_sum_can_be_scaled(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"amplitudes: must be from 0\.001 to 1e6"):
        SineWaves(name="sine_waves", amplitudes={"low": low, "high": high})


@pytest.mark.parametrize("at_once", [1, 7, 100, 10**6])
def test_noise_is_the_same_in_blocks_of_any_size(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression_task, "DRAWN_AT_ONCE", at_once)
    drawn = frozen_noise(np.random.default_rng(1), n_steps=50, n_channels=10, probability=0.2)
    np.testing.assert_array_equal(drawn, np.nonzero(np.random.default_rng(1).random((50, 10)) < 0.2))


@pytest.mark.parametrize("name", ["sine_waves", "pattern"])
def test_a_sample_that_does_not_fit_into_the_memory_is_refused_before_it_is_drawn(name: str) -> None:
    values = {"name": name, "n_input": 100_000, "n_steps": 2**31 - 1}
    parameters = SineWaves(**values) if name == "sine_waves" else Pattern(**values)
    with pytest.raises(InsufficientMemoryError, match=r"2147483647 steps with 1.07e\+13 input spikes needs about"):
        regression(parameters=parameters)


def test_targets_and_noise_depend_only_on_the_seed() -> None:
    one, again, other = regression(1), regression(1), regression(2)
    np.testing.assert_array_equal(one.target(0), again.target(0))
    np.testing.assert_array_equal(one.events(0), again.events(0))
    assert not np.array_equal(one.target(0), other.target(0))
    assert not np.array_equal(one.events(0)[1][:100], other.events(0)[1][:100])


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_the_noise_has_its_rate(dt: float) -> None:
    """The rate is 50 spikes/s at any time step."""
    steps, channels = regression(dt=dt).events(0)
    expected = 1000 * 100 * 0.05 * dt
    assert abs(len(steps) - expected) < 5 * np.sqrt(expected)  # 5 standard deviations
    assert set(channels) == set(range(100))


def test_the_pattern_is_a_lemniscate() -> None:
    """x = sin t and y = sin 2t = 2 x cos t, so that y^2 = 4 x^2 (1 - x^2)."""
    x, y = pattern(Pattern(name="pattern")).T
    np.testing.assert_allclose(y**2, 4 * x**2 * (1 - x**2), rtol=0, atol=1e-14)  # a few roundings of numbers up to 1
    assert (x.max(), y.max()) == (pytest.approx(1, abs=1e-5), pytest.approx(1, abs=2e-5))  # the grid misses the peak


def loss_of_answer(task: Regression, answer: np.ndarray) -> float:
    """The loss of readouts that are ``answer`` in each step."""
    sample, none = np.array([0]), np.empty(0, np.int64)
    stimulus = task.stimulus(sample)
    readout = np.broadcast_to(answer, stimulus.target.shape)
    error = stimulus.learning_window[:, np.newaxis] * (readout - stimulus.target)
    return task.score(sample, Recording(none, none, readout, error)).loss


def test_the_best_constant_answer_is_the_mean_of_the_target() -> None:
    """In n steps x makes one turn and y two: the squares of each sum to (n - 1) / 2, and the means are 0."""
    whole = regression(parameters=Pattern(name="pattern", n_steps=101))
    assert whole.loss_of_best_constant == pytest.approx(0.5 * (50 + 50), rel=1e-13)  # sums of 101 numbers
    for parameters in (Pattern(name="pattern", n_steps=101), SINE_WAVES):
        task = Regression(parameters, dt=1.0, seed=1, learning_window=20)
        mean = task.target(0)[-20:].mean(axis=0)
        assert loss_of_answer(task, mean) == pytest.approx(task.loss_of_best_constant, rel=1e-13)
        assert min(loss_of_answer(task, mean + shift) for shift in (-0.01, 0.01)) > task.loss_of_best_constant


def test_the_loss_sums_over_all_steps() -> None:
    task = regression(parameters=Pattern(name="pattern", n_steps=50))
    sample = np.array([0])
    stimulus = task.stimulus(sample)
    assert stimulus.learning_window.all()
    assert stimulus.target.shape == (50, 2)
    none = np.empty(0, np.int64)
    error = np.full((50, 2), 0.1)
    score = task.score(sample, Recording(none, none, error, error))
    assert score.accuracy is None
    assert score.loss == pytest.approx(0.5 * 100 * 0.01, rel=1e-13)  # a sum of 100 numbers
