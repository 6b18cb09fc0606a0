"""Room for the ids of spikes in a message that all ranks send with one call, before they know each other's spikes."""

import math

from eprop_core.ranks.exchange_cost import BYTES_PER_LATENCY, ID_BYTES

WINDOW = 128
"""Exchanges that decide together."""


class Room:
    """Number of ids for which the next messages have room; what does not fit is sent with a second call.

    It is the largest number of ids that a rank has sent in one of the last exchanges, 128 to 256. So at most one
    exchange in 129 needs a second call, as long as the activity has a steady distribution. Where room that stays empty
    costs more than a second call, because ranks or steps differ or there are many ranks, there is no room at all.
    It is equal on all ranks, since each sees the numbers of all.

    Parameters
    ----------
    n_ranks
        Number of ranks.

    Attributes
    ----------
    n_ids
        Number of ids for which the next messages have room.
    """

    def __init__(self, n_ranks: int) -> None:
        self.n_ids = 0
        self._n_ranks = n_ranks
        self._most_empty = math.ceil(math.log2(n_ranks)) * BYTES_PER_LATENCY // ID_BYTES
        self._exchanges = self._longest = self._longest_before = 0

    def adapt(self, longest: int, total: int) -> None:
        """Follow an exchange in which the ranks sent ``total`` ids, and one of them ``longest``."""
        if self._exchanges == WINDOW:
            self._exchanges, self._longest, self._longest_before = 0, 0, self._longest
        self._exchanges += 1
        if longest > self._longest:
            self._longest = longest
        recent = self._longest if self._longest > self._longest_before else self._longest_before
        self.n_ids = recent if self._n_ranks * recent - total <= self._most_empty else 0
