"""Exchange of spikes and of the readouts' input between ranks, in one message per communication interval.

A message consists of int64 words. They hold the length of the message in words together with a notice, the number of
spikes in each step since the last exchange, the sender's part of the readouts' input in each step of the coming
interval, and the global ids of the spikes, two in a word. All ranks have buffers of the same size. If a message does
not fit, all ranks see this in the lengths, and repeat the exchange with larger buffers. A notice reaches all ranks in
the same exchange, so that they end a run in the same step.

Spikes are sent to all ranks, or to those that have targets for them (:mod:`eprop_core.ranks.exchange_cost`).
"""

import copy
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.model.rank import RankState
from eprop_core.model.spikes import Spikes, clear, copy_ids, receive, spikes_of
from eprop_core.network.connections import Range
from eprop_core.ranks.exchange_cost import Destinations, share_of_ranks

GO_ON, INTERRUPTED, RANK_FAILED = range(3)
"""Notices of a rank to all others; the largest one counts."""
_NOTICES = 4
"""The first word of a message is its length times this number, plus the notice."""


class Exchanged(NamedTuple):
    """The parts of a rank's state that an exchange reads and writes; a kernel is called faster with few arrays."""

    first_id: int
    own_spikes: Spikes
    spikes: Spikes
    """Of the neurons of all ranks that have targets on this rank."""
    published: np.ndarray
    """int64 (1,), the first step whose spikes have not been exchanged."""
    current: np.ndarray
    """int64 (interval, n_readouts), the readouts' input: this rank's part before, the sum of all ranks after."""

    @classmethod
    def of(cls, rank: RankState) -> "Exchanged":
        """Return these parts of the state of a rank; arrays are not copied."""
        return cls(rank.first_id, rank.own_spikes, rank.spikes, rank.published, rank.readouts.current)


@kernel
def _pack_for_all(
    rank: Exchanged, step: int, n_current_steps: int, notice: int, message: np.ndarray, ids: np.ndarray
) -> None:
    """Write the message to all ranks: all numbers, and as many ids as fit into the buffer."""
    n_steps = step - rank.published[0]
    position = _pack_currents(rank, n_steps, n_current_steps, message)
    for s in range(n_steps):
        own = spikes_of(rank.own_spikes, rank.published[0] + s)
        message[1 + s] = len(own)
        copy_ids(ids, position, own, 0, max(0, min(len(own), len(ids) - position)), rank.first_id)
        position += len(own)
    message[0] = (position + 1) // 2 * _NOTICES + notice


@kernel
def _pack_for_targets(
    rank: Exchanged,
    step: int,
    n_current_steps: int,
    notice: int,
    target_rank_indptr: np.ndarray,
    target_rank: np.ndarray,
    messages: np.ndarray,
    ids: np.ndarray,
    position: np.ndarray,
) -> None:
    """Write one message to each rank; the first word of each is the length of the longest."""
    n_steps = step - rank.published[0]
    for r in range(len(messages)):
        messages[r, :] = 0
        position[r] = _pack_currents(rank, n_steps, n_current_steps, messages[r])
    for s in range(n_steps):
        for i in spikes_of(rank.own_spikes, rank.published[0] + s):
            for n in range(target_rank_indptr[i], target_rank_indptr[i + 1]):
                r = target_rank[n]
                messages[r, 1 + s] += 1
                if position[r] < ids.shape[1]:
                    ids[r, position[r]] = i + rank.first_id
                position[r] += 1
    longest = 0
    for r in range(len(messages)):
        longest = max(longest, position[r])
    for r in range(len(messages)):
        messages[r, 0] = (longest + 1) // 2 * _NOTICES + notice


@kernel
def _pack_currents(rank: Exchanged, n_steps: int, n_current_steps: int, message: np.ndarray) -> int:
    """Write the readouts' input; return the position of the first id, which is int32."""
    n_readouts: int = rank.current.shape[1]
    for s in range(n_current_steps):
        for k in range(n_readouts):
            message[1 + n_steps + s * n_readouts + k] = rank.current[s, k]
    return 2 * (1 + n_steps + n_current_steps * n_readouts)


