"""The neurons that have targets on a rank, and their numbers there."""

import numpy as np
import pytest

from eprop_core.model.local_sources import LocalSources, local_number
from eprop_core.model.spikes import Spikes, clear, receive, spikes_of


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_local_sources_are_numbered_in_the_order_of_their_ids(n: int, share: float) -> None:
    ids = np.flatnonzero(np.random.default_rng(n).random(n) < share)
    local_sources = LocalSources.of(ids, n)
    expected = {int(i): number for number, i in enumerate(ids)}
    assert [local_number(local_sources, i) for i in range(n)] == [expected.get(i, -1) for i in range(n)]
    assert sum(part.nbytes for part in local_sources) <= 16 * (n / 64 + 1)


def test_spikes_of_other_neurons_are_dropped() -> None:
    local_sources = LocalSources.of(np.array([2, 5, 70]), 80)
    spikes = Spikes.none(4, 3, local_sources)
    for step, parts in {9: [[0, 5], [69, 70]], 10: [[0, 1, 79]], 13: [[2, 5, 70]]}.items():
        clear(spikes, step)
        for part in parts:
            receive(spikes, step, np.array([-1, *part, -1], np.int32), 1, len(part))
    assert spikes_of(spikes, 13).tolist() == [0, 1, 2]  # in the place of step 9
    assert spikes_of(spikes, 10).tolist() == []
    clear(spikes, 13)
    assert spikes_of(spikes, 13).tolist() == []
