"""Cost of an exchange between ranks; it decides where spikes are sent, and gives the times of dry runs.

The costs are those of the algorithms in MPI libraries (Thakur, Rabenseifner and Gropp, 2005,
doi:10.1177/1094342005051521): a message of m bytes takes latency + m / bandwidth, a rank sends one message at a time,
and all ranks send at once.
"""

import math
from typing import Literal, NamedTuple

from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.features import communication_interval
from eprop_core.network.projections import Role, projection_with
from eprop_core.parameters import Network

Destinations = Literal["all", "targets"]
"""The ranks that a spike is sent to."""

ASSUMED_RATE = 10.0
"""spikes/s, assumed where the parameters do not determine the rate."""
BYTES_PER_LATENCY = 10_000
"""A message of this size takes twice as long as an empty one; the order is right in shared memory and across nodes."""

CLEARLY_CHEAPER = 0.8
"""Ratio of costs below which messages to targets are worth the time to sort spikes by target rank."""


class Cost(NamedTuple):
    """Cost of an exchange: ``messages`` * latency + ``bytes`` / bandwidth."""

    messages: float
    """Number of messages one after another, on the rank that sends most."""
    bytes: float


def costs(destinations: Destinations, n_ranks: int, message_bytes: float) -> list[Cost]:
    """Return the costs of the algorithms that MPI chooses from.

    Parameters
    ----------
    destinations
        Ranks that a spike is sent to.
    n_ranks
        Number of ranks.
    message_bytes
        Bytes that each rank sends to each other rank.
    """
    doublings = math.log2(n_ranks)
    if destinations == "all":  # the same message to all: recursive doubling
        return [Cost(doublings, (n_ranks - 1) * message_bytes)]
    joined = Cost(doublings, doublings * n_ranks / 2 * message_bytes)  # Bruck's algorithm, for short messages
    pairwise = Cost(n_ranks - 1, (n_ranks - 1) * message_bytes)
    return [joined, pairwise]


def share_of_ranks(n_ranks: int, mean_out_degree: float) -> float:
    """Return the share 1 - (1 - 1/M)^K of M ranks that need a spike of a neuron with K randomly placed targets."""
    return float(1.0 - (1.0 - 1.0 / n_ranks) ** mean_out_degree)


def cheaper_destinations(network: Network, n_ranks: int) -> Destinations:
    """Return the destinations that should take less time on a usual interconnect; the same on all ranks."""
    interval = communication_interval(network)
    ignoring = network.neuron.ignore_and_fire
    rate = ASSUMED_RATE if ignoring is None else ignoring.rate
    spikes = network.n_recurrent / n_ranks * rate * 1e-3 * network.dt * interval
    recurrent = projection_with(network, Role.RECURRENT)
    wanted = share_of_ranks(n_ranks, mean_in_degree(recurrent.connectivity, recurrent.source.size))

    def cost(destinations: Destinations, n_ids: float) -> float:
        message = 8 * (1 + interval * (1 + network.n_readout)) + 4 * n_ids
        return min(c.messages * BYTES_PER_LATENCY + c.bytes for c in costs(destinations, n_ranks, message))

    cheaper = cost("targets", wanted * spikes) < CLEARLY_CHEAPER * cost("all", spikes)
    return "targets" if cheaper else "all"
