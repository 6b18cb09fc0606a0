"""The learning rule against derivatives of the loss."""

import pytest

from eprop_core.verification.gradients import VARIANTS, difference


@pytest.mark.parametrize("name", VARIANTS)
def test_exact_gradient(name: str) -> None:
    of_gradient = difference(name, seed=1)
    assert of_gradient.passed, of_gradient
