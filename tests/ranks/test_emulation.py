"""Bytes and costs of an emulated rank, counted by hand."""

import numpy as np
import pytest

from eprop_core.model.local_sources import LocalSources
from eprop_core.model.spikes import Spikes
from eprop_core.ranks.emulation import EmulatedExchange
from eprop_core.ranks.exchange import Traffic
from eprop_core.ranks.exchange_cost import Cost
from eprop_core.ranks.messages import Exchanged, Incoming, Outgoing

PHASE = np.array([0, 1, 0, 0, 1, 1, 0, 2], np.int32)
"""Two neurons on each of four ranks, of which rank 1 is emulated. The ranks emit 1, 2, 0 and 1 spikes in step 0, and
1, 0, 2 and 0 in step 1."""
HAS_TARGETS = np.array([1, 1, 0, 0, 0, 0, 1, 1], np.bool_)
"""Of these spikes, 1 of rank 0 and 1 of rank 3 are wanted on rank 1, then 1 of rank 0."""


def after_three_exchanges(exchange: EmulatedExchange) -> EmulatedExchange:
    """Before the steps 0, 1 and 2, with two readouts."""
    current = np.zeros((1, 2), np.int64)
    spikes = Spikes.none(4, 8, LocalSources.of(np.arange(8), 8))
    rank = Exchanged(Outgoing(2, spikes, current), Incoming((spikes,), current), np.zeros(1, np.int64))
    assert [exchange(rank, step, 1, notice=1) for step in range(3)] == [1, 1, 1]
    return exchange


@pytest.mark.parametrize(
    ("summed", "to_all", "to_targets"),
    [
        # Words to each of three others: a first one, two readouts, and from the second exchange on numbers of spikes.
        # To all: three words; four, and two spikes with a second call; five with room for two spikes.
        # To targets: three words; four, and two spikes; four, and one spike.
        (
            False,
            Traffic(3, 72 + 96 + 8 + 120, Cost(8, 72 + 96 + 12 + 120)),
            Traffic(3, 72 + 96 + 8 + 96 + 4, Cost(15, 72 + 96 + 8 + 96 + 4)),
        ),
        # Two words fewer, but two sums of 8 B. Each sum takes two messages of 16 B, and one latency besides.
        (
            True,
            Traffic(3, 24 + 48 + 8 + 72 + 3 * 16, Cost(8 + 3, 24 + 48 + 12 + 72 + 3 * 32)),
            Traffic(3, 24 + 48 + 8 + 48 + 4 + 3 * 16, Cost(15 + 3, 24 + 48 + 8 + 48 + 4 + 3 * 32)),
        ),
    ],
)
def test_bytes_and_costs_are_those_of_the_calls(summed: bool, to_all: Traffic, to_targets: Traffic) -> None:
    exchange = EmulatedExchange("all", summed, PHASE, 3, 1, 4, HAS_TARGETS)
    assert after_three_exchanges(exchange).traffic == {"all": to_all, "targets": to_targets}


def test_a_copy_counts_anew_and_begins_without_room() -> None:
    exchange = after_three_exchanges(EmulatedExchange("all", False, PHASE, 3, 1, 4, HAS_TARGETS))
    copied = exchange.for_a_copy()
    assert copied.traffic["all"] == Traffic()
    assert after_three_exchanges(copied).traffic == exchange.traffic


def test_only_spikes_that_are_sent_here_arrive() -> None:
    to_all, to_targets = (
        EmulatedExchange(destinations, False, PHASE, 3, 1, 4, HAS_TARGETS) for destinations in ("all", "targets")
    )
    assert [step.tolist() for step in to_all.firing] == [[0, 2, 3, 6], [1, 4, 5], [7]]
    assert [step.tolist() for step in to_targets.firing] == [[0, 6], [1], [7]]
