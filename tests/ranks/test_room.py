"""The room for spikes in messages of one size: it follows the spikes, up and down."""

import numpy as np
import pytest

from eprop_core.ranks.room import WINDOW, Room


def test_room_is_that_of_the_longest_recent_message() -> None:
    room = Room(2)
    assert room.n_ids == 0
    for longest in (3, 7, 5):
        room.adapt(longest, longest)
    assert room.n_ids == 7


def test_room_shrinks_after_a_burst() -> None:
    room = Room(2)
    room.adapt(500, 500)
    after = []
    for _ in range(2 * WINDOW):
        room.adapt(5, 10)
        after.append(room.n_ids)
    assert after == [500] * (2 * WINDOW - 1) + [5]


@pytest.mark.parametrize("n_ranks", [2, 128, 1024])
def test_steady_activity_seldom_needs_a_second_call(n_ranks: int) -> None:
    """Ranks of 1000 neurons at 5 spikes/s, and intervals of 1 ms: 5 spikes a rank."""
    rng, room, n_more, n_exchanges = np.random.default_rng(1), Room(n_ranks), 0, 2000
    for _ in range(n_exchanges):
        n_ids = rng.poisson(5.0, n_ranks)
        n_more += n_ids.max() > room.n_ids
        room.adapt(int(n_ids.max()), int(n_ids.sum()))
    assert 0 < n_more < n_exchanges / WINDOW


@pytest.mark.parametrize(("n_ranks", "doublings"), [(2, 1), (3, 2), (2048, 11)])
def test_there_is_no_room_where_it_would_cost_more_than_a_second_call(n_ranks: int, doublings: int) -> None:
    """One rank alone sends spikes; the room of the others, 4 B per spike, stays empty. A call takes 10 kB a message."""
    longest = 2500 * doublings // (n_ranks - 1)
    room = Room(n_ranks)
    room.adapt(longest, longest)
    assert room.n_ids == longest
    room = Room(n_ranks)
    room.adapt(longest + 1, longest + 1)
    assert room.n_ids == 0
