"""What travels between ranks: once per communication interval, spikes and the readouts' partial input in one message.

A message holds, as int64, the number of spikes in each step since the last exchange, then the sender's part of the
readouts' input for each step of the coming interval, then the spikes' global ids, two to a word. All ranks reserve the
same room; when a message does not fit, every rank sees so from the counts, and all exchange again with more room.
"""

from typing import Any

import numpy as np

from eprop_core.compilation import kernel
from eprop_core.loop import Rank
from eprop_core.spikes import copy_ids


@kernel
def _pack(rank: Rank, step: int, n_current_steps: int, message: np.ndarray, message_ids: np.ndarray) -> None:
    """Write the message: all counts, and as many ids as there is room for."""
    n_steps = step - rank.published[0]
    n_readouts = rank.readouts.current.shape[1]
    for s in range(n_current_steps):
        for k in range(n_readouts):
            message[n_steps + s * n_readouts + k] = rank.readouts.current[s, k]
    position = 2 * (n_steps + n_current_steps * n_readouts)
    for s in range(n_steps):
        slot = (rank.published[0] + s) % len(rank.own_spikes.length)
        count = rank.own_spikes.length[slot]
        message[s] = count
        room = max(0, len(message_ids) - position)
        copy_ids(message_ids, position, rank.own_spikes.ids[slot], 0, min(count, room), rank.first_id)
        position += count


@kernel
def _words_needed(n_steps: int, n_currents: int, messages: np.ndarray) -> int:
    """Length of the longest message."""
    longest = 0
    for r in range(len(messages)):
        longest = max(longest, messages[r, :n_steps].sum())
    return n_steps + n_currents + (longest + 1) // 2


@kernel
def _unpack(rank: Rank, step: int, n_current_steps: int, messages: np.ndarray, messages_ids: np.ndarray) -> None:
    """Enter the messages of all ranks, in the order of ranks and so of ids."""
    n_steps = step - rank.published[0]
    n_readouts = rank.readouts.current.shape[1]
    for s in range(n_steps):
        rank.spikes.length[(rank.published[0] + s) % len(rank.spikes.length)] = 0
    rank.readouts.current[:] = 0
    for r in range(len(messages)):
        for s in range(n_current_steps):
            for k in range(n_readouts):
                rank.readouts.current[s, k] += messages[r, n_steps + s * n_readouts + k]
        position = 2 * (n_steps + n_current_steps * n_readouts)
        for s in range(n_steps):
            slot = (rank.published[0] + s) % len(rank.spikes.length)
            count, before = messages[r, s], rank.spikes.length[slot]
            copy_ids(rank.spikes.ids[slot], before, messages_ids[r], position, count, 0)
            rank.spikes.length[slot] = before + count
            position += count
    rank.published[0] = step


class Exchange:
    """Exchange among the ranks of an mpi4py communicator."""

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self._reserve(64)

    def _reserve(self, words: int) -> None:
        self.message = np.zeros(words, np.int64)
        self.messages = np.zeros((self.communicator.size, words), np.int64)
        self.message_ids, self.messages_ids = self.message.view(np.int32), self.messages.view(np.int32)

    def __call__(self, rank: Rank, step: int, n_current_steps: int) -> None:
        """Publish all ranks' spikes before ``step`` and sum their readout input for the next ``n_current_steps``."""
        n_steps = step - int(rank.published[0])
        n_currents = n_current_steps * rank.readouts.current.shape[1]
        if len(self.message) < n_steps + n_currents:
            self._reserve(2 * (n_steps + n_currents))
        while True:
            _pack(rank, step, n_current_steps, self.message, self.message_ids)
            self.communicator.Allgather(self.message, self.messages)
            needed = _words_needed(n_steps, n_currents, self.messages)
            if needed <= len(self.message):
                break
            self._reserve(2 * needed)
        _unpack(rank, step, n_current_steps, self.messages, self.messages_ids)
