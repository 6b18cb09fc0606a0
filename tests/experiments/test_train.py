"""Training: it learns, its test samples influence nothing, and its result file is whole."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import small
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.train import train

UNTIMED = ("curve", "test", "samples", "rate_hz", "counts")


@pytest.fixture(scope="module")
def training_set() -> EventDataset:
    return small.dataset(n_samples=200)


@pytest.fixture(scope="module")
def test_set() -> EventDataset:
    return small.dataset(n_samples=30, seed=2)


@pytest.fixture(scope="module")
def result(training_set: EventDataset, test_set: EventDataset) -> dict[str, Any]:
    return train(small.task(), training_set, test_set, seed=1)


def test_it_learns(result: dict[str, Any]) -> None:
    curve = result["curve"]
    assert curve[-1]["training_loss"] < 0.5 * curve[0]["training_loss"]
    assert result["test"]["accuracy"] == result["test"]["correct"] / 30 > 0.8


def test_the_curve_has_a_point_per_group(result: dict[str, Any]) -> None:
    curve = result["curve"]
    assert [point["samples"] for point in curve[:5]] == [50, 100, 150, 180, 230]  # 180 samples in groups of 50
    assert [point["epoch"] for point in curve] == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4
    validated = [point["validation_accuracy"] is not None for point in curve]
    assert validated == [False, False, False, True] * 5


def test_samples_are_counted(result: dict[str, Any]) -> None:
    assert result["samples"] == {"training": 180, "validation": 20, "test": 30, "shown": 900}


def test_the_rate_is_that_of_the_spikes(result: dict[str, Any]) -> None:
    seconds = [n * small.N_STEPS * 1e-3 for n in [50, 50, 50, 30] * 5]
    spikes = [point["rate_hz"] * 40 * duration for point, duration in zip(result["curve"], seconds, strict=True)]
    assert sum(spikes) == pytest.approx(result["counts"]["spikes"], rel=1e-12)  # some dozen roundings


def test_the_same_seed_gives_the_same_result(
    result: dict[str, Any], training_set: EventDataset, test_set: EventDataset
) -> None:
    again = train(small.task(), training_set, test_set, seed=1)
    assert {key: again[key] for key in UNTIMED} == {key: result[key] for key in UNTIMED}


def test_another_seed_gives_another_result(
    result: dict[str, Any], training_set: EventDataset, test_set: EventDataset
) -> None:
    assert train(small.task(), training_set, test_set, seed=2)["curve"] != result["curve"]


def test_test_samples_influence_nothing(result: dict[str, Any], training_set: EventDataset) -> None:
    other = train(small.task(), training_set, small.dataset(n_samples=11, seed=3), seed=1)
    assert other["curve"] == result["curve"]
    assert other["counts"] == result["counts"]


def test_showing_validation_samples_influences_nothing(training_set: EventDataset, test_set: EventDataset) -> None:
    """One epoch with a validation at its end, and the same epoch as the first of two."""
    one, two = (train(small.task(epochs), training_set, test_set, seed=1)["curve"] for epochs in (1, 2))
    assert two[:4] == one


def test_without_validation_all_samples_are_learned(training_set: EventDataset, test_set: EventDataset) -> None:
    result = train(small.task(epochs=1, validation_share=0.0), training_set, test_set, seed=1)
    assert result["samples"]["training"] == 200
    assert all(point["validation_accuracy"] is None for point in result["curve"])


@pytest.fixture
def files(tmp_path: Path, training_set: EventDataset, test_set: EventDataset) -> Path:
    """A directory with what the command line reads."""
    training_set.save(tmp_path / "train.npz")
    test_set.save(tmp_path / "test.npz")
    (tmp_path / "task.json").write_text(small.task(epochs=1).model_dump_json(), encoding="utf-8")
    return tmp_path


def run(files: Path, *options: str, n_ranks: int = 0) -> subprocess.CompletedProcess[str]:
    command = small.on_ranks(n_ranks, "eprop_core.experiments.train")
    command += [str(files / "task.json"), "--data", str(files), "--output", str(files / "result.json"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_result_file_says_what_made_it(files: Path) -> None:
    finished = run(files, "--seed", "7")
    assert finished.returncode == 0, finished.stderr
    result = json.loads((files / "result.json").read_text(encoding="utf-8"))
    assert (result["experiment"], result["seed"]) == ("training", 7)
    assert result["parameters"] == small.task(epochs=1).model_dump(mode="json")
    made_by = result["provenance"]
    assert {"date", "command", "code", "python", "packages", "ranks", "hosts", "cpu", "cores", "mpi"} <= set(made_by)
    assert (made_by["ranks"], made_by["mpi"]) == (1, None)
    assert {"numpy", "numba"} <= set(made_by["packages"])
    assert set(result["times_s"]) == {"build", "training", "validation", "test"}
    assert result["per_rank"][0]["peak_memory_bytes"] > 1e7
    assert "training, seed 7: 4 of 4" in finished.stderr


def test_ranks_do_not_change_the_result(files: Path) -> None:
    results = []
    for n_ranks in (1, 2):
        finished = run(files, "--ranks", str(n_ranks), "--oversubscribe", n_ranks=n_ranks if n_ranks > 1 else 0)
        assert finished.returncode == 0, finished.stderr
        result = json.loads((files / "result.json").read_text(encoding="utf-8"))
        assert (result["provenance"]["ranks"], len(result["per_rank"])) == (n_ranks, n_ranks)
        results.append({key: result[key] for key in UNTIMED})
    assert results[0] == results[1]


def spoil_task(files: Path) -> str:
    (files / "task.json").write_text('{"dataset": ', encoding="utf-8")
    return "task.json: not a JSON file"


def misspell(files: Path) -> str:
    values = small.task().model_dump(mode="json")
    values["training"]["epoch"] = values["training"].pop("epochs")
    (files / "task.json").write_text(json.dumps(values), encoding="utf-8")
    return "training.epoch: no such key"


def truncate_data(files: Path) -> str:
    data = (files / "train.npz").read_bytes()
    (files / "train.npz").write_bytes(data[: len(data) // 2])
    return "train.npz: damaged"


def remove_data(files: Path) -> str:
    (files / "test.npz").unlink()
    return "test.npz: no such file"


def learn_too_fast(files: Path) -> str:
    values = small.task().model_dump(mode="json")
    values["network"]["plasticity"]["optimizer"] = {"learning_rate": 1e300, "weight_min": -1e200, "weight_max": 1e200}
    (files / "task.json").write_text(json.dumps(values), encoding="utf-8")
    return "learning rate"


@pytest.mark.parametrize("spoil", [spoil_task, misspell, truncate_data, remove_data, learn_too_fast])
def test_what_is_wrong_is_told_and_leaves_no_file(files: Path, spoil: Any) -> None:
    told = spoil(files)
    finished = run(files)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if told in line]
    assert line.startswith("error: ")
    assert not list(files.glob("result.json*"))
