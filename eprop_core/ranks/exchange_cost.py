"""Cost of an exchange between ranks; it decides how an exchange is made, and gives the times of dry runs.

A message of m bytes takes latency + m / bandwidth, a rank sends one message at a time, and all ranks send at once. A
call of MPI costs what the algorithm costs that a library runs for so many ranks and bytes (Thakur, Rabenseifner and
Gropp, 2005, doi:10.1177/1094342005051521; the limits of size are MPICH's).
"""

import math
from typing import Literal, NamedTuple

from eprop_core.network.features import communication_interval
from eprop_core.network.projections import Role, projections_with
from eprop_core.parameters import Network

Destinations = Literal["all", "targets"]
"""The ranks that a spike is sent to."""

WORD_BYTES, ID_BYTES = 8, 4
"""Of a word of a message, int64, and of a neuron's id, int32."""

ASSUMED_RATE = 10.0
"""spikes/s, assumed where the parameters do not determine the rate."""
BYTES_PER_LATENCY = 10_000
"""A message of this size takes twice as long as an empty one; the order is right in shared memory and across nodes."""

CLEARLY_CHEAPER = 0.8
"""Ratio of costs below which messages to targets are worth the time to sort spikes by target rank."""

SHORT_GATHERED, LONG_GATHERED = 81_920, 524_288
"""Bytes of all messages together from which on ``MPI_Allgather`` sends them round a ring; the larger limit is that of
a power of two of ranks."""
SHORT_TO_EACH, FEW_RANKS = 256, 8
"""Bytes up to which ``MPI_Alltoall`` joins messages, and ranks from which on it does."""
SHORT_SUMMED = 2048
"""Bytes up to which ``MPI_Allreduce`` sends all numbers in each message."""


class Cost(NamedTuple):
    """Cost of an exchange: ``messages`` * latency + ``bytes`` / bandwidth."""

    messages: float
    """Number of messages one after another, on the rank that sends most."""
    bytes: float

    def then(self, other: "Cost") -> "Cost":
        """Return the cost of one call after another."""
        return Cost(self.messages + other.messages, self.bytes + other.bytes)

    def beside(self, other: "Cost") -> "Cost":
        """Return the cost of two calls whose messages travel at the same time; to make another call takes a latency."""
        return Cost(1 + max(self.messages, other.messages), self.bytes + other.bytes)


NO_COST = Cost(0, 0)


def gathering(n_ranks: int, n_bytes: float) -> Cost:
    """Return the cost of ``MPI_Allgather`` or ``MPI_Allgatherv`` of ``n_bytes``, the messages of all ranks together."""
    limit = LONG_GATHERED if _is_power_of_two(n_ranks) else SHORT_GATHERED
    # Recursive doubling or, between powers of two, Bruck's algorithm; a ring for many bytes.
    messages = math.ceil(math.log2(n_ranks)) if n_bytes < limit else n_ranks - 1
    return Cost(messages, (n_ranks - 1) / n_ranks * n_bytes)


def sending_to_each(n_ranks: int, message_bytes: float) -> Cost:
    """Return the cost of ``MPI_Alltoall``, if a rank sends ``message_bytes`` to each rank."""
    if message_bytes <= SHORT_TO_EACH and n_ranks >= FEW_RANKS:  # Bruck's algorithm
        doublings = math.ceil(math.log2(n_ranks))
        return Cost(doublings, doublings * n_ranks / 2 * message_bytes)
    return sending_as_needed(n_ranks, (n_ranks - 1) * message_bytes)


def sending_as_needed(n_ranks: int, n_bytes: float) -> Cost:
    """Return the cost of ``MPI_Alltoallv``, if a rank receives ``n_bytes`` from all others together."""
    return Cost(n_ranks - 1, n_bytes)


def summing(n_ranks: int, n_bytes: float) -> Cost:
    """Return the cost of ``MPI_Allreduce`` of ``n_bytes``, numbers of one word, on each rank."""
    doublings = n_ranks.bit_length() - 1
    folds = 0 if _is_power_of_two(n_ranks) else 2  # ranks beyond a power of two hand over their numbers at first
    if n_bytes <= SHORT_SUMMED or n_bytes < WORD_BYTES * 2**doublings:
        return Cost(folds + doublings, (folds + doublings) * n_bytes)  # recursive doubling
    return Cost(folds + 2 * doublings, (folds + 2 - 2 / 2**doublings) * n_bytes)  # each rank sums a part (Rabenseifner)


def sums_readouts(n_ranks: int, n_bytes: int) -> bool:
    """Return whether ranks sum the readouts' partial input, rather than gather it with the spikes and add it up.

    A sum is a call of its own, beside that for the spikes. It takes a latency, so that it must save as many bytes.

    Parameters
    ----------
    n_ranks
        Number of ranks.
    n_bytes
        Bytes of the readouts' input in one communication interval.
    """
    return (n_ranks - 1) * n_bytes > summing(n_ranks, n_bytes).bytes + BYTES_PER_LATENCY


def share_of_ranks(n_ranks: int, mean_out_degree: float) -> float:
    """Return the share 1 - (1 - 1/M)^K of M ranks that need a spike of a neuron with K randomly placed targets."""
    return float(1.0 - (1.0 - 1.0 / n_ranks) ** mean_out_degree)


def cheaper_destinations(network: Network, n_ranks: int) -> Destinations:
    """Return the destinations that should take less time on a usual interconnect; the same on all ranks."""
    interval = communication_interval(network)
    ignoring = network.neuron.ignore_and_fire
    rate = ASSUMED_RATE if ignoring is None else ignoring.rate
    ids = ID_BYTES * network.n_recurrent / n_ranks * rate * 1e-3 * network.dt * interval
    n_synapses = sum(recurrent.synapses_per_rank() for recurrent in projections_with(network, Role.RECURRENT))
    wanted = share_of_ranks(n_ranks, n_synapses / network.n_recurrent)
    currents = WORD_BYTES * interval * network.n_readout
    head = WORD_BYTES + ID_BYTES * interval + (0 if sums_readouts(n_ranks, currents) else currents)
    to_all = gathering(n_ranks, n_ranks * (head + ids))
    to_targets = sending_to_each(n_ranks, head).then(sending_as_needed(n_ranks, (n_ranks - 1) * wanted * ids))
    return "targets" if _in_bytes(to_targets) < CLEARLY_CHEAPER * _in_bytes(to_all) else "all"


def _in_bytes(cost: Cost) -> float:
    return cost.messages * BYTES_PER_LATENCY + cost.bytes


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0
