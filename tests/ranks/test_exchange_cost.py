"""Costs of sending spikes to all ranks or to those with targets, and the choice of the cheaper way."""

import pytest

from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.ranks.exchange_cost import cheaper_destinations, costs, share_of_ranks


def network(n_recurrent: int, in_degree: int, delay: int = 10) -> Network:
    connectivity = {"rule": "fixed_in_degree", "in_degree": in_degree}
    values = {"n_input": 1, "n_recurrent": n_recurrent, "n_readout": 1}
    values |= {"recurrent": {"connectivity": connectivity, "delay": delay}, "output": {"delay": delay}}
    return parse(Network, values)


def test_the_share_of_ranks_with_targets_follows_from_the_out_degree() -> None:
    assert share_of_ranks(1, 5) == 1.0
    assert share_of_ranks(2, 1) == 0.5
    assert share_of_ranks(4, 2) == pytest.approx(1 - (3 / 4) ** 2, rel=1e-15)


@pytest.mark.parametrize("destinations", ["all", "targets"])
def test_two_ranks_exchange_one_message_either_way(destinations: str) -> None:
    assert min(costs(destinations, 2, 100.0)) == (1.0, 100.0)  # type: ignore[arg-type]


def test_joined_messages_are_fewer_and_longer_than_pairwise_ones() -> None:
    joined, pairwise = costs("targets", 64, 1.0)
    assert joined.messages < pairwise.messages and joined.bytes > pairwise.bytes


def test_sparse_networks_on_many_ranks_send_to_targets() -> None:
    assert cheaper_destinations(network(100_000, 10_000), 2) == "all"
    assert cheaper_destinations(network(100_000, 100), 2) == "all"
    assert cheaper_destinations(network(25_600_000, 100), 256) == "targets"
    assert cheaper_destinations(network(25_600_000, 10_000), 256) == "all"  # every rank has targets
    assert cheaper_destinations(network(25_600, 100), 256) == "all"  # few spikes: what counts is their number
