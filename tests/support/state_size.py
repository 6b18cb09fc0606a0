"""Memory of a rank's state."""

from collections.abc import Iterator

import numpy as np

from eprop_core.model.spikes import Spikes


def arrays(state: object) -> Iterator[np.ndarray]:
    """Yield the arrays in nested tuples."""
    if isinstance(state, Spikes):
        state = state.length, state.local_sources  # a list takes memory as it grows
    if isinstance(state, np.ndarray):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from arrays(part)


def bytes_of_arrays(state: object) -> int:
    """Return the bytes of the arrays in nested tuples, each counted once."""
    return sum({id(array): array.nbytes for array in arrays(state)}.values())
