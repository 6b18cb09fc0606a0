"""Splits of prepared data come from one preparation."""

import json
from pathlib import Path

import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepare import main
from eprop_core.datasets.prepared import load_together
from eprop_core.errors import DatasetError


def prepare(tmp_path: Path, source: Path, name: str, **parameters: object) -> Path:
    values = {"name": "nmnist", "path": str(source), "n_steps": 20} | parameters
    (tmp_path / "parameters.json").write_text(json.dumps(values))
    assert main([str(tmp_path / "parameters.json"), str(tmp_path / name)]) == 0
    return tmp_path / name


def files(directory: Path) -> list[Path]:
    return [directory / "train.npz", directory / "test.npz"]


def test_a_file_of_another_preparation_is_refused(tmp_path: Path, nmnist_directory: Path) -> None:
    one = prepare(tmp_path, nmnist_directory, "one")
    other = prepare(tmp_path, nmnist_directory, "other", test_samples=3)
    assert list(load_together(files(one))) == ["train", "test"]
    (other / "test.npz").replace(one / "test.npz")
    with pytest.raises(DatasetError, match=r"test\.npz: is not the file that dataset\.json beside it describes"):
        load_together(files(one))
    (one / "dataset.json").unlink()
    assert len(load_together(files(one))["test"]) == 3


def test_splits_of_other_sizes_are_refused(tmp_path: Path, nmnist_directory: Path) -> None:
    directory = prepare(tmp_path, nmnist_directory, "one")
    (directory / "dataset.json").unlink()
    test = EventDataset.load(directory / "test.npz")
    test.select_channels(range(5)).save(directory / "test.npz")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"n_channels: 2312 in .*train\.npz and 5 in .*test\.npz"):
        load_together(files(directory))


def test_files_of_a_desktop_beside_the_data_do_not_stop_the_next_preparation(
    tmp_path: Path, nmnist_directory: Path
) -> None:
    directory = prepare(tmp_path, nmnist_directory, "one")
    (directory / ".DS_Store").write_bytes(b"")
    assert prepare(tmp_path, nmnist_directory, "one") == directory
