"""Timing: counts are those of the network on any number of ranks; measured times need only be consistent."""

import subprocess
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

import small
from eprop_core.experiments.scaling import estimates
from eprop_core.experiments.scaling.measure import emulated_rank, measure, measure_together
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.experiments.scaling.result import RankRecord, ScalingResult
from eprop_core.parsing import ParameterError, parse
from eprop_core.ranks.together import Together

BELLEC = {
    "network.plasticity.update": "sample",
    "network.plasticity.rate_average": "sample",
    "network.plasticity.reset_at_samples": True,
    "network.plasticity.cutoff": None,
}
EVENTS = ("spikes", "input_synaptic_events", "recurrent_synaptic_events", "output_synaptic_events", "synaptic_events")


@pytest.fixture(scope="module")
def result() -> ScalingResult:
    return measure(small.timing(repeats=2), seed=1)


def repeats_of(result: ScalingResult, variant: str = "eprop_plus") -> list[list[RankRecord]]:
    return result.variants[variant].repeats


def test_repeats_have_the_same_counts(result: ScalingResult) -> None:
    (first,), (second,) = repeats_of(result)
    assert first.counts == second.counts


def test_variants_are_the_network_with_their_changes(result: ScalingResult) -> None:
    plastic, static = (result.variants[name].network for name in ("eprop_plus", "static"))
    assert plastic.recurrent.plastic and not static.recurrent.plastic
    assert plastic.recurrent.model_copy(update={"plastic": False}) == static.recurrent
    ((static_rank,), _), ((plastic_rank,), _) = repeats_of(result, "static"), repeats_of(result)
    for name, count in static_rank.counts:
        assert not name.endswith("synapses") or count == getattr(plastic_rank.counts, name)
    assert static_rank.times_s.plasticity == 0 < plastic_rank.times_s.plasticity


def test_the_network_is_active_and_counted(result: ScalingResult) -> None:
    ((rank,), _) = repeats_of(result)
    assert rank.counts.neurons == 60
    assert rank.counts.synapses == 60 * (20 + 10) + 2 * 30
    assert rank.counts.spikes > 0
    assert all(getattr(rank.counts, name) > 0 for name in EVENTS)
    assert result.variants["eprop_plus"].model_time_s == pytest.approx(0.05, rel=1e-15)


def test_projections_between_groups_count_by_role() -> None:
    values = small.timing().model_dump(mode="json")
    values["network"] |= {"groups": {"first": {"size": 40}, "second": {"size": 20}}}
    values["network"]["input"] |= {"targets": {"first": {}, "second": {}}}
    values["network"]["recurrent"] |= {"pairs": {"first -> second": {}, "second -> first": {}}}
    values["variants"] = {"static": small.STATIC}
    (variant,) = measure(parse(Timing, values), seed=1).variants.values()
    ((rank,),) = variant.repeats
    synapses, events = (
        [getattr(rank.counts, f"{role}_{kind}") for role in ("input", "recurrent", "output")]
        for kind in ("synapses", "synaptic_events")
    )
    assert sum(synapses) == rank.counts.synapses and min(events) > 0
    assert sum(events) == rank.counts.synaptic_events


def test_model_time_is_in_seconds() -> None:
    """50 steps of half a millisecond, in which neurons that fire every 10 ms spike two or three times."""
    values = small.timing(ignore_and_fire=True).model_dump(mode="json")
    values["network"]["dt"] = 0.5
    values["variants"] = {"static": small.STATIC}
    (variant,) = measure(parse(Timing, values), seed=1).variants.values()
    assert variant.model_time_s == pytest.approx(0.025, rel=1e-15)
    ((rank,),) = variant.repeats
    assert 2 * 60 <= rank.counts.spikes <= 3 * 60


def test_times_are_consistent(result: ScalingResult) -> None:
    for (rank,) in repeats_of(result):
        times = rank.times_s
        assert all(seconds >= 0 for _, seconds in times)
        phases = times.update + times.deliver + times.collocate + times.communicate + times.wait
        assert phases <= rank.propagation_s
        assert times.plasticity <= times.deliver


def test_only_the_timed_steps_are_counted() -> None:
    timing = small.timing()
    longer = timing.model_copy(update={"n_steps": 59, "n_steps_warm_up": 1})
    ((short,),) = repeats_of(measure(timing, seed=1))
    ((long,),) = repeats_of(measure(longer, seed=1))
    assert 0 < short.counts.spikes < long.counts.spikes


def test_input_drawn_in_parts_is_the_same(result: ScalingResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "INPUT_SPIKES", 30)
    ((in_parts,), _), ((at_once,), _) = repeats_of(measure(small.timing(repeats=2), seed=1)), repeats_of(result)
    assert in_parts.counts == at_once.counts


