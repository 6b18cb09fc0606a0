"""Costs of sending spikes to all ranks or to those with targets, and the choice of the cheaper way."""

import pytest

from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.ranks.exchange_cost import (
    BYTES_PER_LATENCY,
    Cost,
    cheaper_destinations,
    gathering,
    sending_as_needed,
    sending_to_each,
    share_of_ranks,
    summing,
    sums_readouts,
)


def network(n_recurrent: int, in_degree: int, delay: int = 10) -> Network:
    connectivity = {"rule": "fixed_in_degree", "in_degree": in_degree}
    values = {"n_input": 1, "n_recurrent": n_recurrent, "n_readout": 1}
    values |= {"recurrent": {"connectivity": connectivity, "delay": delay}, "output": {"delay": delay}}
    return parse(Network, values)


def test_the_share_of_ranks_with_targets_follows_from_the_out_degree() -> None:
    assert share_of_ranks(1, 5) == 1.0
    assert share_of_ranks(2, 1) == 0.5
    assert share_of_ranks(4, 2) == pytest.approx(1 - (3 / 4) ** 2, rel=1e-15)


def test_two_ranks_send_one_message_by_each_call() -> None:
    assert gathering(2, 200) == sending_to_each(2, 100) == summing(2, 100) == Cost(1, 100)


@pytest.mark.parametrize(
    ("n_ranks", "kilobytes", "messages"),
    [
        (2048, 511, 11),  # recursive doubling
        (2048, 512, 2047),  # round a ring
        (1500, 79, 11),  # Bruck's algorithm
        (1500, 80, 1499),
    ],
)
def test_many_bytes_are_gathered_round_a_ring(n_ranks: int, kilobytes: int, messages: int) -> None:
    cost = gathering(n_ranks, 1024 * kilobytes)
    assert cost.messages == messages
    assert cost.bytes == pytest.approx(1024 * kilobytes * (n_ranks - 1) / n_ranks, rel=1e-15)


def test_short_messages_to_each_rank_are_joined() -> None:
    assert sending_to_each(64, 256) == (6, 6 * 32 * 256)
    assert sending_to_each(64, 257) == sending_as_needed(64, 63 * 257) == (63, 63 * 257)
    assert sending_to_each(7, 8) == (6, 6 * 8)


def test_a_sum_of_many_numbers_is_shared() -> None:
    assert summing(64, 2048) == (6, 6 * 2048)
    assert summing(64, 6400) == (12, 2 * 6400 * 63 / 64)
    assert summing(1024, 4096) == (10, 10 * 4096)  # fewer numbers than ranks
    assert summing(3, 80) == (3, 3 * 80)  # the third rank hands over its numbers, and gets the sum


def test_calls_follow_one_another_or_go_together() -> None:
    assert Cost(3, 100).then(Cost(4, 10)) == (7, 110)
    assert Cost(3, 100).beside(Cost(4, 10)) == (5, 110)


def test_readouts_are_summed_where_this_saves_more_bytes_than_a_latency_takes() -> None:
    """The published weak scaling has 10 readouts and an interval of one step."""
    assert BYTES_PER_LATENCY == 10_000
    assert sums_readouts(2048, 80)
    assert sums_readouts(136, 80) and not sums_readouts(135, 80)  # 134 * 80 = 9 * 80 + 10 000
    assert sums_readouts(16, 800 * 8) and not sums_readouts(16, 80)


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_few_ranks_never_sum_readouts(n_ranks: int) -> None:
    """A sum moves no fewer bytes there."""
    assert not any(sums_readouts(n_ranks, 8 * 10**power) for power in range(8))


def test_sparse_networks_on_many_ranks_send_to_targets() -> None:
    assert cheaper_destinations(network(100_000, 10_000), 2) == "all"
    assert cheaper_destinations(network(100_000, 100), 2) == "all"
    assert cheaper_destinations(network(25_600_000, 100), 256) == "targets"
    assert cheaper_destinations(network(25_600_000, 10_000), 256) == "all"  # every rank has targets
    assert cheaper_destinations(network(25_600, 100), 256) == "all"  # few spikes: what counts is their number
