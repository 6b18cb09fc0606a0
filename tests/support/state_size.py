"""The memory that a simulation holds."""

import numpy as np


def bytes_of_arrays(state: object) -> int:
    """Of a nest of tuples."""
    if isinstance(state, np.ndarray):
        return state.nbytes
    return sum(bytes_of_arrays(part) for part in state) if isinstance(state, tuple) else 0
