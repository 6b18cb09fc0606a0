import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepare import main
from eprop_core.machine import driver
from official_formats import encode, write_idx


def run(tmp_path: Path, values: object, output: str = "prepared", *options: str) -> int:
    parameters = tmp_path / "parameters.json"
    parameters.write_text(values if isinstance(values, str) else json.dumps(values))
    return main([str(parameters), str(tmp_path / output), *options])


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
    assert set(described["sources"]) == {"Train", "Test"}
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


@pytest.mark.parametrize("name", ["nmnist", "mnist"])
@pytest.mark.needs_compiler
def test_the_files_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, nmnist_directory: Path, mnist_directory: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    path = nmnist_directory if name == "nmnist" else mnist_directory
    if name == "nmnist":
        many_recordings(path, 100)
    values = {"name": name, "path": str(path), "active_channels": 50}
    for n_threads in ("1", "3"):
        assert run(tmp_path, values, n_threads, "--threads", n_threads) == 0
    for file in {"train.npz", "test.npz", "dataset.json"}:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "3" / file).read_bytes()


def many_recordings(directory: Path, n: int, n_events: int = 1000) -> Path:
    """Add ``n`` recordings of random events to the training samples; all but ten are links."""
    random = np.random.default_rng(1)
    for number in range(1, n + 1):
        file = directory / "Train" / str(number % 10) / f"{20 + number:05d}.bin"
        if number <= 10:
            x, y, polarity = random.integers(0, [34, 34, 2], (n_events, 3)).T
            times = np.sort(random.integers(0, 336_041, n_events))
            file.write_bytes(encode(list(zip(*(array.tolist() for array in (x, y, polarity, times)), strict=True))))
        else:
            file.symlink_to(f"{20 + (number - 1) % 10 + 1:05d}.bin")
    return directory


PREPARE_AND_TELL_PEAK = """
import resource, sys
from eprop_core.datasets.prepare import main
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path, nmnist_directory: Path) -> None:
    """2500 more samples of 4000 events have 80 MB of steps and channels."""
    many_recordings(nmnist_directory, 3000, n_events=4000)
    peaks = []
    for n_samples in (500, 3000):
        (tmp_path / "parameters.json").write_text(json.dumps(nmnist(nmnist_directory, train_samples=n_samples)))
        command = [sys.executable, "-c", PREPARE_AND_TELL_PEAK, tmp_path / "parameters.json", tmp_path / "prepared"]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        peaks.append(1024 * int(output))
    assert (tmp_path / "prepared/train.npz").stat().st_size > 40e6
    assert peaks[1] - peaks[0] < 20e6


@pytest.mark.parametrize("earlier", [False, True])
def test_a_killed_preparation_leaves_nothing_that_stops_the_next_one(
    tmp_path: Path, nmnist_directory: Path, earlier: bool
) -> None:
    output, values = tmp_path / "data" / "nmnist", nmnist(nmnist_directory)
    if earlier:
        assert run(tmp_path, values, "data/nmnist") == 0
    many_recordings(nmnist_directory, 20_000)
    (tmp_path / "parameters.json").write_text(json.dumps(values))
    command = [sys.executable, "-m", "eprop_core.datasets.prepare", tmp_path / "parameters.json", output]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert program.stderr.readline() == "N-MNIST Train: 2002 of 20020\n"
        program.send_signal(signal.SIGKILL)
    assert program.returncode == -signal.SIGKILL
    assert output.exists() == earlier
    assert sum(path.name.endswith(".part") for path in output.parent.iterdir()) == 1
    assert run(tmp_path, {**values, "train_samples": 30}, "data/nmnist") == 0
    assert len(EventDataset.load(output / "train.npz")) == 30
    assert [path.name for path in output.parent.iterdir()] == ["nmnist"]


def test_a_preparation_ends_with_the_call_of_snakemake_that_started_it(tmp_path: Path, nmnist_directory: Path) -> None:
    many_recordings(nmnist_directory, 20_000)
    (tmp_path / "parameters.json").write_text(json.dumps(nmnist(nmnist_directory)))
    command = [sys.executable, "-m", "eprop_core.datasets.prepare", tmp_path / "parameters.json", tmp_path / "prepared"]
    with subprocess.Popen(["sleep", "600"]) as snakemake:
        environment = os.environ | {driver.VARIABLE: f"{platform.node()}:{snakemake.pid}"}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as program:
            assert program.stderr is not None
            program.stderr.readline()
            snakemake.kill()
            assert "the call of Snakemake that started this program has ended" in program.stderr.read()
    assert program.returncode == 1
    assert not (tmp_path / "prepared").exists()


@pytest.mark.needs_compiler
def test_other_images_in_the_format_of_mnist_are_read_like_mnist(tmp_path: Path) -> None:
    """Such as Fashion-MNIST and KMNIST, with grey images that reach the edges."""
    random = np.random.default_rng(1)
    (tmp_path / "fashion").mkdir()
    for prefix, n_samples in (("train", 12), ("t10k", 5)):
        write_idx(tmp_path / "fashion" / f"{prefix}-images-idx3-ubyte.gz", random.integers(0, 256, (n_samples, 28, 28)))
        write_idx(tmp_path / "fashion" / f"{prefix}-labels-idx1-ubyte.gz", np.arange(n_samples) % 10)
    assert run(tmp_path, {"name": "mnist", "path": str(tmp_path / "fashion")}) == 0
    for split, n_samples in (("train", 12), ("test", 5)):
        dataset = EventDataset.load(tmp_path / "prepared" / f"{split}.npz")
        assert dataset.labels.tolist() == [number % 10 for number in range(n_samples)]
        assert min(len(steps) for steps, _ in dataset.samples()) > 1000


def test_a_number_of_threads_below_one_is_refused(
    tmp_path: Path, nmnist_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, nmnist(nmnist_directory), "prepared", "--threads", "0") == 1
    assert capsys.readouterr().err == "error: --threads 0: at least one is needed\n"


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
        ("{name", "not a JSON file"),
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
