"""Exchange of spikes and of the readouts' input between ranks, once per communication interval.

Spikes are sent to all ranks, or to those that have targets for them. The readouts' input is sent with them, or summed
by a call of its own (:mod:`eprop_core.ranks.exchange_cost` decides). The size of messages follows their content. A
first call sends what all ranks know the size of beforehand; from it they know whether there is a rest, and how long it
is, which a second call sends.
"""

import copy
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from eprop_core.network.connections import Range
from eprop_core.ranks.exchange_cost import ID_BYTES, NO_COST, WORD_BYTES, Cost, Destinations
from eprop_core.ranks.messages import (
    NOTICES,
    Exchanged,
    message_words,
    pack_for_all,
    pack_for_targets,
    read_heads,
    unpack,
)
from eprop_core.ranks.room import Room


@dataclass
class Traffic:
    """Number and size of the exchanges of one rank."""

    exchanges: int = 0
    """One per communication interval."""
    received_bytes: int = 0
    """Messages of the other ranks, and sums over all ranks."""
    cost: Cost = NO_COST
    """Of all exchanges, modelled for a dry run."""

    def add(self, received_bytes: int) -> None:
        """Count an exchange."""
        self.exchanges += 1
        self.received_bytes += received_bytes

    def since(self, before: "Traffic") -> "Traffic":
        """Return the difference from the traffic ``before``."""
        cost = Cost(self.cost.messages - before.cost.messages, self.cost.bytes - before.cost.bytes)
        return Traffic(self.exchanges - before.exchanges, self.received_bytes - before.received_bytes, cost)


class Exchange(Protocol):
    """A way to exchange spikes and the readouts' input between ranks."""

    collocate_time: float
    """Seconds that were spent on filling send buffers; 0 for an emulated rank, which sends nothing."""

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        """Exchange the spikes before ``step``, and add up the readouts' input of ``n_current_steps`` steps from it on.

        Returns the largest ``notice`` of any rank.
        """

    def for_a_copy(self) -> Self:
        """Return the same exchange for a copy of the network, with traffic of its own."""

    @property
    def traffic(self) -> dict[Destinations, Traffic]:
        """Traffic of this rank, by destinations; for a dry run what it would have been, for both destinations."""


