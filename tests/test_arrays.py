"""Arrays that users give: converted without a loss of meaning, or refused in one line."""

from typing import Any

import numpy as np
import pytest

from eprop_core.arrays import array_of


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        (np.float64, [1, 2], np.array([1.0, 2.0])),
        (np.float64, np.array([0.5], np.float32), np.array([0.5])),
        (np.int64, np.array([3], np.uint8), np.array([3])),
        (np.int64, [], np.zeros(0, np.int64)),
        (np.bool_, [[True], [False]], np.array([[True], [False]])),
        (np.float64, 2, np.array(2.0)),
    ],
)
def test_numbers_are_converted(dtype: type, given: Any, expected: np.ndarray) -> None:
    array = array_of(dtype, "values", given, ValueError)
    np.testing.assert_array_equal(array, expected, strict=True)
    assert array.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float64])
@pytest.mark.parametrize("given", [[[1], [1, 2]], "abc", None, object(), {1: 2}, [1j], [10**30], [b"1"]])
def test_anything_else_gets_one_line(dtype: type, given: Any) -> None:
    # Another type than numpy raises.
    with pytest.raises(KeyError, match=r"^'values has (dtype \S+|parts of different lengths): must be") as caught:
        array_of(dtype, "values", given, KeyError)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_are_not_rounded() -> None:
    for dtype, given in ((np.int64, [1.0]), (np.bool_, [1])):
        with pytest.raises(ValueError, match=r"^values has dtype \S+: must be"):
            array_of(dtype, "values", given, ValueError)


def test_masked_values_are_refused() -> None:
    assert array_of(float, "values", np.ma.array([1.0, 2.0], mask=[False, False]), ValueError).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"^values has masked values: must be an array of float64, all of"):
        array_of(float, "values", np.ma.array([1.0, 2.0], mask=[True, False]), ValueError)
