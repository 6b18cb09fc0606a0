import json
from pathlib import Path

import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepare import main


def run(tmp_path: Path, values: object, output: str = "prepared") -> int:
    parameters = tmp_path / "parameters.json"
    parameters.write_text(values if isinstance(values, str) else json.dumps(values))
    return main([str(parameters), str(tmp_path / output)])


def nmnist(path: Path, **parameters: object) -> dict[str, object]:
    return {"name": "nmnist", "path": str(path), **parameters}


def test_a_data_set_is_written_with_its_description(tmp_path: Path, nmnist_directory: Path) -> None:
    assert run(tmp_path, nmnist(nmnist_directory, active_channels=30), "results/data/nmnist") == 0
    directory = tmp_path / "results/data/nmnist"
    assert sorted(path.name for path in directory.iterdir()) == ["dataset.json", "test.npz", "train.npz"]
    assert [path.name for path in directory.parent.iterdir()] == ["nmnist"]
    train = EventDataset.load(directory / "train.npz")
    described = json.loads((directory / "dataset.json").read_text())
    assert described["parameters"]["time_max_us"] == 336_040
    assert described["train"]["samples"] == len(train) == 20
    assert described["train"]["samples_by_class"] == [2] * 10
    assert described["train"]["mean_events_per_sample"] == len(train.steps) / 20
    on = [described["sensor_channels"][channel] >= 34**2 for channel in train.channels]
    assert described["train"]["share_of_on_events"] == pytest.approx(sum(on) / len(on), rel=1e-12)
    assert set(described["checksums"]) == {"Train", "Test"}
    assert "numpy" in described["versions"]


def test_an_earlier_data_set_is_replaced(tmp_path: Path, nmnist_directory: Path) -> None:
    assert run(tmp_path, nmnist(nmnist_directory)) == 0
    assert run(tmp_path, nmnist(nmnist_directory, train_samples=4)) == 0
    assert len(EventDataset.load(tmp_path / "prepared/train.npz")) == 4


def test_a_failure_leaves_the_earlier_data_set_as_it_was(
    tmp_path: Path, nmnist_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, nmnist(nmnist_directory)) == 0
    before = (tmp_path / "prepared/train.npz").read_bytes()
    (nmnist_directory / "Test/3/00003.bin").write_bytes(b"1234")
    names = sorted(path.name for path in tmp_path.iterdir())
    capsys.readouterr()
    assert run(tmp_path, nmnist(nmnist_directory)) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "Test/3/00003.bin: truncated in event 0 (byte 0)" in error
    assert (tmp_path / "prepared/train.npz").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_directory_with_other_files_is_left_alone(
    tmp_path: Path, nmnist_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared/thesis.tex").write_text("years of work")
    assert run(tmp_path, nmnist(nmnist_directory)) == 1
    assert "holds thesis.tex" in capsys.readouterr().err
    assert (tmp_path / "prepared/thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "digits", "sed": 3}, "parameters.json: sed: no such key"),
        ({"name": "digits", "test_share": 2}, "test_share = 2: Input should be less than 1"),
        ({"name": "cifar"}, "'digits', 'mnist', 'nmnist'"),
        ({"name": "nmnist", "active_channels": 0}, "active_channels = 0"),
        ("{name", "expected JSON"),
    ],
)
def test_wrong_parameters_are_refused(
    tmp_path: Path, values: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, values) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize(("key", "available"), [("train_samples", 20), ("test_samples", 10)])
@pytest.mark.parametrize("name", ["nmnist", "mnist"])
@pytest.mark.needs_compiler
def test_more_samples_than_the_data_set_has_are_refused(
    tmp_path: Path,
    nmnist_directory: Path,
    mnist_directory: Path,
    name: str,
    key: str,
    available: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(nmnist_directory if name == "nmnist" else mnist_directory)
    few = {"train_samples": 2, "test_samples": 2}
    assert run(tmp_path, {"name": name, "path": path, **few, key: available}) == 0
    assert run(tmp_path, {"name": name, "path": path, **few, key: available + 1}) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"error: {key} = {available + 1}: must not exceed the {available} samples that the data set has"


def test_a_missing_parameter_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing.json"), str(tmp_path / "prepared")]) == 1
    assert "nothing.json" in capsys.readouterr().err
