"""Fetching ahead changes nothing, also where there is nothing to fetch; all other tests see that results stay."""

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.prefetch import prefetch


@kernel
def _fetch_all(values, step_values, indices):
    for i in indices:
        prefetch(values, i)
        prefetch(step_values, i)


def test_fetching_changes_nothing_and_needs_nothing_there() -> None:
    values, step_values = np.arange(10, dtype=np.int32), np.arange(30.0).reshape(10, 3)
    _fetch_all(values, step_values, np.array([0, 9, 10, 10**9, -(10**9)]))
    np.testing.assert_array_equal(values, np.arange(10))
    np.testing.assert_array_equal(step_values, np.arange(30.0).reshape(10, 3))
    empty = np.empty(0, np.int32)
    _fetch_all(empty, np.empty((0, 3)), np.array([0, 5]))
