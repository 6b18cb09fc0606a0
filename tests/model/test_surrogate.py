"""Surrogate gradients against their formulas."""

import math

import pytest

from eprop_core.model.surrogate import (
    KINDS,
    arctan,
    exponential,
    fast_sigmoid_derivative,
    piecewise_linear,
    surrogate_gradient,
)

FORMULAS = {
    "piecewise_linear": lambda u, height: height * max(0.0, 1.0 - u),
    "exponential": lambda u, height: height * math.exp(-u),
    "fast_sigmoid_derivative": lambda u, height: height / (1.0 + u) ** 2,
    "arctan": lambda u, height: height / (1.0 + u**2),
}


def test_every_kind_has_a_formula_here() -> None:
    assert set(KINDS) == set(FORMULAS)
    assert len(set(KINDS.values())) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_formula(kind: str) -> None:
    for height in (0.0, 0.3, 2.0):
        for u in (0.0, 1e-9, 0.25, 0.999, 1.0, 1.5, 50.0, 1e6):
            expected = FORMULAS[kind](u, height)
            # The exponential functions of two libraries may differ in the last bit, as may a square and a product.
            assert surrogate_gradient(KINDS[kind], u, height) == pytest.approx(expected, rel=9e-16, abs=0.0)


def test_shape() -> None:
    for function in (piecewise_linear, exponential, fast_sigmoid_derivative, arctan):
        assert function(0.0, 0.7) == 0.7
        values = [function(u / 10, 0.7) for u in range(30)]
        assert values == sorted(values, reverse=True)
    assert piecewise_linear(0.5, 1.0) == 0.5
    assert piecewise_linear(1.0, 1.0) == piecewise_linear(7.0, 1.0) == 0.0
    assert exponential(1.0, 1.0) == pytest.approx(1.0 / math.e, rel=4e-16)
