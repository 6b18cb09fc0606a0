"""The figure of ``docs/explanation/algorithm.md``: its two ways to compute a synapse agree with the reference."""

from pathlib import Path

import numpy as np
import pytest

from workflow.lib.algorithm_figure import write
from workflow.lib.one_synapse import CUTOFF, N_STEPS, SPIKES, check, one_synapse, run_reference


def test_the_synapse_has_an_event_of_every_kind_and_nothing_is_touched_between_them() -> None:
    constant = one_synapse().from_constants
    assert {name for event in constant.events for name in event.names} == {"spike", "activation", "block end", "cutoff"}
    changes = np.flatnonzero(np.diff(constant.stored, axis=1).any(axis=0)) + 1
    assert changes.tolist() == [event.step for event in constant.events]
    assert SPIKES[2] + CUTOFF < SPIKES[3] < N_STEPS


@pytest.mark.parametrize("name", ["trace", "filtered", "gradient", "updates"])
def test_a_difference_between_the_two_ways_raises_an_error(name: str) -> None:
    _, weight_change = run_reference()
    synapse = one_synapse()
    check(synapse, weight_change)
    getattr(synapse.from_constants, name)[-1] += 1e-9
    with pytest.raises(AssertionError, match=name):
        check(synapse, weight_change)


def test_a_difference_from_the_weight_of_the_reference_raises_an_error() -> None:
    _, weight_change = run_reference()
    with pytest.raises(AssertionError):
        check(one_synapse(), weight_change * (1.0 + 1e-9))


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    files = [tmp_path / "one.svg", tmp_path / "other.svg"]
    for file in files:
        write(file)
    assert files[0].read_bytes() == files[1].read_bytes()
