"""A look at prepared data: figure, table and summary show what is in the files."""

from pathlib import Path

import numpy as np
import pytest

import small
from eprop_core.commands.summarize import summarize
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.summary import Summary
from eprop_core.errors import DatasetError
from workflow.scripts.datasets import figure, table

pytestmark = pytest.mark.usefixtures("drawing")


@pytest.fixture
def splits() -> dict[str, EventDataset]:
    return {"train": small.dataset(30), "test": small.dataset(12, seed=2)}


def test_a_summary_counts_samples_and_events(splits: dict[str, EventDataset]) -> None:
    train, summary = splits["train"], Summary.of(splits["train"])
    assert summary.samples_per_class.tolist() == [3] * 10
    assert summary.events_per_sample.tolist() == [len(train.sample(i)[0]) for i in range(30)]
    channels = np.concatenate([train.sample(i)[1] for i in range(30)])
    assert summary.events_per_channel[7] == np.count_nonzero(channels == 7) / 30
    steps = np.concatenate([train.sample(i)[0] for i in range(30)])
    assert summary.events_per_step[3] == np.count_nonzero(steps == 3) / 30


def test_figure_and_table_show_all_splits(splits: dict[str, EventDataset]) -> None:
    summaries = {name: Summary.of(split) for name, split in splits.items()}
    drawn = figure.draw(splits, summaries)
    rasters, panels = ([panel for panel in part.axes if panel.get_visible()] for part in drawn.subfigs)
    assert [panel.get_title(loc="right") for panel in rasters] == [f"class {label}" for label in range(10)]
    steps, channels = splits["train"].sample(4)  # the first of class 4
    np.testing.assert_array_equal(rasters[4].lines[0].get_xydata(), np.stack([steps, channels], axis=1))
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["train", "test"]
    numbers = table.numbers(splits).set_index("measure")
    assert numbers.loc["Samples"].tolist() == [30, 12]
    assert list(table.printed(table.numbers(splits)).columns) == ["Measure", "Train", "Test"]
    written = figure.numbers(summaries)
    assert written[(written["split"] == "test") & (written["quantity"] == "events_per_sample")]["value"].sum() == len(
        splits["test"].steps
    )


def test_a_class_without_samples_has_no_raster(splits: dict[str, EventDataset]) -> None:
    few = {"train": splits["train"].subset([0, 1, 5])}
    drawn = figure.draw(few, {"train": Summary.of(few["train"])})
    rasters = [panel for panel in drawn.subfigs[0].axes if panel.get_visible()]
    assert [panel.get_title(loc="right") for panel in rasters] == ["class 0", "class 1", "class 5"]


def test_targets_are_drawn_over_the_first_samples(tmp_path: Path) -> None:
    samples = [small.dataset(1, seed).sample(0) for seed in range(7)]
    targets = [np.stack([np.arange(40.0), np.full(40, number)], axis=1) for number in range(7)]
    taught = EventDataset.with_targets(samples, targets, 100, 40)
    summary = Summary.of(taught)
    assert (summary.targets["smallest"][0].tolist(), summary.targets["largest"][0].tolist()) == ([0, 0], [0, 6])
    assert summary.targets["mean"][7].tolist() == [7, 3]
    drawn = figure.draw({"train": taught}, {"train": summary})
    rasters = [panel for panel in drawn.subfigs[0].axes if panel.get_visible()]
    assert [panel.get_title(loc="right") for panel in rasters[:5]] == [f"sample {number}" for number in range(5)]
    for number, panel in enumerate(rasters[5:]):
        np.testing.assert_array_equal([line.get_ydata() for line in panel.lines], targets[number].T)
    numbers = figure.numbers({"train": summary})
    assert numbers.loc[numbers["quantity"] == "mean_target_1", "value"].tolist() == [3] * 40
    assert table.numbers({"train": taught}).set_index("measure").loc["Target, largest (mV)"].tolist() == [39]
    taught.save(tmp_path / "train.npz")
    assert next(summarize(tmp_path)).endswith("100 channels, 40 steps, 2 targets")


def test_the_command_prints_a_directory_or_a_file(splits: dict[str, EventDataset], tmp_path: Path) -> None:
    for name, split in splits.items():
        split.save(tmp_path / f"{name}.npz")
    lines = list(summarize(tmp_path))
    assert lines[0] == f"{tmp_path}: 100 channels, 40 steps, 10 classes"
    assert lines[1].split() == ["train", "test"]
    assert lines[2].split() == ["Samples", "30", "12"]
    assert lines[-1].split() == ["9", "3", "1"]
    assert list(summarize(tmp_path / "test.npz"))[2].split() == ["Samples", "12"]
    with pytest.raises(DatasetError, match="holds no prepared data"):
        list(summarize(tmp_path.parent))
