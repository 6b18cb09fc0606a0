"""Arrays that users give: converted, or refused in one line."""

from typing import Any

import numpy as np
import numpy.typing as npt

_CONVERTED_KINDS = {"b": "b", "i": "iu", "f": "iuf"}
"""Kinds of numbers that become truth values, integers and floating-point numbers without a loss of meaning."""


def array_of(dtype: npt.DTypeLike, name: str, values: npt.ArrayLike, error: type[ValueError]) -> npt.NDArray[Any]:
    """Return a contiguous array of ``dtype``: ``values`` itself if it is one, or else converted.

    Parameters
    ----------
    dtype
        ``bool``, ``int64`` or ``float64``. Integers become floating-point numbers, but nothing else is converted.
    name
        What is given, for the message.
    values
        An array, or nested lists of numbers.
    error
        Type of the error.

    Raises
    ------
    ValueError
        An ``error``: lists of different lengths, something else than such numbers, or masked values.
    """
    wanted = np.dtype(dtype)
    if np.ma.is_masked(values):
        raise error(f"{name} has masked values: must be an array of {wanted}, all of which count")
    try:
        array = np.asarray(values)
    except ValueError:
        raise error(f"{name} has parts of different lengths: must be an array of {wanted}") from None
    if not array.size:  # an empty list has no numbers that would have a type
        array = np.zeros(array.shape, wanted)
    if array.dtype.kind not in _CONVERTED_KINDS[wanted.kind]:
        raise error(f"{name} has dtype {array.dtype}: must be {wanted}")
    return np.ascontiguousarray(array, dtype=wanted) if array.ndim else array.astype(wanted)
