"""Arrays in the format ``.npy``, whose stated sizes are compared with the data before memory is taken."""

import io
import math
from typing import Any

import numpy as np

from eprop_core.errors import DatasetError, one_line

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_header(data: bytes, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return what the header of an array states.

    Parameters
    ----------
    data
        Content of the file, or its begin.
    name
        Its name, for messages.

    Returns
    -------
    shape, fortran_order, dtype
        Of the array; its type has no objects, which could run code.
    n_bytes
        Of the header.

    Raises
    ------
    DatasetError
        If it is damaged, or one of objects.
    """
    stream = io.BytesIO(data)
    try:
        shape, fortran_order, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # numpy raises whatever its parser of Python text does
        raise DatasetError(f"{name}: damaged, or no array of numpy ({one_line(error)})") from None
    if dtype.hasobject:
        raise DatasetError(f"{name}: is an array of objects, which could run code; expected numbers or text")
    if min(shape, default=0) < 0 or not dtype.itemsize:
        raise DatasetError(f"{name}: has the shape {shape} and the type {dtype}; expected another")
    return shape, fortran_order, dtype, stream.tell()


def read_array(data: bytes, name: str) -> np.ndarray:
    """Return the array that the content of a file holds, without a copy; raises the errors of :func:`read_header`.

    It is also damaged where it has other than the stated bytes.
    """
    shape, fortran_order, dtype, begin = read_header(data, name)
    n_bytes = len(data) - begin
    if math.prod(shape) * dtype.itemsize != n_bytes:
        raise DatasetError(f"{name}: has {n_bytes} bytes; expected those of the shape {shape} and the type {dtype}")
    return np.ndarray(shape, dtype, data, begin, order="F" if fortran_order else "C")
