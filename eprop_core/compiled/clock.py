"""Monotonic time in compiled code, so that a kernel can time its phases without returning to Python."""

import ctypes
import sys

import numpy as np
from numba import types

from eprop_core.compiled.compilation import WITHOUT_COMPILER, kernel

_CLOCK_MONOTONIC = 6 if sys.platform == "darwin" else 1

_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))
if WITHOUT_COMPILER:
    _clock_gettime = ctypes.CDLL(None).clock_gettime


@kernel
def seconds(scratch):
    """Seconds since an arbitrary origin; ``scratch`` is an int64 array of length 2 that is overwritten."""
    _clock_gettime(_CLOCK_MONOTONIC, scratch.ctypes)
    return scratch[0] + 1e-9 * scratch[1]


def new_scratch() -> np.ndarray:
    """Return scratch space for :func:`seconds`, int64 (2,)."""
    return np.zeros(2, np.int64)
