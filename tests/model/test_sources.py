"""Presynaptic sources: the timing wheel names exactly those that reach the cutoff."""

import numpy as np
import pytest

from eprop_core.model.sources import NO_SPIKE_YET, Sources, expire, register
from eprop_core.model.synapses import ACTIVATING, ACTIVE, INACTIVE


def spike(sources: Sources, emitted: np.ndarray, time_index: int) -> None:
    """Register spikes and wake those who were silent, as the visit of their synapses does."""
    register(sources, emitted.astype(np.int32), time_index)
    waking = sources.state == ACTIVATING
    sources.last_emission[waking] = time_index
    sources.state[waking] = ACTIVE


def expired(sources: Sources, time_index: int) -> list[int]:
    silent = sources.silent[: expire(sources, time_index)].tolist()
    sources.state[silent] = INACTIVE
    return silent


@pytest.mark.parametrize("cutoff", [2, 3, 7, 50])
@pytest.mark.parametrize("rate", [0.02, 0.2, 0.9])
def test_sources_expire_at_the_cutoff(cutoff: int, rate: float) -> None:
    rng = np.random.default_rng(cutoff)
    n = 30
    sources = Sources.at_rest(n, cutoff)
    # Rates of the sources differ; bursts and silences alternate.
    rates = rate * rng.uniform(0.0, 1.0, n)
    last_emission = np.full(n, -(10**6))
    n_expired = n_kept_waiting = 0
    for time_index in range(1000):
        spikes = rng.random(n) < rates * (time_index // 200 % 2)
        spikes[:2] = time_index % cutoff == 0, time_index % (cutoff + 1) == 0
        emitted = np.flatnonzero(spikes)
        n_kept_waiting += np.count_nonzero(last_emission[emitted] + cutoff == time_index)
        last_emission[emitted] = time_index
        spike(sources, emitted, time_index)
        silent = expired(sources, time_index)
        # A spike in the very row of the cutoff keeps its source running.
        assert sorted(silent) == np.flatnonzero(last_emission == time_index - cutoff).tolist()
        n_expired += len(silent)
        running = last_emission > time_index - cutoff
        np.testing.assert_array_equal(sources.state == ACTIVE, running)
        np.testing.assert_array_equal(sources.last_emission[running], last_emission[running])
    assert n_expired > 30
    assert n_kept_waiting > 0


def test_without_a_cutoff_nothing_expires() -> None:
    sources = Sources.at_rest(3, None)
    assert sources.wheel.size == sources.next_in_slot.size == sources.silent.size == 0
    spike(sources, np.array([1]), 0)
    assert all(expired(sources, time_index) == [] for time_index in range(1000))
    assert sources.state.tolist() == [INACTIVE, ACTIVE, INACTIVE]
    assert sources.last_emission.tolist() == [NO_SPIKE_YET, 0, NO_SPIKE_YET]


def test_a_silent_source_keeps_its_last_emission_until_it_is_woken() -> None:
    """The age of its paused traces counts from there."""
    sources = Sources.at_rest(2, 3)
    spike(sources, np.array([0]), 4)
    assert [expired(sources, time_index) for time_index in range(5, 9)] == [[], [], [0], []]
    register(sources, np.array([0, 1], np.int32), 20)
    assert sources.state.tolist() == [ACTIVATING, ACTIVATING]
    assert sources.last_emission.tolist() == [4, NO_SPIKE_YET]
