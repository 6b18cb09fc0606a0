"""Messages between ranks: the spikes since the last exchange, and the readouts' input of the coming interval.

A message consists of a head and of ids. The head has words, int64: the number of ids together with a notice, and the
sender's part of the readouts' input in each step, unless this is summed by a call of its own. Then come numbers, int32:
of spikes in each step since the last exchange, and the global ids of the spikes. A message has room for some of the ids
(:mod:`eprop_core.ranks.room`); the rest follows. A notice reaches all ranks in the same exchange, so that they end a
run in the same step.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.model.rank import RankState
from eprop_core.model.spikes import Spikes, clear, copy_ids, receive, spikes_of

GO_ON, INTERRUPTED, RANK_FAILED = range(3)
"""Notices of a rank to all others; the largest one counts."""
NOTICES = 4
"""The first word of a message is the number of ids times this number, plus the notice."""


class Outgoing(NamedTuple):
    """Data to be sent. A call passes each array, so a kernel receives these few arrays, not the state of the rank."""

    first_id: int
    """Of the neurons of this rank."""
    spikes: Spikes
    """Of the neurons of this rank."""
    current: np.ndarray
    """int64 (interval, n_readouts), this rank's part of the readouts' input."""


class Incoming(NamedTuple):
    """Arrays for the data that are received."""

    spikes: tuple[Spikes, ...]
    """By recurrent projection, of the neurons of all ranks that have targets on this rank."""
    current: np.ndarray
    """int64 (interval, n_readouts), the readouts' input: the same array, to which the parts of all ranks are added."""


class Exchanged(NamedTuple):
    """The parts of a rank's state that an exchange reads and writes."""

    outgoing: Outgoing
    incoming: Incoming
    published: np.ndarray
    """int64 (1,), the first step whose spikes have not been exchanged."""

    @classmethod
    def of(cls, rank: RankState) -> "Exchanged":
        """Return these parts of the state of a rank; arrays are not copied."""
        current = rank.readouts.current
        return cls(Outgoing(rank.first_id, rank.own_spikes, current), Incoming(rank.spikes, current), rank.published)


def message_words(n_currents: int, n_steps: int, n_ids: int) -> int:
    """Return the words of a message with the readouts' input, ``n_currents`` numbers, and with room for ids."""
    return 1 + n_currents + (n_steps + n_ids + 1) // 2


@kernel
def _pack_currents(current: np.ndarray, n_current_steps: int, message: np.ndarray) -> int:
    """Write the readouts' input; return the position of the first number after it, which is int32."""
    n_readouts: int = current.shape[1]
    for s in range(n_current_steps):
        for k in range(n_readouts):
            message[1 + s * n_readouts + k] = current[s, k]
    return 2 * (1 + n_current_steps * n_readouts)


@kernel
def pack_for_all(
    outgoing: Outgoing,
    first_step: int,
    last_step: int,
    n_current_steps: int,
    notice: int,
    message: np.ndarray,
    numbers: np.ndarray,
) -> None:
    """Write the message to all ranks, with all ids.

    Parameters
    ----------
    outgoing
        Spikes and readouts' input of this rank.
    first_step, last_step
        The message has the spikes of the steps ``first_step`` .. ``last_step - 1``.
    n_current_steps
        Steps of the readouts' input in the message; 0 where this is summed.
    notice
        Notice to all ranks.
    message, numbers
        The message, int64 (words,), and the same memory as int32.
    """
    n_steps = last_step - first_step
    counts = _pack_currents(outgoing.current, n_current_steps, message)
    ids = counts + n_steps
    n_ids = 0
    for s in range(n_steps):
        own = spikes_of(outgoing.spikes, first_step + s)
        numbers[counts + s] = len(own)
        copy_ids(numbers, ids + n_ids, own, 0, len(own), outgoing.first_id)
        n_ids += len(own)
    message[0] = n_ids * NOTICES + notice


