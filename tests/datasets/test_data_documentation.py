"""The examples of the pages on data run, and lead to data that the pipeline can prepare."""

import json
import re
import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from eprop_core import configuration
from eprop_core.datasets import synthetic_speech
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepare import main
from official_formats import write_shd

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs" / "reference" / "data.md").read_text(encoding="utf-8")
TUTORIAL = (PROJECT / "docs" / "tutorials" / "own_recordings.md").read_text(encoding="utf-8")
SECTION = (PROJECT / "docs" / "how_to" / "own_data.md").read_text(encoding="utf-8")


class Recorded(NamedTuple):
    times: np.ndarray
    channels: np.ndarray
    label: str


def block(text: str, language: str, containing: str) -> str:
    (found,) = [one for one in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if containing in one]
    return str(found)


def structured(seed: int, width: int = 34, last: int = 290_000) -> np.ndarray:
    random = np.random.default_rng(seed)
    array = np.zeros(50, [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
    array["t"] = np.sort(random.integers(0, last, 50))
    for name, n in (("x", width), ("y", width), ("p", 2)):
        array[name] = random.integers(0, n, 50)
    return array


def prepared(directory: Path, dataset: dict[str, Any]) -> EventDataset:
    (directory / "parameters.json").write_text(json.dumps(dataset))
    assert main([str(directory / "parameters.json"), str(directory / "out")]) == 0
    return EventDataset.load(directory / "out/train.npz")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_writes_a_file_that_is_read(here: Path) -> None:
    recordings = [
        Recorded(np.array([0.01 * n, 0.5]), np.array([n, 9]), "ab"[n % 2]) for n in range(1, 7)
    ]  # fmt: skip
    exec(block(DOCUMENT, "python", "np.savez"), {"my_recordings": lambda: recordings})
    dataset = {"name": "events", "train": "train.npz", "test": "train.npz", "n_steps": 100, "duration": 1.0}
    train = prepared(here, dataset | {"n_channels": 10})
    assert [train.sample(n)[0].tolist() for n in range(6)] == [[n, 50] for n in range(1, 7)]
    assert train.labels.tolist() == [1, 0, 1, 0, 1, 0]


def test_arrays_become_a_file_that_is_read(here: Path) -> None:
    pairs = [(structured(n), n % 3) for n in range(9)]
    exec(block(DOCUMENT, "python", "for events, label in my_data_set"), {"my_data_set": pairs})
    first = prepared(here, {"name": "events", "train": "train.npz", "test": "train.npz", "n_steps": 100})
    exec(block(SECTION, "python", "from_recordings(pairs"), {"pairs": pairs})
    dataset = yaml.safe_load(re.search(r"dataset: ({name: events, train: recordings.npz.*?})", SECTION)[1])  # type: ignore[index]
    second = prepared(here, dataset | {"test_share": 0.34})
    assert (first.n_channels, second.n_channels, len(first), len(second)) == (2312, 2312, 9, 6)
    assert first.steps.max() > second.steps.max()  # 0.3 s and 1 s


def test_the_configuration_reads_hdf5_as_of_shd(here: Path) -> None:
    values = yaml.safe_load(block(SECTION, "yaml", "tasks:"))
    read = configuration.load(values, "mine.yaml")
    random = np.random.default_rng(1)
    samples = [(np.sort(random.uniform(0, 1.2, 30)), random.integers(0, 700, 30)) for _ in range(200)]
    write_shd(here / "recordings.h5", samples, np.arange(200) % 4, speakers=np.arange(200) // 20)
    train = prepared(here, read.tasks["mine"].dataset.model_dump())
    assert (len(train), train.n_channels, train.n_steps) == (160, 140, 100)
    values["tasks"]["mine"]["dataset"]["validation_groups"] = [4, 7]
    train = prepared(here, configuration.load(values, "mine.yaml").tasks["mine"].dataset.model_dump())
    validation = EventDataset.load(here / "out/validation.npz")
    assert len(train) + len(validation) + len(EventDataset.load(here / "out/test.npz")) == 200
    assert 0 < len(validation) <= 40


def test_data_sets_of_tonic_and_its_readers_are_converted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module takes the place of Tonic: data sets have items and a length, readers return shape and array."""

    class DVSGesture:
        sensor_size = (128, 128, 2)

        def __init__(self, save_to: str, train: bool) -> None:
            self.n = 22 if train else 11

        def __len__(self) -> int:
            return self.n

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            if index >= self.n:
                raise IndexError
            return structured(index, 128, 6_000_000), index % 11

    tonic, io = types.ModuleType("tonic"), types.ModuleType("tonic.io")
    tonic.datasets = types.SimpleNamespace(DVSGesture=DVSGesture)  # type: ignore[attr-defined]
    tonic.io = io  # type: ignore[attr-defined]
    io.read_dvs_ibm = lambda file: ((128, 128), structured(len(file), 128, 6_000_000))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tonic", tonic)
    monkeypatch.setitem(sys.modules, "tonic.io", io)
    exec(block(DOCUMENT, "python", "tonic.datasets.DVSGesture("), {})
    dataset = re.search(r"dataset: ({name: events, train: train.npz, test.*?})", DOCUMENT)[1]  # type: ignore[index]
    train = prepared(here, yaml.safe_load(dataset))
    assert (len(train), train.n_channels, train.n_classes) == (22, 2 * 32 * 32, 11)

    (here / "trials_to_train.txt").write_text("user01_a.aedat\nuser02_a.aedat\n")
    for name in ("user01_a", "user02_a"):
        rows = ["class,startTime_usec,endTime_usec", "1,0,3000000", "2,3000000,6000000"]
        (here / f"{name}_labels.csv").write_text("\n".join(rows))
    exec(block(DOCUMENT, "python", "csv.DictReader"), {})
    assert EventDataset.load(here / "train.npz").labels.tolist() == [0, 1, 0, 1]


def test_the_configuration_of_shd_is_valid() -> None:
    values = yaml.safe_load((PROJECT / "config" / "shd.yaml").read_text(encoding="utf-8"))
    read = configuration.load(values, "config/shd.yaml")
    network: Any = read.tasks["shd"].network
    assert (network.n_recurrent, network.neuron.adaptation.share) == (256, 1.0)
    assert read.tasks["shd"].dataset.has_validation


def test_the_tutorial_prepares_recordings_arrays_and_targets(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (arguments,) = re.findall(r"python -m eprop_core.datasets.synthetic_speech (.*)", TUTORIAL)
    monkeypatch.setattr(sys, "argv", ["synthetic_speech", *arguments.split()])
    synthetic_speech.main()
    values = yaml.safe_load(block(TUTORIAL, "yaml", "tasks:"))
    task = values["tasks"]["synthetic"]
    trained = prepared(here, task["dataset"])
    assert (len(trained), len(EventDataset.load(here / "out/test.npz"))) == (150, 50)
    exec(block(TUTORIAL, "python", "from_recordings(pairs"), {})
    exec(block(TUTORIAL, "python", "targets = np.zeros"), {})
    sizes = []
    for containing in ("arrays.npz", "learn: targets"):
        task["dataset"] = yaml.safe_load(block(TUTORIAL, "yaml", containing))["dataset"]
        assert configuration.load(values, "copy.yaml").tasks["synthetic"].dataset.name == "events"
        data = prepared(here, task["dataset"])
        sizes.append((len(data), data.n_channels, data.n_steps, data.n_readout))
    assert sizes == [(160, 128, 150, 10), (150, 128, 150, 2)]
