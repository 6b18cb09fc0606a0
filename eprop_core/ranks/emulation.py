"""The exchange of an emulated rank, whose neighbours' spikes are known without them."""

import copy
from typing import Self

import numpy as np

from eprop_core.model.spikes import replace_received
from eprop_core.network.connections import Range
from eprop_core.ranks.exchange import Traffic
from eprop_core.ranks.exchange_cost import (
    ID_BYTES,
    WORD_BYTES,
    Cost,
    Destinations,
    gathering,
    sending_as_needed,
    sending_to_each,
    summing,
)
from eprop_core.ranks.messages import Exchanged, message_words
from eprop_core.ranks.room import Room


class EmulatedExchange:
    """Exchange of an emulated rank: the spikes of neurons that ignore their input are known on any rank.

    The readouts' input lacks the parts of the other ranks. It is computed and used as always, so the load is the same.

    Parameters
    ----------
    destinations
        The ranks that a spike is sent to.
    summed
        Whether the readouts' input is summed by a call of its own.
    phase
        Steps of the period in which the neurons of the whole network fire, int32 (n_recurrent,).
    period
        Steps between two spikes of a neuron.
    rank, n_ranks
        This rank, and the number of ranks that share the network.
    has_targets
        Whether a neuron of the whole network has targets on this rank, bool (n_recurrent,).
    """

    def __init__(
        self,
        destinations: Destinations,
        summed: bool,
        phase: np.ndarray,
        period: int,
        rank: int,
        n_ranks: int,
        has_targets: np.ndarray,
    ) -> None:
        order = np.argsort(phase, kind="stable").astype(np.int32)
        received = has_targets | (destinations == "all")
        self.firing = [
            neurons[received[neurons]]
            for neurons in np.split(order, np.searchsorted(phase[order], np.arange(1, period)))
        ]
        """The neurons, ascending, whose spikes at each step of the period arrive here."""
        bounds = [Range.of_rank(len(phase), r, n_ranks).first for r in range(1, n_ranks)]
        place = phase.astype(np.int64) * n_ranks + np.searchsorted(bounds, np.arange(len(phase)), side="right")
        self.emitted, self.wanted = (
            np.bincount(place[chosen], minlength=period * n_ranks).reshape(period, n_ranks)
            for chosen in (slice(None), has_targets)
        )
        """int64 (period, n_ranks), spikes of each rank at each step of the period, and those with targets here."""
        self.rank, self.n_ranks, self.summed = rank, n_ranks, summed
        self.collocate_time = 0.0
        self.done: list[tuple[int, int, int]] = []
        """First and last step of the spikes, and numbers of the readouts' input, of each exchange."""

    def __call__(self, rank: Exchanged, step: int, n_current_steps: int, notice: int) -> int:
        first = int(rank.published[0])
        self.done.append((first, step, n_current_steps * rank.incoming.current.shape[1]))
        for s in range(first, step):
            ids = self.firing[s % len(self.firing)]
            replace_received(rank.incoming.spikes, s, ids, 0, len(ids))
        rank.published[0] = step
        return notice

    def for_a_copy(self) -> Self:
        other = copy.copy(self)
        other.done = []
        return other

    @property
    def traffic(self) -> dict[Destinations, Traffic]:
        """Traffic that this rank would have had, for both destinations."""
        to_all, to_targets, room = Traffic(), Traffic(), Room(self.n_ranks)
        for first, last, n_currents in self.done:
            steps = np.arange(first, last) % len(self.emitted)
            emitted, wanted = self.emitted[steps].sum(axis=0), self.wanted[steps].sum(axis=0)
            gathered, summed = (0, n_currents) if self.summed else (n_currents, 0)

            message = WORD_BYTES * message_words(gathered, last - first, room.n_ids)
            rest = np.maximum(emitted - room.n_ids, 0)
            self._count(to_all, message, rest, gathering(self.n_ranks, self.n_ranks * message), summed)
            if rest.any():
                to_all.cost = to_all.cost.then(gathering(self.n_ranks, ID_BYTES * int(rest.sum())))
            room.adapt(int(emitted.max()), int(emitted.sum()))

            head = WORD_BYTES * message_words(gathered, last - first, 0)
            self._count(to_targets, head, wanted, sending_to_each(self.n_ranks, head), summed)
            if emitted.any():
                to_targets.cost = to_targets.cost.then(sending_as_needed(self.n_ranks, self._of_others(wanted)))
        return {"all": to_all, "targets": to_targets}

    def _count(self, traffic: Traffic, message: int, rest: np.ndarray, cost: Cost, n_summed: int) -> None:
        """Count an exchange.

        Parameters
        ----------
        traffic
            To which it is added.
        message
            Bytes of each message of the first call.
        rest
            Ids that each rank sends here with the second call, int64 (n_ranks,).
        cost
            Cost of the first call.
        n_summed
            Numbers of the readouts' input that are summed meanwhile.
        """
        summed = WORD_BYTES * n_summed
        traffic.add((self.n_ranks - 1) * message + self._of_others(rest) + summed)
        traffic.cost = traffic.cost.then(cost.beside(summing(self.n_ranks, summed)) if self.summed else cost)

    def _of_others(self, n_ids: np.ndarray) -> int:
        """Return the bytes of the ids of all other ranks."""
        return ID_BYTES * int(n_ids.sum() - n_ids[self.rank])
