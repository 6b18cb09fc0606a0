"""Presynaptic sources: exactly those that have been silent for the cutoff become inactive."""

import numpy as np
import pytest

from eprop_core.compiled.prefetch import CACHE_LINE
from eprop_core.model.sources import NO_SPIKE_YET, Sources, reaches_cutoff, state_after
from eprop_core.model.synapses import ACTIVATING, ACTIVE, INACTIVE


def spike(sources: Sources, emitted: np.ndarray, time_index: int) -> None:
    """Register spikes, as processing their synapses does."""
    sources.records["last_emission"][emitted] = time_index
    sources.records["state"][emitted] = ACTIVE


def deactivate(sources: Sources, emitted: np.ndarray, time_index: int) -> list[int]:
    """Let the sources of the spikes ``emitted`` one cutoff ago that are silent since become inactive; return them."""
    silent = [i for i in emitted.tolist() if reaches_cutoff(sources.records[i], sources.cutoff, time_index)]
    sources.records["state"][silent] = INACTIVE
    return silent


@pytest.mark.parametrize("cutoff", [2, 3, 7, 50])
@pytest.mark.parametrize("rate", [0.02, 0.2, 0.9])
def test_sources_become_inactive_at_the_cutoff(cutoff: int, rate: float) -> None:
    rng = np.random.default_rng(cutoff)
    n = 30
    sources = Sources.at_rest(np.arange(n + 1), cutoff)
    # Rates of the sources differ; bursts and silences alternate.
    rates = rate * rng.uniform(0.0, 1.0, n)
    last_emission = np.full(n, -(10**6))
    n_inactive = n_kept = 0
    emitted: list[np.ndarray] = []
    for time_index in range(1000):
        spikes = rng.random(n) < rates * (time_index // 200 % 2)
        spikes[:2] = time_index % cutoff == 0, time_index % (cutoff + 1) == 0
        emitted.append(np.flatnonzero(spikes))
        n_kept += np.count_nonzero(last_emission[emitted[-1]] + cutoff == time_index)
        last_emission[emitted[-1]] = time_index
        spike(sources, emitted[-1], time_index)
        if time_index >= cutoff:
            silent = deactivate(sources, emitted[time_index - cutoff], time_index)
            # A spike at the very time index of the cutoff keeps its source active.
            assert silent == np.flatnonzero(last_emission == time_index - cutoff).tolist()
            n_inactive += len(silent)
        active = last_emission > time_index - cutoff
        np.testing.assert_array_equal(sources.records["state"] == ACTIVE, active)
        np.testing.assert_array_equal(sources.records["last_emission"][active], last_emission[active])
    assert n_inactive > 30
    assert n_kept > 0


def test_a_spike_activates_an_inactive_source() -> None:
    sources = Sources.at_rest(np.arange(3), 3)
    spike(sources, np.array([0]), 4)
    assert [state_after(source, False) for source in sources.records] == [ACTIVE, INACTIVE]
    assert [state_after(source, True) for source in sources.records] == [ACTIVE, ACTIVATING]
    assert sources.records["last_emission"].tolist() == [4, NO_SPIKE_YET]


def test_a_record_lies_in_one_cache_line_and_locates_the_synapses_of_its_source() -> None:
    sources = Sources.at_rest(np.array([0, 3, 3, 7]), None)
    assert CACHE_LINE % sources.records.itemsize == sources.records.ctypes.data % CACHE_LINE == 0
    assert sources.records["first_synapse"].tolist() == [0, 3, 3]
    assert sources.records["n_synapses"].tolist() == [3, 0, 4]
    assert sources.cutoff == 0
