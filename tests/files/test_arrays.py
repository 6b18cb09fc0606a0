"""Headers of arrays are compared with the data before memory is taken."""

import io

import numpy as np
import pytest

from eprop_core.errors import DatasetError
from eprop_core.files.arrays import read_array


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3, ">i2"),
        np.empty((0, 4), np.uint8),
        np.array(["a", "bc"]),
    ],
)
def test_an_array_is_read_as_numpy_reads_it(array: np.ndarray) -> None:
    found = read_array(npy(array), "a.npy")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,), }", "has 16 bytes; expected those"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2), }", "has the shape"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "is an array of objects, which could run code"),
        ("__import__('os').abort()", "damaged, or no array of numpy"),
        ("((((", "damaged, or no array of numpy"),
    ],
)
def test_a_wrong_header_is_refused(header: str, message: str) -> None:
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(16)
    with pytest.raises(DatasetError, match=f"a.npy: {message}") as raised:
        read_array(data, "a.npy")
    assert "\n" not in str(raised.value)