@kernel
def _unpack(rank: Exchanged, step: int, n_current_steps: int, messages: np.ndarray, ids: np.ndarray) -> tuple[int, int]:
    """Take over the messages of all ranks, in the order of ranks and thus of ids, if all of them fit.

    Returns the length of the longest message, in words, and the largest notice.
    """
    longest: int = 0
    notice: int = GO_ON
    for r in range(len(messages)):
        longest = max(longest, messages[r, 0] // _NOTICES)
        notice = max(notice, messages[r, 0] % _NOTICES)
    if longest > messages.shape[1]:
        return longest, notice
    n_steps = step - rank.published[0]
    n_readouts = rank.current.shape[1]
    for s in range(n_steps):
        clear(rank.spikes, rank.published[0] + s)
    rank.current[:] = 0
    for r in range(len(messages)):
        for s in range(n_current_steps):
            for k in range(n_readouts):
                rank.current[s, k] += messages[r, 1 + n_steps + s * n_readouts + k]
        position = 2 * (1 + n_steps + n_current_steps * n_readouts)
        for s in range(n_steps):
            count = messages[r, 1 + s]
            receive(rank.spikes, rank.published[0] + s, ids[r], position, count)
            position += count
    rank.published[0] = step
    return longest, notice


@kernel
def _publish(rank: Exchanged, ids: np.ndarray, step: int) -> None:
    """Take over the spikes of all neurons in one step."""
    clear(rank.spikes, step)
    receive(rank.spikes, step, ids, 0, len(ids))
    rank.published[0] = step + 1


FIRST_WORDS = 64
"""Size of the first buffers."""


@dataclass
class Traffic:
    """Number and size of the messages that one rank has sent."""

    exchanges: int = 0
    """Calls of MPI; each sends a message to every rank."""
    bytes_to_each_rank: int = 0
    """Summed over exchanges."""

    def add(self, words: int) -> None:
        """Count a message of ``words`` words to each rank."""
        self.exchanges += 1
        self.bytes_to_each_rank += 8 * words


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
        """Traffic of this rank, by destinations; for a dry run what it would have sent, for both destinations."""


class ExchangeWithAll:
    """Every rank sends its spikes to all ranks (MPI_Allgather)."""

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self.collocate_time = 0.0
        self.traffic: dict[Destinations, Traffic] = {"all": Traffic()}
        self._reserve(FIRST_WORDS)

    def _reserve(self, words: int) -> None:
        self.message = np.zeros(words, np.int64)
        self.messages = np.zeros((self.communicator.size, words), np.int64)
        self.message_ids, self.messages_ids = self.message.view(np.int32), self.messages.view(np.int32)

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        room = _words_before_ids(rank, step, n_current_steps)
        if len(self.message) < room:
            self._reserve(2 * room)
        while True:
            before = time.perf_counter()
            _pack_for_all(rank, step, n_current_steps, notice, self.message, self.message_ids)
            self.collocate_time += time.perf_counter() - before
            self.communicator.Allgather(self.message, self.messages)
            self.traffic["all"].add(len(self.message))
            longest, of_any_rank = _unpack(rank, step, n_current_steps, self.messages, self.messages_ids)
            if longest <= len(self.message):
                return int(of_any_rank)
            self._reserve(2 * longest)

    def for_a_copy(self) -> Self:
        other = copy.copy(self)
        other.traffic = {"all": Traffic()}
        return other


class ExchangeWithTargets:
    """Every rank sends a spike to the ranks that have targets for it (MPI_Alltoall).

    Parameters
    ----------
    communicator
        An mpi4py communicator.
    recurrent
        The neurons of this rank.
    has_targets
        Whether a neuron of the whole network has targets on this rank, bool (n_recurrent,).
    """

    def __init__(self, communicator: Any, recurrent: Range, has_targets: np.ndarray) -> None:
        self.communicator = communicator
        self.collocate_time = 0.0
        self.target_rank_indptr, self.target_rank = self._find_target_ranks(recurrent, has_targets)
        self.position = np.zeros(communicator.size, np.int64)
        self.traffic: dict[Destinations, Traffic] = {"targets": Traffic()}
        self._reserve(FIRST_WORDS)

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

    def _reserve(self, words: int) -> None:
        self.sent, self.received = (np.zeros((self.communicator.size, words), np.int64) for _ in range(2))
        self.sent_ids, self.received_ids = self.sent.view(np.int32), self.received.view(np.int32)

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        room = _words_before_ids(rank, step, n_current_steps)
        if self.sent.shape[1] < room:
            self._reserve(2 * room)
        target_ranks = self.target_rank_indptr, self.target_rank
        while True:
            buffers = self.sent, self.sent_ids, self.position
            before = time.perf_counter()
            _pack_for_targets(rank, step, n_current_steps, notice, *target_ranks, *buffers)
            self.collocate_time += time.perf_counter() - before
            self.communicator.Alltoall(self.sent, self.received)
            self.traffic["targets"].add(self.sent.shape[1])
            longest, of_any_rank = _unpack(rank, step, n_current_steps, self.received, self.received_ids)
            if longest <= self.sent.shape[1]:
                return int(of_any_rank)
            self._reserve(2 * longest)

    def for_a_copy(self) -> Self:
        other = copy.copy(self)
        other.traffic = {"targets": Traffic()}
        return other


class EmulatedExchange:
    """Exchange of an emulated rank: the spikes of neurons that ignore their input are known on any rank.

    The readouts' input lacks the parts of the other ranks. It is computed and used as always, so the load is the same.

    Parameters
    ----------
    phase
        Steps of the period in which the neurons of the whole network fire, int32 (n_recurrent,).
    period
        Steps between two spikes of a neuron.
    n_ranks
        Number of ranks that share the network.
    mean_out_degree
        Expected number of recurrent synapses of a neuron on all ranks.
    received
        Whether the spikes of a neuron are sent to this rank, bool (n_recurrent,).
    """

    def __init__(
        self, phase: np.ndarray, period: int, n_ranks: int, mean_out_degree: float, received: np.ndarray
    ) -> None:
        # Its import takes half as long as all others. If it came later, it would count as memory of the network.
        from scipy import stats

        order = np.argsort(phase, kind="stable").astype(np.int32)
        self.firing = [
            neurons[received[neurons]]
            for neurons in np.split(order, np.searchsorted(phase[order], np.arange(1, period)))
        ]
        """The neurons, ascending, whose spikes at each step of the period arrive here."""
        bounds = [Range.of_rank(len(phase), r, n_ranks).first for r in range(1, n_ranks)]
        rank = np.searchsorted(bounds, np.arange(len(phase)), side="right")
        self.emitted = np.bincount(phase.astype(np.int64) * n_ranks + rank, minlength=period * n_ranks)
        """int64 (period * n_ranks,), spikes of each rank at each step of the period."""
        self.emitted = self.emitted.reshape(period, n_ranks)
        self.collocate_time = 0.0
        self.share = share_of_ranks(n_ranks, mean_out_degree)
        self._quantile = stats.binom.ppf
        self.done: list[tuple[int, int, int]] = []
        """First and last step of the spikes, and words before the ids, of each exchange."""

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        first = int(rank.published[0])
        self.done.append((first, step, _words_before_ids(rank, step, n_current_steps)))
        for s in range(first, step):
            _publish(rank, self.firing[s % len(self.firing)], s)
        return notice

    def for_a_copy(self) -> Self:
        other = copy.copy(self)
        other.done = []
        return other

    @property
    def traffic(self) -> dict[Destinations, Traffic]:
        """Traffic that this rank would have sent, for both destinations."""
        period, n_ranks = self.emitted.shape
        to_all, to_targets = _EmulatedMessages(), _EmulatedMessages()
        for first, last, words_before_ids in self.done:
            most = int(self.emitted[np.arange(first, last) % period].sum(axis=0).max())
            to_all.send(words_before_ids, most)
            # The largest number of spikes between any two ranks; chance decides which ranks have targets.
            to_targets.send(words_before_ids, int(self._quantile(1 - 0.5 / n_ranks**2, most, self.share)))
        return {"all": to_all.traffic, "targets": to_targets.traffic}


@dataclass
class _EmulatedMessages:
    """Size of the buffers, which grow with the longest message."""

    words: int = FIRST_WORDS
    traffic: Traffic = field(default_factory=Traffic)

    def send(self, words_before_ids: int, n_ids: int) -> None:
        if self.words < words_before_ids:
            self.words = 2 * words_before_ids
        self.traffic.add(self.words)
        longest = words_before_ids + (n_ids + 1) // 2
        if self.words < longest:
            self.words = 2 * longest
            self.traffic.add(self.words)


def _words_before_ids(rank: Exchanged, step: int, n_current_steps: int) -> int:
    return 1 + step - int(rank.published[0]) + n_current_steps * int(rank.current.shape[1])
