"""Powers of a decay for any number of steps, each the product of two numbers in tables.

Raising a number to a power takes as long as processing several synapses.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel

NEGLIGIBLE = 1e-30
"""Traces that have decayed to less than this fraction of their size are set to zero."""

LARGEST_EXPONENT = 2**31
"""No simulation has more steps."""


class Powers(NamedTuple):
    """Powers of a decay, until they are negligible."""

    table: np.ndarray
    """float64: decay^0 .. decay^(2^bits - 1), and then decay^0, decay^(2^bits), decay^(2 2^bits), ..."""
    bits: int

    @classmethod
    def of(cls, decay: float) -> "Powers":
        """Return the powers of a decay above 0 and up to 1."""
        rate = -math.log(decay)
        n_steps = -math.log(NEGLIGIBLE) / rate if -math.log(NEGLIGIBLE) < rate * LARGEST_EXPONENT else LARGEST_EXPONENT
        bits = max(1, math.ceil(math.log2(n_steps + 1.0) / 2.0))
        n_high = int(n_steps) // 2**bits + 1
        low, high = decay ** np.arange(2.0**bits), decay ** (2.0**bits * np.arange(n_high))
        return cls(np.concatenate((low, high)), bits)


@kernel
def power(powers, n):
    """Return decay^n for n >= 0, or 0 if that is negligible."""
    n_low = 1 << powers.bits
    high = n_low + (n >> powers.bits)
    if high >= len(powers.table):
        return 0.0
    value = powers.table[n & (n_low - 1)] * powers.table[high]
    return value if value > NEGLIGIBLE else 0.0
