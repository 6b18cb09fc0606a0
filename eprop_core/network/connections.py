"""Lists of connections, and ranges of the ids of a population."""

from typing import NamedTuple

import numpy as np


class Connections(NamedTuple):
    """A list of connections: arrays of equal length."""

    source: np.ndarray
    """int64 (n,), ids within the source population."""
    target: np.ndarray
    """int64 (n,), ids within the target population."""
    weight: np.ndarray
    """float64 (n,), pA."""

    def __repr__(self) -> str:
        """Return the number of connections and the range of weights, or the type of weights that are no vector."""
        if not isinstance(self.weight, np.ndarray) or self.weight.ndim != 1 or self.weight.dtype.kind not in "iuf":
            return f"Connections(weights in a {type(self.weight).__name__})"
        n = len(self.weight)
        weights = f", weights from {np.min(self.weight):.4g} to {np.max(self.weight):.4g} pA" if n else ""
        return f"Connections({n} connections{weights})"


class Range(NamedTuple):
    """The ids first .. last - 1 of a population of ``size``."""

    first: int
    last: int
    size: int

    @property
    def n(self) -> int:
        """Number of ids in the range."""
        return self.last - self.first

    def local(self, position: int) -> int:
        """Return a global id, or the end of a range of ids, within this range: from 0 to ``n``."""
        return min(max(position - self.first, 0), self.n)

    @classmethod
    def whole(cls, size: int) -> "Range":
        """Return the range of all ids of a population."""
        return cls(0, size, size)

    @classmethod
    def of_rank(cls, size: int, rank: int, n_ranks: int) -> "Range":
        """Return the contiguous part that a rank owns; the sizes of the parts differ by one at most."""
        return cls(size * rank // n_ranks, size * (rank + 1) // n_ranks, size)