class _ExchangeByMessages(ABC):
    """An exchange by calls of MPI.

    Parameters
    ----------
    communicator
        An mpi4py communicator.
    summed
        Whether the readouts' input is summed by a call of its own (MPI_Iallreduce), while the spikes travel.
    """

    destinations: ClassVar[Destinations]

    def __init__(self, communicator: Any, summed: bool) -> None:
        from mpi4py import MPI

        self.communicator, self.summed = communicator, summed
        self._in_place, self._id_type = MPI.IN_PLACE, MPI.INT32_T
        self.collocate_time = 0.0
        self.traffic: dict[Destinations, Traffic] = {self.destinations: Traffic()}
        self._words = 0
        """Words in the messages of the first call."""
        self._messages = np.zeros((communicator.size, 0), np.int64)
        """Receive buffer of the first call, int64 (n_ranks, words)."""
        self._numbers = self._messages.view(np.int32)
        self._room_for_messages = np.zeros(0, np.int64)
        self._rest = np.zeros(0, np.int32)
        """Receive buffer of the second call."""
        self._rest_first = np.zeros(communicator.size, np.int64)
        """First place of each rank's ids in ``_rest``."""

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        if not self.summed:
            notice, received_bytes = self._exchange_messages(rank, step, n_current_steps, notice)
        else:
            current = rank.incoming.current[:n_current_steps]
            sums = self.communicator.Iallreduce(self._in_place, current)
            notice, received_bytes = self._exchange_messages(rank, step, 0, notice)
            sums.Wait()
            received_bytes += current.nbytes
        self.traffic[self.destinations].add(received_bytes)
        return notice

    @abstractmethod
    def _exchange_messages(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> tuple[int, int]:
        """Exchange spikes, and the readouts' input of ``n_current_steps``; return the largest notice and the bytes."""

    def _set_words(self, words: int, rank: Exchanged) -> None:
        """Let the messages of the first call have so many words."""
        n = self.communicator.size * words
        if len(self._room_for_messages) < n:
            self._room_for_messages = np.zeros(n, np.int64)
        self._words = words
        self._messages = self._room_for_messages[:n].reshape(-1, words)
        self._numbers = self._messages.view(np.int32)

    def _expect_rest(self, n_ids: np.ndarray) -> list[Any]:
        """Return the buffer for the ids that the second call brings; ``n_ids``, int64 (n_ranks,), by sender."""
        self._rest_first = np.cumsum(n_ids) - n_ids
        if len(self._rest) < n_ids.sum():
            self._rest = np.zeros(2 * n_ids.sum(), np.int32)
        return [self._rest, (n_ids, self._rest_first), self._id_type]

    def for_a_copy(self) -> Self:
        """Return the same exchange with traffic of its own; both use the same buffers, in turn."""
        other = copy.copy(self)
        other.traffic = {self.destinations: Traffic()}
        other._words = 0  # an interval of the copy may be longer
        return other


class ExchangeWithAll(_ExchangeByMessages):
    """Every rank sends its spikes to all ranks.

    The first call (MPI_Allgather) has room for spikes, mostly for all of them; the second is MPI_Allgatherv.
    """

    destinations = "all"

    def __init__(self, communicator: Any, summed: bool) -> None:
        super().__init__(communicator, summed)
        self.room = Room(communicator.size)
        self._message = np.zeros(0, np.int64)

    def _set_words(self, words: int, rank: Exchanged) -> None:
        super()._set_words(words, rank)
        interval, n_readouts = rank.outgoing.current.shape
        all_spike = message_words(interval * n_readouts, interval, interval * rank.outgoing.spikes.ids.shape[1])
        if len(self._message) < max(words, all_spike):
            self._message = np.zeros(max(words, all_spike), np.int64)
            self._message_numbers = self._message.view(np.int32)
        self._sent = self._message[:words]

    def _exchange_messages(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> tuple[int, int]:
        before = time.perf_counter()
        first_step = int(rank.published[0])
        n_steps, n_currents = step - first_step, n_current_steps * rank.incoming.current.shape[1]
        room = self.room.n_ids
        words = message_words(n_currents, n_steps, room)
        if self._words != words:
            self._set_words(words, rank)
        part = first_step, step, n_current_steps
        pack_for_all(rank.outgoing, *part, notice, self._message, self._message_numbers)
        self.collocate_time += time.perf_counter() - before

        self.communicator.Allgather(self._sent, self._messages)
        notice, longest, total = read_heads(self._messages)
        received_bytes = WORD_BYTES * words * (self.communicator.size - 1)
        if longest > room:
            n_rest = np.maximum(self._messages[:, 0] // NOTICES - room, 0)
            n_own, first = n_rest[self.communicator.rank], 2 * (1 + n_currents) + n_steps + room
            self.communicator.Allgatherv(self._message_numbers[first : first + n_own], self._expect_rest(n_rest))
            received_bytes += ID_BYTES * int(n_rest.sum() - n_own)
        unpack(rank.incoming, *part, self._messages, self._numbers, room, self._rest, self._rest_first)
        rank.published[0] = step
        self.room.adapt(longest, total)
        return notice, received_bytes

    def for_a_copy(self) -> Self:
        """Return the same exchange, which begins without room."""
        other = super().for_a_copy()
        other.room = Room(self.communicator.size)
        return other


class ExchangeWithTargets(_ExchangeByMessages):
    """Every rank sends a spike to the ranks that have targets for it.

    The first call (MPI_Alltoall) sends numbers of spikes, the second (MPI_Alltoallv) the spikes.

    Parameters
    ----------
    communicator
        An mpi4py communicator.
    summed
        Whether the readouts' input is summed by a call of its own.
    recurrent
        The neurons of this rank.
    has_targets
        Whether a neuron of the whole network has targets on this rank, bool (n_recurrent,).
    """

    destinations = "targets"

    def __init__(self, communicator: Any, summed: bool, recurrent: Range, has_targets: np.ndarray) -> None:
        super().__init__(communicator, summed)
        self._target_rank_indptr, self._target_rank = self._find_target_ranks(recurrent, has_targets)
        self._n_ids, self._ends = (np.zeros(communicator.size, np.int64) for _ in range(2))
        """Number of ids to each rank, and where they end in ``_ids``."""
        self._ids = np.zeros(0, np.int32)

    def _find_target_ranks(self, recurrent: Range, has_targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ranks that have targets for each own neuron, ascending and compressed, as indptr and ranks."""
        n_ranks = self.communicator.size
        sources = np.flatnonzero(has_targets)
        first_ids = [Range.of_rank(recurrent.size, r, n_ranks).first for r in range(1, n_ranks)]
        wanted = self.communicator.alltoall(np.split(sources, np.searchsorted(sources, first_ids)))
        neuron = np.concatenate(wanted) - recurrent.first
        order = np.argsort(neuron, kind="stable")
        offset = np.concatenate(([0], np.cumsum(np.bincount(neuron, minlength=recurrent.n))))
        return offset, np.repeat(np.arange(n_ranks), [len(ids) for ids in wanted])[order]

    def _set_words(self, words: int, rank: Exchanged) -> None:
        super()._set_words(words, rank)
        self._heads = np.zeros_like(self._messages)
        self._head_numbers = self._heads.view(np.int32)

    def _exchange_messages(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> tuple[int, int]:
        before = time.perf_counter()
        first_step = int(rank.published[0])
        n_steps, n_currents = step - first_step, n_current_steps * rank.incoming.current.shape[1]
        words = message_words(n_currents, n_steps, 0)
        if self._words != words:
            self._set_words(words, rank)
        part = first_step, step, n_current_steps
        target_ranks = self._target_rank_indptr, self._target_rank
        while True:
            buffers = self._heads, self._head_numbers, self._n_ids, self._ends, self._ids
            n_ids = pack_for_targets(rank.outgoing, *part, notice, *target_ranks, *buffers)
            if n_ids <= len(self._ids):
                break
            self._ids = np.zeros(2 * n_ids, np.int32)
        self.collocate_time += time.perf_counter() - before

        self.communicator.Alltoall(self._heads, self._messages)
        notice, _, total = read_heads(self._messages)
        received_bytes = WORD_BYTES * words * (self.communicator.size - 1)
        if total > 0:
            counts = 2 * (1 + n_currents)
            n_rest = self._numbers[:, counts : counts + n_steps].sum(axis=1, dtype=np.int64)
            sent = [self._ids, (self._n_ids, self._ends - self._n_ids), self._id_type]
            self.communicator.Alltoallv(sent, self._expect_rest(n_rest))
            received_bytes += ID_BYTES * int(n_rest.sum() - n_rest[self.communicator.rank])
        unpack(rank.incoming, *part, self._messages, self._numbers, 0, self._rest, self._rest_first)
        rank.published[0] = step
        return notice, received_bytes
