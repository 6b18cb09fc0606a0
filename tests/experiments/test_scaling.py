"""Timing: what is counted is what the network does, on any number of ranks; clocks are only asked to be consistent."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import small
from eprop_core.experiments.scaling import measure

EVENTS = ("spikes", "input_synaptic_events", "recurrent_synaptic_events", "output_synaptic_events", "synaptic_events")


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return measure(small.timing(repeats=2), seed=1)


def test_repeats_do_the_same(result: dict[str, Any]) -> None:
    (first,), (second,) = result["repeats"]
    assert first["counts"] == second["counts"]
    assert first["synapses"] == second["synapses"]


def test_the_network_is_active_and_counted(result: dict[str, Any]) -> None:
    ((rank,), _) = result["repeats"]
    assert rank["neurons"] == 60
    assert rank["synapses"]["synapses"] == 60 * (20 + 10) + 2 * 30
    assert rank["counts"]["spikes"] > 0
    assert all(rank["counts"][name] > 0 for name in EVENTS)
    assert result["model_time_s"] == pytest.approx(0.05, rel=1e-15)


def test_times_are_consistent(result: dict[str, Any]) -> None:
    for (rank,) in result["repeats"]:
        times = rank["times_s"]
        assert set(times) == {"build", "update", "deliver", "plasticity", "collocate", "communicate", "wait"}
        assert all(seconds >= 0 for seconds in times.values())
        phases = sum(times[name] for name in ("update", "deliver", "collocate", "communicate", "wait"))
        assert phases <= rank["propagation_s"]
        assert times["plasticity"] <= times["deliver"] + times["collocate"]


def test_only_the_timed_steps_are_counted() -> None:
    timing = small.timing()
    longer = timing.model_copy(update={"n_steps": 59, "n_steps_warm_up": 1})
    ((short,),) = measure(timing, seed=1)["repeats"]
    ((long,),) = measure(longer, seed=1)["repeats"]
    assert 0 < short["counts"]["spikes"] < long["counts"]["spikes"]


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_ranks_share_the_work(tmp_path: Path, kind: str) -> None:
    timing = small.timing(kind)
    (tmp_path / "timing.json").write_text(timing.model_dump_json(), encoding="utf-8")
    command = small.on_ranks(2, "eprop_core.experiments.scaling")
    command += [str(tmp_path / "timing.json"), "--output", str(tmp_path / "result.json"), "--ranks", "2"]
    finished = subprocess.run([*command, "--oversubscribe"], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["provenance"]["ranks"] == 2
    (of_ranks,) = result["repeats"]

    alone = timing.model_copy(update={"kind": "strong", "network": timing.network_on(2)})
    ((expected,),) = measure(alone, seed=1)["repeats"]
    assert [rank["neurons"] for rank in of_ranks] == [expected["neurons"] // 2] * 2
    for name in EVENTS:
        assert sum(rank["counts"][name] for rank in of_ranks) == expected["counts"][name]
    for name, n_synapses in expected["synapses"].items():
        assert sum(rank["synapses"][name] for rank in of_ranks) == n_synapses
