"""Numbers as files have them, widened before any arithmetic, so that byte order and precision do not matter."""

import sys
import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError


def times(values: Any, where: str) -> npt.NDArray[np.float64]:
    """Return times as float64 (n_events,).

    Raises
    ------
    DatasetError
        If they are no numbers in one dimension, negative or not finite.
    """
    array = _in_one_dimension(values, "times", where)
    if array.dtype.kind not in "iuf":
        raise DatasetError(f"{where}: times are {array.dtype}; expected numbers")
    widened = array.astype(np.float64)
    wrong = ~(np.isfinite(widened) & (widened >= 0))
    if wrong.any():
        event = int(np.argmax(wrong))
        raise DatasetError(f"{where}: event {event}: time {widened[event]}; expected a finite number from 0 on")
    return widened


def whole_numbers(values: Any, name: str, where: str) -> npt.NDArray[np.int64]:
    """Return integers, or floating-point numbers that are whole, as int64 (n,).

    Raises
    ------
    DatasetError
        If they are no such numbers in one dimension.
    """
    array = _in_one_dimension(values, name, where)
    if array.dtype.kind not in "iufb":
        raise DatasetError(f"{where}: {name} are {array.dtype}; expected integers")
    with np.errstate(invalid="ignore"):  # numbers that are not finite
        whole = array.astype(np.int64)
    wrong = whole != array
    if wrong.any():
        index = int(np.argmax(wrong))
        raise DatasetError(f"{where}: entry {index} of {name} is {array[index]}; expected a whole number below 2^63")
    return whole


def labels(values: Any, name: str, where: str) -> npt.NDArray[np.int64] | npt.NDArray[np.str_]:
    """Return labels: int64 (n,), or names as strings (n,).

    Raises
    ------
    DatasetError
        If they are neither, or not in one dimension.
    """
    array = _in_one_dimension(values, name, where)
    if array.dtype.kind == "U" and array.dtype.itemsize:
        letters = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("=")).view(np.uint32)
        if (letters > sys.maxunicode).any() or ((letters >= 0xD800) & (letters <= 0xDFFF)).any():
            raise DatasetError(f"{where}: {name} are no text; expected characters of Unicode")
    try:
        if array.dtype.kind == "S" or (array.dtype.kind == "O" and all(isinstance(one, str | bytes) for one in array)):
            array = np.array([one.decode() if isinstance(one, bytes) else one for one in array.tolist()], np.str_)
    except UnicodeDecodeError:
        raise DatasetError(f"{where}: {name} are no text; expected names in UTF-8") from None
    if array.dtype.kind != "U":
        return whole_numbers(array, name, where)
    if isinstance(values, list) and not all(isinstance(one, str) for one in values):
        raise DatasetError(f"{where}: {name} are numbers and names; expected one or the other")
    return np.array([composed(one) for one in array.tolist()], np.str_)


def composed(name: str) -> str:
    """Return a name as all files have it: some systems store an accent as a character of its own."""
    return unicodedata.normalize("NFC", name)


def _in_one_dimension(values: Any, name: str, where: str) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:  # entries of different shapes
        raise DatasetError(f"{where}: {name} have different shapes; expected one dimension") from None
    if array.ndim != 1:
        raise DatasetError(f"{where}: {name} have the shape {array.shape}; expected one dimension")
    return array