@kernel
def pack_for_targets(
    outgoing: Outgoing,
    first_step: int,
    last_step: int,
    n_current_steps: int,
    notice: int,
    target_rank_indptr: np.ndarray,
    target_rank: np.ndarray,
    heads: np.ndarray,
    numbers: np.ndarray,
    n_ids: np.ndarray,
    ends: np.ndarray,
    ids: np.ndarray,
) -> int:
    """Write the heads of the messages to each rank and, if they all fit into ``ids``, the ids; return their number.

    Parameters
    ----------
    outgoing, first_step, last_step, n_current_steps, notice
        See :func:`pack_for_all`.
    target_rank_indptr, target_rank
        The ranks that have targets for each own neuron.
    heads, numbers
        Heads to each rank, int64 (n_ranks, words), and the same memory as int32. Their first word has the number of ids
        to all ranks together.
    n_ids, ends
        int64 (n_ranks,), number of ids to each rank, and where these end in ``ids``.
    ids
        int32, ids to the first rank, then those to the second, and so on.
    """
    n_steps = last_step - first_step
    counts = 0
    for r in range(len(heads)):
        counts = _pack_currents(outgoing.current, n_current_steps, heads[r])
        n_ids[r] = 0
        for s in range(n_steps):
            numbers[r, counts + s] = 0
    for s in range(n_steps):
        for i in spikes_of(outgoing.spikes, first_step + s):
            for n in range(target_rank_indptr[i], target_rank_indptr[i + 1]):
                numbers[target_rank[n], counts + s] += 1
                n_ids[target_rank[n]] += 1
    total: int = 0
    for r in range(len(heads)):
        ends[r] = total
        total += n_ids[r]
    for r in range(len(heads)):
        heads[r, 0] = total * NOTICES + notice
    if total > len(ids):
        return total
    for s in range(n_steps):
        for i in spikes_of(outgoing.spikes, first_step + s):
            for n in range(target_rank_indptr[i], target_rank_indptr[i + 1]):
                r = target_rank[n]
                ids[ends[r]] = i + outgoing.first_id
                ends[r] += 1
    return total


@kernel
def read_heads(messages: np.ndarray) -> tuple[int, int, int]:
    """Return the largest notice, the largest number of ids and their sum over the messages, (n_ranks, words)."""
    notice: int = GO_ON
    longest: int = 0
    total: int = 0
    for r in range(len(messages)):
        n_ids = messages[r, 0] // NOTICES
        notice = max(notice, messages[r, 0] % NOTICES)
        longest = max(longest, n_ids)
        total += n_ids
    return notice, longest, total


@kernel
def unpack(
    incoming: Incoming,
    first_step: int,
    last_step: int,
    n_current_steps: int,
    messages: np.ndarray,
    numbers: np.ndarray,
    room: int,
    rest: np.ndarray,
    rest_first: np.ndarray,
) -> None:
    """Take over the messages of all ranks, in the order of ranks and thus of ids.

    Parameters
    ----------
    incoming
        Receives the spikes, and the sum of the readouts' input.
    first_step, last_step, n_current_steps
        See :func:`pack_for_all`.
    messages, numbers
        Messages of the ranks, int64 (n_ranks, words), and the same memory as int32.
    room
        Number of ids for which each message has room.
    rest
        int32, the ids of all ranks for which there was no room.
    rest_first
        int64 (n_ranks,), where those of each rank begin.
    """
    n_steps = last_step - first_step
    n_readouts = incoming.current.shape[1]
    for spikes in incoming.spikes:
        for s in range(n_steps):
            clear(spikes, first_step + s)
    for s in range(n_current_steps):
        for k in range(n_readouts):
            incoming.current[s, k] = 0
    counts = 2 * (1 + n_current_steps * n_readouts)
    for r in range(len(messages)):
        for s in range(n_current_steps):
            for k in range(n_readouts):
                incoming.current[s, k] += messages[r, 1 + s * n_readouts + k]
        position = 0
        for s in range(n_steps):
            count = numbers[r, counts + s]
            here = max(0, min(count, room - position))
            position += here
            for spikes in incoming.spikes:
                receive(spikes, first_step + s, numbers[r], counts + n_steps + position - here, here)
                receive(spikes, first_step + s, rest, rest_first[r] + position - room, count - here)
            position += count - here
