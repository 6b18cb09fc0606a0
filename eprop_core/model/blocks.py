"""Blocks of steps, within which the factors of running sums stay small (``running_sums.py``)."""

import math

LARGEST_FACTOR = 100.0
"""Bound of every factor within a block.

A synapse subtracts sums that have grown by such factors, so it loses this many units of rounding: 1e-14 of what they
measure. Longer blocks would save little: starting a block costs a few percent of the time.
"""

SMALLEST_DECAY = 1e-100
"""Takes the place of a decay of 0 where something is divided by its powers."""


def block_length(*decays: float) -> int:
    """Return the steps until a factor of one of the decays reaches :data:`LARGEST_FACTOR`, from 1 to 1000."""
    rate = max(-math.log(max(decay, SMALLEST_DECAY)) for decay in decays)
    return int(min(1000.0, max(1.0, math.log(LARGEST_FACTOR) / rate)))


def has_longer_blocks(*decays: float) -> bool:
    """Return whether blocks have more than one step, apart from what the eligibility filters require.

    Otherwise, a filter with a kappa close to 0 takes the place of none.
    """
    return block_length(*decays) > 1
