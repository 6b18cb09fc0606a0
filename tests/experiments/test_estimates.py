"""Estimates of the memory and the time of jobs."""

import pytest

import small
from eprop_core.experiments.scaling import estimates
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.parsing import parse


def test_memory_is_that_of_the_largest_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = small.timing()
    of_variants = [estimates.memory_of_rank(case, 1) for case in timing.cases.values()]
    assert estimates.memory_of_job(timing, 1) == estimates.COMPILING_BYTES > max(of_variants)
    monkeypatch.setattr(estimates, "COMPILING_BYTES", 0)
    assert estimates.memory_of_job(timing, 1) == max(of_variants) > min(of_variants)


@pytest.mark.parametrize(("kind", "shares"), [("strong", 8), ("weak", 1)])
def test_memory_of_a_rank_shrinks_in_strong_scaling_and_stays_in_weak_scaling(kind: str, shares: int) -> None:
    """Ranks share the synapses of a network of constant size; in weak scaling each rank has as many as one alone."""
    values = small.timing(kind).model_dump(mode="json")
    values["network"] |= {"n_recurrent": 16_000, "n_input": 1000}
    values["network"]["recurrent"]["connectivity"]["in_degree"] = 1000
    timing = parse(Timing, values)
    base = estimates.PROCESS_BYTES + estimates.INPUT_SPIKE_BYTES * estimates.INPUT_SPIKES
    one, eight = (estimates.memory_of_rank(timing.case("eprop_plus"), n) - base for n in (1, 8))
    assert eight == pytest.approx(one / shares, rel=0.1)


def test_time_grows_with_repeats_and_steps() -> None:
    timing = small.timing()
    once = estimates.seconds_of_job(timing, 1)
    more = estimates.seconds_of_job(timing.model_copy(update={"repeats": 3}), 1)
    assert more - estimates.START_S == pytest.approx(3 * (once - estimates.START_S), rel=1e-12)
