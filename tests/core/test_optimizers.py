"""Weight updates against their formulas."""

import numpy as np

from eprop_core.optimizers import gradient_descent


def test_gradient_descent() -> None:
    for weight, gradient, rate in np.random.default_rng(1).normal(size=(100, 3)):
        expected = min(max(weight - rate * gradient, -1.5), 1.0)
        assert gradient_descent(weight, gradient, rate, -1.5, 1.0) == expected


def test_direction_and_bounds() -> None:
    assert gradient_descent(1.0, 0.5, 0.5, -2.0, 2.0) == 0.75
    assert gradient_descent(1.0, -0.5, 0.5, -2.0, 2.0) == 1.25
    assert gradient_descent(1.0, 0.0, 0.5, -2.0, 2.0) == 1.0
    assert gradient_descent(1.0, 100.0, 0.5, -2.0, 2.0) == -2.0
    assert gradient_descent(1.0, -100.0, 0.5, -2.0, 2.0) == 2.0
    assert gradient_descent(1.0, -2.0, 0.5, -2.0, 2.0) == 2.0