def on_ranks(n_ranks: int, timing: Timing, directory: Path) -> ScalingResult:
    (directory / "timing.json").write_text(timing.model_dump_json(), encoding="utf-8")
    command = small.on_ranks(n_ranks, "eprop_core.experiments.scaling")
    command += [str(directory / "timing.json"), "--output", str(directory / "result.json"), "--ranks", str(n_ranks)]
    finished = subprocess.run([*command, "--oversubscribe"], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    result = ScalingResult.read(directory / "result.json")
    assert result.provenance.ranks == result.ranks == n_ranks
    return result


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_ranks_share_the_work(tmp_path: Path, kind: str) -> None:
    timing = small.timing(kind)
    result = on_ranks(2, timing, tmp_path)
    alone = timing.model_copy(update={"kind": "strong", "network": timing.network_on(2)})
    expected_result = measure(alone, seed=1)
    for variant in timing.variants:
        (of_ranks,) = repeats_of(result, variant)
        ((expected,),) = repeats_of(expected_result, variant)
        assert [rank.counts.neurons for rank in of_ranks] == [expected.counts.neurons // 2] * 2
        for name, count in expected.counts:
            assert sum(getattr(rank.counts, name) for rank in of_ranks) == count


def test_pairs_are_timed_in_one_job(tmp_path: Path) -> None:
    """Each repeat on two ranks is preceded by one of rank 0 alone; on one rank there is nothing to pair."""
    timing = small.timing("weak", repeats=2).model_copy(update={"paired": True})
    (tmp_path / "timing.json").write_text(timing.model_dump_json())
    command = small.on_ranks(2, "eprop_core.experiments.scaling")
    command += [str(tmp_path / "timing.json"), "--ranks", "2", "--output", str(tmp_path / "result.json")]
    subprocess.run(command, check=True, timeout=300)
    for variant in ScalingResult.read(tmp_path / "result.json").variants.values():
        assert len(variant.alone_s) == len(variant.repeats) == 2
        assert all(seconds > 0 for seconds in variant.alone_s)
        assert all(sum(rank.counts.neurons for rank in repeat) == 120 for repeat in variant.repeats)
    assert all(not variant.alone_s for variant in measure(timing, seed=1).variants.values())


@pytest.mark.parametrize(("kind", "n_ranks"), [("strong", 2), ("weak", 3)])
def test_a_dry_run_has_the_counts_of_the_rank_that_it_emulates(tmp_path: Path, kind: str, n_ranks: int) -> None:
    """Synapses, spikes and events, and the bytes from other ranks, whichever spikes these send."""
    variants: dict[str, dict[str, Any]] = {
        "plastic": {"destinations": "all"},
        "static": small.STATIC | {"destinations": "targets"},
        "delays": {"destinations": "all", "network.recurrent.delay": 4, "network.output.delay": 3},
        "delays_to_targets": {"destinations": "targets", "network.recurrent.delay": 4, "network.output.delay": 3},
    }
    timing = small.timing(kind, ignore_and_fire=True).model_copy(update={"variants": variants})
    result = on_ranks(n_ranks, timing, tmp_path)
    dry = measure(timing, seed=1, dry_run=n_ranks)
    assert (dry.ranks, dry.dry_run, result.dry_run) == (n_ranks, True, False)
    for variant, changes in variants.items():
        ((emulated,),), (of_ranks,) = repeats_of(dry, variant), repeats_of(result, variant)
        real, destinations = of_ranks[emulated.rank], changes["destinations"]
        assert (emulated.counts, emulated.destinations) == (real.counts, destinations)
        assert list(real.traffic) == [destinations]
        assert emulated.traffic[destinations] == real.traffic[destinations]
        assert set(emulated.modelled) == set(emulated.traffic) == {"all", "targets"} and not real.modelled
        interval = changes.get("network.output.delay", 1)
        assert real.traffic[destinations].exchanges == -(-timing.n_steps // interval)
        currents = 8 * timing.n_steps * timing.network.n_readout
        assert real.traffic[destinations].received_bytes > currents * (n_ranks - 1)


def test_a_dry_run_leaves_out_what_cannot_be_emulated() -> None:
    variants = {"emulated": {}, "real": {"network.neuron.ignore_and_fire": None}}
    timing = small.timing(ignore_and_fire=True).model_copy(update={"variants": variants})
    assert set(measure(timing, seed=1, dry_run=2).variants) == {"emulated"}
    assert set(measure(timing, seed=1).variants) == {"emulated", "real"}


def test_ranks_that_are_emulated_together_are_those_of_the_network(tmp_path: Path) -> None:
    """Both ranks of two, each in its own process."""
    timing = small.timing(ignore_and_fire=True, repeats=2)
    together = measure_together(timing, seed=1, dry_run=2, n_processes=2, oversubscribe=True)
    assert (together.ranks, together.dry_run, together.together) == (2, True, 2)
    assert together.provenance.ranks == len(together.memory_without_network_bytes) == 2
    result = on_ranks(2, timing, tmp_path)
    assert result.together is None
    for variant in timing.variants:
        for emulated, real in zip(repeats_of(together, variant), repeats_of(result, variant), strict=True):
            assert [rank.rank for rank in emulated] == [rank.rank for rank in real] == [0, 1]
            assert [rank.counts for rank in emulated] == [rank.counts for rank in real]
            assert all(rank.propagation_s > 0 for rank in emulated)


@pytest.mark.parametrize(("together", "ranks"), [(1, [4]), (2, [2, 6]), (3, [1, 4, 6]), (8, list(range(8)))])
def test_emulated_ranks_are_at_equal_distances(together: int, ranks: list[int]) -> None:
    processes = [Together(rank, together, Pipe()[0]) for rank in range(together)]
    assert [emulated_rank(process, 8) for process in processes] == ranks


def test_the_program_emulates_ranks_together(tmp_path: Path) -> None:
    timing = small.timing(ignore_and_fire=True)
    (tmp_path / "timing.json").write_text(timing.model_dump_json(), encoding="utf-8")
    command = [*small.on_ranks(0, "eprop_core.experiments.scaling"), str(tmp_path / "timing.json")]
    command += ["--output", str(tmp_path / "result.json"), "--oversubscribe"]
    finished = subprocess.run([*command, "--dry-run", "9", "--together", "2"], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    result = ScalingResult.read(tmp_path / "result.json")
    assert (result.ranks, result.together) == (9, 2)
    assert result.provenance.command[-2:] == ["--together", "2"]
    alone = subprocess.run([*command, "--together"], capture_output=True, text=True)
    assert alone.returncode == 2
    assert "--together needs --dry-run" in alone.stderr


def test_an_event_touches_a_record_targets_and_values(result: ScalingResult) -> None:
    """At least the bytes of the synapse itself, and at most as if each synapse had a source and lines of its own."""
    for variant, bytes_of_synapse in (("eprop_plus", 4 + 3 * 8), ("static", 4 + 8)):
        ((rank,), _) = repeats_of(result, variant)
        assert rank.bytes_per_event is not None
        assert bytes_of_synapse < rank.bytes_per_event < 4 * 64


def test_weak_scaling_refuses_in_degrees_that_grow() -> None:
    values = small.timing("weak").model_dump(mode="json")
    values["network"]["output"]["connectivity"] = {"rule": "all_to_all"}
    with pytest.raises(ParameterError, match=r"output.connectivity.rule: all_to_all lets in-degrees grow"):
        parse(Timing, values)
    values = small.timing("weak").model_dump(mode="json")
    values["network"]["groups"] = {"all": {"size": values["network"]["n_recurrent"]}}
    with pytest.raises(ParameterError, match=r"network.groups: must be null for weak scaling"):
        parse(Timing, values)


def test_rules_that_update_between_samples_need_the_length_of_a_sample() -> None:
    values = small.timing().model_dump(mode="json") | {"variants": {"bellec": BELLEC}}
    with pytest.raises(ParameterError, match="sample_length"):
        parse(Timing, values)
    with pytest.raises(ParameterError, match="multiples of sample_length"):
        parse(Timing, values | {"sample_length": 20})
    ((rank,),) = repeats_of(measure(parse(Timing, values | {"sample_length": 10}), seed=1), "bellec")
    assert rank.counts.synaptic_events > 0
    assert rank.times_s.plasticity > 0


def test_longer_delays_exchange_less_often() -> None:
    delays = {"slow": {"network.recurrent.delay": 5, "network.output.delay": 7}}
    timing = small.timing(ignore_and_fire=True).model_copy(update={"variants": delays})
    run = measure(timing, seed=1, dry_run=3).variants["slow"]
    assert run.interval_steps == 5
    (((rank,),)) = run.repeats
    assert {received.exchanges for received in rank.traffic.values()} == {timing.n_steps // 5}


def test_a_run_too_large_is_refused_before_it_starts(tmp_path: Path) -> None:
    timing = small.timing()
    network = timing.network.model_copy(update={"n_recurrent": 2_000_000_000})
    huge = timing.model_copy(update={"network": network})
    (tmp_path / "timing.json").write_text(huge.model_dump_json(), encoding="utf-8")
    command = small.on_ranks(0, "eprop_core.experiments.scaling")
    command += [str(tmp_path / "timing.json"), "--output", str(tmp_path / "result.json")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: the job of 1 of 1 ranks needs about") and "GB are available" in line
    assert not (tmp_path / "result.json").exists()
