"""The pipeline prepares recordings of the user's own again when their content changes, and only then."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from eprop_core.datasets.events import EventDataset
from official_formats import write_npz, write_shd

PROJECT = Path(__file__).parents[2]


def write(path: Path, channel: int) -> None:
    """Write samples that differ by one channel, always with the same date."""
    write_npz(path, [(np.array([0.1, 0.2]), np.array([channel, 3]))] * 12, np.arange(12) % 2, groups=np.arange(12) % 3)
    os.utime(path, (1_600_000_000, 1_600_000_000))


def run(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "--cores", "1"]
    command += ["--configfile", "mine.yaml", *arguments]
    finished = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


@pytest.mark.parametrize("validation", [None, [2]])
def test_a_changed_recording_repeats_the_preparation(tmp_path: Path, validation: list[int] | None) -> None:
    write(tmp_path / "mine.npz", 1)
    dataset = {
        "name": "events",
        "train": "mine.npz",
        "test": "mine.npz",
        "duration": 1.0,
        "n_steps": 10,
        "n_channels": 4,
        "validation_groups": validation,
    }
    task = {"dataset": dataset, "network": {"n_recurrent": 5}, "training": {"epochs": 1}}
    studies = {"learning": {"tasks": ["mine"], "seeds": [1]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"tasks": {"mine": task}, "studies": studies}))
    rule = "prepare_dataset" if validation is None else "prepare_dataset_with_validation"
    run(tmp_path, "--until", rule)
    (prepared,) = (tmp_path / "results" / "datasets").iterdir()
    assert EventDataset.load(prepared / "train.npz").channels.min() == 1
    assert (prepared / "validation.npz").exists() == (validation is not None)

    before = (prepared / "train.npz").stat().st_mtime_ns
    os.utime(tmp_path / "mine.npz")
    run(tmp_path, "--until", rule)
    assert (prepared / "train.npz").stat().st_mtime_ns == before

    write(tmp_path / "mine.npz", 2)
    run(tmp_path, "--until", rule)
    assert EventDataset.load(prepared / "train.npz").channels.min() == 2


def write_small_shd(directory: Path, unit: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, second in (("shd_train.h5", 0.2), ("shd_test.h5", 0.3)):
        samples, labels = [([0.1, second], [unit, 3])] * 60, np.arange(60) % 20
        write_shd(directory / name, samples, labels, speakers=9 + np.arange(60) // 20)


def test_a_published_data_set_is_prepared_again_when_its_content_changes_not_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_shd(tmp_path / "here/shd", 1)
    task = {"dataset": {"name": "shd"}, "network": {"n_recurrent": 5}, "training": {"epochs": 1}}
    studies = {"learning": {"tasks": ["shd"], "seeds": [1]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"tasks": {"shd": task}, "studies": studies}))
    until = ("--until", "prepare_dataset_with_validation")
    monkeypatch.setenv("EPROP_BENCH_DATA", str(tmp_path / "here"))
    assert "Download what is missing of shd-" in run(tmp_path, *until)
    (prepared,) = (tmp_path / "results" / "datasets").iterdir()
    before = (prepared / "train.npz").stat().st_mtime_ns

    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.setenv("EPROP_BENCH_DATA", str(tmp_path / "there"))
    os.utime(tmp_path / "there/shd/shd_train.h5")
    run(tmp_path, *until)
    assert (prepared / "train.npz").stat().st_mtime_ns == before

    write_small_shd(tmp_path / "there/shd", 2)
    run(tmp_path, *until)
    assert EventDataset.load(prepared / "train.npz").channels.min() == 2
