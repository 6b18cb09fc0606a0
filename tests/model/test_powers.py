"""Powers of a decay from tables."""

import numpy as np
import pytest

from eprop_core.model.powers import NEGLIGIBLE, Powers, power


@pytest.mark.parametrize("decay", [1e-100, 0.02, 0.5, 0.97, 0.9999, 1.0 - 1e-7])
def test_powers_are_those_of_the_decay_until_they_are_negligible(decay: float) -> None:
    powers = Powers.of(decay)
    last = int(np.log(NEGLIGIBLE) / np.log(decay))
    steps = np.unique(
        np.concatenate((np.arange(100), np.geomspace(1, 3 * last + 3, 300).astype(int), [last, last + 1]))
    )
    found = np.array([power(powers, n) for n in steps])
    expected = decay**steps
    kept = expected > (1.0 + 1e-12) * NEGLIGIBLE
    # Each of the two factors is a power with its own rounding: that of pow, of their product, and of the exponent.
    np.testing.assert_allclose(found[kept], expected[kept], rtol=4 * np.finfo(float).eps)
    assert np.all(found[expected < (1.0 - 1e-12) * NEGLIGIBLE] == 0.0)
    assert kept.sum() > 0 and found[0] == 1.0


def test_the_tables_are_small() -> None:
    powers = Powers.of(0.97)
    n_low = 2**powers.bits
    n_high = len(powers.table) - n_low
    assert n_low * n_high < 2 * np.log(NEGLIGIBLE) / np.log(0.97) + 200
    assert max(n_low, n_high) <= 64


@pytest.mark.parametrize("decay", [1.0 - 1e-15, 1.0])
def test_powers_of_decays_close_to_one(decay: float) -> None:
    powers = Powers.of(decay)
    for n in (0, 1, 10**6, 2**31 - 1):
        assert power(powers, n) == pytest.approx(decay**n, rel=1e-15)
