"""Weight updates against their formulas."""

import math

import numpy as np
import pytest

from eprop_core.model.optimizers import KINDS, bounded, change, elapsed_steps, optimizer_of
from eprop_core.parameters import Adam, GradientDescent

NO_VALUES = np.zeros((1, 0))


def bounds(weight_min: float, weight_max: float, fixed_signs: bool = False) -> GradientDescent:
    return GradientDescent(weight_min=weight_min, weight_max=weight_max, fixed_signs=fixed_signs)


def test_gradient_descent() -> None:
    for gradient, rate in np.abs(np.random.default_rng(1).normal(size=(100, 2))):
        optimizer = optimizer_of(GradientDescent(learning_rate=rate), 0.0)
        assert change(NO_VALUES, 0, 0, gradient, optimizer, elapsed_steps(optimizer, 0, 5)) == -rate * gradient


def test_weight_decay() -> None:
    assert optimizer_of(GradientDescent(), 0.125).retained == 0.875


def test_bounds() -> None:
    optimizer = optimizer_of(bounds(-2.0, 2.0), 0.0)
    for weight, expected in ((1.5, 1.5), (-1.5, -1.5), (2.0, 2.0), (7.0, 2.0), (-7.0, -2.0)):
        assert bounded(weight, 1.0, optimizer) == expected


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fixed_signs(sign: float) -> None:
    """A weight that would cross zero stops there, and the sign of the zero tells where it came from."""
    optimizer = optimizer_of(bounds(-2.0, 2.0, fixed_signs=True), 0.0)
    assert bounded(sign * 0.5, sign, optimizer) == sign * 0.5
    stopped = bounded(-sign * 0.5, sign, optimizer)
    assert stopped == 0.0
    assert math.copysign(1.0, stopped) == sign
    assert bounded(sign * 0.25, stopped, optimizer) == sign * 0.25
    assert bounded(-sign * 0.25, stopped, optimizer) == 0.0


@pytest.mark.parametrize(("beta_1", "beta_2"), [(0.9, 0.999), (0.0, 0.5), (0.8, 0.0), (0.9, 0.99999), (0.99, 0.999)])
@pytest.mark.parametrize("longest_gap", [1, 40, 2000])
@pytest.mark.parametrize("epsilon", [1e-8, 1e-5, 1.0])
def test_adam(beta_1: float, beta_2: float, longest_gap: int, epsilon: float) -> None:
    """Against the textbook's loop, in which each elapsed step moves the moments, and the first has the gradient.

    Gradients of all sizes, and some of 0: at once where epsilon is small beside the moments, else step by step.
    """
    rng = np.random.default_rng(1)
    chosen = Adam(algorithm="adam", learning_rate=0.01, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    optimizer = optimizer_of(chosen, 0.0)
    values = np.zeros((3, 4))
    m = v = 0.0
    step = 0
    for _ in range(300 if longest_gap < 1000 else 30):
        last = step + int(rng.integers(1, longest_gap + 1))
        gradient = rng.normal() * 10.0 ** rng.integers(-6, 3) * (rng.random() < 0.8)
        moved = change(values, 1, 2, gradient, optimizer, elapsed_steps(optimizer, step, last))
        expected = 0.0
        for t in range(step + 1, last + 1):
            g = gradient if t == step + 1 else 0.0
            m = beta_1 * m + (1.0 - beta_1) * g
            v = beta_2 * v + (1.0 - beta_2) * g * g
            rate = 0.01 * math.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
            expected -= rate * m / (math.sqrt(v) + epsilon)
        step = last
        # Powers of the decays are taken at once instead of one by one: a rounding or two per step. And the textbook's
        # 1 - beta^t loses digits for a beta close to 1.
        lost = sum(np.finfo(float).eps / (1.0 - beta) for beta in (beta_1, beta_2))
        assert moved == pytest.approx(expected, rel=1e-13 + lost, abs=1e-300)
        assert values[1, 2:].tolist() == [pytest.approx(of, rel=1e-11, abs=1e-300) for of in (m, v)]
    assert not values[[0, 2]].any()
    assert not values[:, :2].any()


def test_moments_may_last_a_single_step() -> None:
    """Also in plain Python, which divides by no zero."""
    optimizer = optimizer_of(Adam(algorithm="adam", learning_rate=0.5, beta_1=0.0, beta_2=0.0), 0.0)
    for elapsed in (elapsed_steps, getattr(elapsed_steps, "py_func", elapsed_steps)):
        values = np.ones((1, 2))
        assert change(values, 0, 0, 2.0, optimizer, elapsed(optimizer, 3, 9)) == pytest.approx(-0.5)
        assert not values.any()


def test_elapsed_steps_that_are_summed_at_once_are_as_exact_as_their_sum() -> None:
    """Around the smallest moment for which four terms in epsilon suffice, and against a sum without rounding."""
    chosen = Adam(algorithm="adam", learning_rate=1.0)
    optimizer = optimizer_of(chosen, 0.0)
    at_once, step_by_step = 0.0, 0.0
    for factor in (0.999, 1.001, 10.0, 1e6):
        root = factor * optimizer.smallest_root
        for first, last in ((0, 2), (3, 40), (500, 900), (10, 5000)):
            gradient = root / math.sqrt(1.0 - chosen.beta_2)
            terms = [
                optimizer.step_size[0, min(step, optimizer.step_size.shape[1] - 1)]
                * ((1.0 - chosen.beta_1) * gradient * chosen.beta_1 ** (step - first))
                / (root * chosen.beta_2 ** (0.5 * (step - first)) + chosen.epsilon)
                for step in range(first, last)
            ]
            moved = change(np.zeros((1, 2)), 0, 0, gradient, optimizer, elapsed_steps(optimizer, first, last))
            error = abs(moved / -math.fsum(terms) - 1.0)
            at_once, step_by_step = max(at_once, error * (factor > 1)), max(step_by_step, error * (factor < 1))
    assert at_once < 4e-15
    assert step_by_step < 4e-15


def test_every_kind_has_a_test_here() -> None:
    assert set(KINDS) == {GradientDescent, Adam}
