"""Random numbers: Philox has the bits of numpy's, and draws have the right distribution.

Bounds on statistics are 5 standard deviations; seeds are fixed, so a test passes always or never.
"""

import functools
import math

import numpy as np
import pytest

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import fill_uniform, permutation, philox, to_integer, to_normals, to_uniform

LARGEST = 2**64 - 1


def words_of_numpy(seed: int, purpose: int, identifier: int, block: int) -> list[int]:
    # numpy adds 1 to its counter, one integer of 256 bits, before it draws.
    counter = (identifier * 2**64 + block - 1) % 2**256
    words = np.array([counter >> (64 * i) & LARGEST for i in range(4)], np.uint64)
    return np.random.Philox(key=np.array([seed, purpose], np.uint64), counter=words).random_raw(4).tolist()


@functools.cache
def words() -> np.ndarray:
    """uint64 (10_000, 4)."""
    purpose = int(Purpose.INPUT_WEIGHTS)  # an enumeration takes longer to hand over than to draw with
    return np.array([philox(7, purpose, 0, block) for block in range(10_000)], np.uint64)


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63 - 1, 2**63, LARGEST])
def test_philox_equals_that_of_numpy(seed: int) -> None:
    for purpose in (0, *map(int, Purpose), LARGEST):
        for identifier in (0, 1, 1000, 2**40 + 3):
            for block in (0, 1, 2, 77, 2**33):
                drawn = philox(np.uint64(seed), np.uint64(purpose), identifier, block)
                assert list(drawn) == words_of_numpy(seed, purpose, identifier, block)


def test_uniform_numbers_are_uniform() -> None:
    assert to_uniform(np.uint64(0)) == 0.0
    assert to_uniform(np.uint64(LARGEST)) == 1.0 - 2.0**-53
    assert to_uniform(np.uint64(2**63)) == 0.5
    drawn = np.sort([to_uniform(word) for word in words()[:5000].ravel()])
    n = len(drawn)
    # Kolmogorov-Smirnov distance: 1.95 / sqrt(n) is exceeded with a probability of 1e-3.
    assert np.abs(drawn - (np.arange(n) + 0.5) / n).max() < 1.95 / math.sqrt(n)


def test_each_identifier_has_its_own_uniform_number() -> None:
    """It does not depend on which others are drawn together with it."""

    def drawn(n: int, first: int) -> list[float]:
        values = np.full(n, np.nan)
        fill_uniform(values, 2.0, 5.0, np.uint64(7), Purpose.THRESHOLDS, first)
        return values.tolist()

    values = drawn(10, 100)
    bits = np.array([philox(7, Purpose.THRESHOLDS, 100 + i, 0)[0] for i in range(10)], np.uint64)
    assert values == [2.0 + 3.0 * to_uniform(word) for word in bits]
    assert values == drawn(4, 100) + drawn(6, 104)
    assert len(set(values)) == 10


@pytest.mark.parametrize("n", [1, 2, 7, 1000, 2**40])
def test_integers_are_uniform(n: int) -> None:
    assert to_integer(np.uint64(0), n) == 0
    assert to_integer(np.uint64(LARGEST), n) == n - 1
    drawn = np.array([to_integer(word, n) for word in words()[:1500].ravel()])
    assert drawn.min() >= 0
    assert drawn.max() < n
    variance = (float(n) ** 2 - 1.0) / 12.0
    assert abs(drawn.mean() - (n - 1) / 2.0) <= 5.0 * math.sqrt(variance / len(drawn))
    if n <= 7:
        count, expected = np.bincount(drawn, minlength=n), len(drawn) / n
        assert np.all(np.abs(count - expected) <= 5.0 * math.sqrt(expected))


def test_normal_numbers_have_the_moments_of_a_normal_distribution() -> None:
    drawn = np.array([to_normals(first, second) for first, second in words().reshape(-1, 2)])
    n = drawn.size
    # Standard deviations of the moments of n normal numbers: of x 1, x^2 sqrt(2), x^3 sqrt(15), x^4 sqrt(96).
    for power, moment, deviation in ((1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)):
        assert abs((drawn**power).mean() - moment) < 5.0 * math.sqrt(deviation / n)
    assert abs((drawn[:, 0] * drawn[:, 1]).mean()) < 5.0 / math.sqrt(n / 2)
    assert np.isfinite(to_normals(np.uint64(LARGEST), np.uint64(0))).all()
    assert to_normals(np.uint64(0), np.uint64(123)) == (0.0, 0.0)


def test_normal_numbers_are_bounded() -> None:
    """The fixed point of the readouts' input relies on draws below 9 standard deviations."""
    assert 8.0 < to_normals(np.uint64(LARGEST), np.uint64(0))[0] < 9.0


def test_a_permutation_depends_on_seed_purpose_and_identifier() -> None:
    def drawn(seed: int = 3, purpose: Purpose = Purpose.SAMPLE_ORDER, identifier: int = 0) -> list[int]:
        return permutation(100, seed=seed, purpose=purpose, identifier=identifier).tolist()

    assert sorted(drawn()) == list(range(100))
    assert drawn() == drawn()
    assert drawn() != list(range(100))
    different = [drawn(), drawn(seed=4), drawn(purpose=Purpose.INPUT_SPIKES), drawn(identifier=1)]
    assert len({tuple(order) for order in different}) == 4
    assert permutation(0, seed=3, purpose=Purpose.SAMPLE_ORDER, identifier=0).tolist() == []


def test_permutations_of_different_seeds_differ() -> None:
    """All 64 bits of a seed are used."""
    seeds = (0, 2**53, 2**53 + 1, 2**63, 2**63 + 1, LARGEST - 1, LARGEST)
    orders = {tuple(permutation(30, seed=s, purpose=Purpose.SAMPLE_ORDER, identifier=1).tolist()) for s in seeds}
    assert len(orders) == len(seeds)
