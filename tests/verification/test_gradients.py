"""The learning rule, compared with derivatives of the loss."""

import pytest

from eprop_core.verification.gradients import VARIANTS, difference


@pytest.mark.parametrize("name", VARIANTS)
def test_the_learning_rule_follows_the_derivatives_of_the_loss(name: str) -> None:
    of_gradient = difference(name, seed=1)
    assert of_gradient.passed, of_gradient
