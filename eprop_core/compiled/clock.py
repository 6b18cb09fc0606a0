"""Monotonic time inside compiled code, so that phases can be told apart without leaving the loop."""

import sys

import numpy as np
from numba import types

from eprop_core.compiled.compilation import kernel

_CLOCK_MONOTONIC = 6 if sys.platform == "darwin" else 1
_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))


@kernel
def seconds(scratch):
    """Seconds since an arbitrary origin; ``scratch`` is an int64 array of length 2 that is overwritten."""
    _clock_gettime(_CLOCK_MONOTONIC, scratch.ctypes)
    return scratch[0] + 1e-9 * scratch[1]


def new_scratch() -> np.ndarray:
    """Scratch space for :func:`seconds`."""
    return np.zeros(2, np.int64)
