import re
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets.events import DatasetError, EventDataset, bin_events


def dataset(**changes: object) -> EventDataset:
    values = {
        "steps": np.array([0, 0, 4, 1, 2], np.int32),
        "channels": np.array([1, 2, 0, 2, 2], np.int32),
        "offsets": np.array([0, 3, 3, 5], np.int64),
        "labels": np.array([1, 0, 1], np.int64),
        "n_channels": 3,
        "n_steps": 5,
        "n_classes": 2,
    }
    return EventDataset(**(values | changes))  # type: ignore[arg-type]


def assert_equal(one: EventDataset, other: EventDataset) -> None:
    for name in ("steps", "channels", "offsets", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("n_channels", "n_steps", "n_classes"):
        assert getattr(one, name) == getattr(other, name)


def test_events_of_a_channel_in_one_step_are_one_event() -> None:
    steps, channels = bin_events([3, 0, 3, 3, 0], [7, 9, 7, 2, 1], n_channels=10)
    assert steps.tolist() == [0, 0, 3, 3]
    assert channels.tolist() == [1, 9, 2, 7]
    assert steps.dtype == channels.dtype == np.int32


def test_each_sample_has_its_own_events() -> None:
    samples = [tuple(array.tolist() for array in dataset().sample(index)) for index in range(3)]
    assert samples == [([0, 0, 4], [1, 2, 0]), ([], []), ([1, 2], [2, 2])]
    assert len(dataset()) == 3


def test_a_subset_has_the_order_of_its_indices() -> None:
    subset = dataset().subset([2, 0])
    assert_equal(subset, dataset().subset(np.array([2, 0])))
    assert subset.labels.tolist() == [1, 1]
    assert subset.offsets.tolist() == [0, 2, 5]
    assert subset.channels.tolist() == [2, 2, 1, 2, 0]


def test_a_joined_data_set_has_the_samples_of_both() -> None:
    one, other = dataset().subset([2, 0]), dataset().subset([1, 2])
    assert_equal(one.joined(other), dataset().subset([2, 0, 1, 2]))


def test_data_sets_of_different_sizes_are_not_joined() -> None:
    with pytest.raises(DatasetError, match="n_channels: 3 and 2; expected data sets of equal n_channels to join"):
        dataset().joined(dataset().select_channels(np.array([0, 2])))


def test_selected_channels_are_renumbered_in_order() -> None:
    selected = dataset().select_channels(np.array([0, 2]))
    assert selected.n_channels == 2
    assert selected.steps.tolist() == [0, 4, 1, 2]
    assert selected.channels.tolist() == [1, 0, 1, 1]
    assert selected.offsets.tolist() == [0, 2, 2, 4]


def test_a_saved_data_set_is_read_again(tmp_path: Path) -> None:
    dataset().save(tmp_path / "train.npz")
    assert_equal(EventDataset.load(tmp_path / "train.npz"), dataset())
    assert [path.name for path in tmp_path.iterdir()] == ["train.npz"]


@pytest.mark.parametrize("n_bytes", [0, 10, 300, -1, -30])
def test_a_truncated_file_is_reported(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "train.npz"
    dataset().save(path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(DatasetError, match=re.escape(f"{path}: damaged")) as raised:
        EventDataset.load(path)
    assert "\n" not in str(raised.value)


def test_a_flipped_byte_is_reported_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "train.npz"
    dataset().save(path)
    saved = path.read_bytes()
    n_reported = 0
    for position in range(0, len(saved), 5):
        data = bytearray(saved)
        data[position] ^= 0xFF
        path.write_bytes(data)
        try:
            assert_equal(EventDataset.load(path), dataset())  # such as after a change of the date of an array
        except DatasetError as error:
            assert str(error).startswith(f"{path}: damaged")
            n_reported += 1
    assert n_reported > 100


def test_a_missing_file_and_a_foreign_file_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        EventDataset.load(tmp_path / "train.npz")
    np.savez(tmp_path / "foreign.npz", weights=np.zeros(3))
    with pytest.raises(DatasetError, match="damaged, or not a prepared data set"):
        EventDataset.load(tmp_path / "foreign.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": np.array([0, 0, 5, 1, 2], np.int32)}, "steps: from 0 to 5; allowed are 0 to 4"),
        ({"channels": np.array([-1, 2, 0, 2, 2], np.int32)}, "channels: from -1 to 2; allowed are 0 to 2"),
        ({"labels": np.array([2, 0, 1])}, "labels: from 0 to 2; allowed are 0 to 1"),
        ({"steps": np.array([0, 0, 4, 2, 1], np.int32)}, "event 4: expected order by step"),
        ({"channels": np.array([2, 1, 0, 2, 2], np.int32)}, "event 1: expected order by step"),
        ({"channels": np.array([1, 1, 0, 2, 2], np.int32)}, "event 1: expected .* each pair once"),
        ({"offsets": np.array([0, 4, 3, 5])}, "offsets must ascend"),
        ({"offsets": np.array([0, 3, 3, 6])}, "offsets must ascend from 0 to the number of events, 5"),
        ({"offsets": np.array([0, 5])}, "offsets must be one longer than labels"),
        ({"steps": np.zeros(5)}, "steps: float64 of shape"),
    ],
)
def test_inconsistent_arrays_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        dataset(**changes)


def test_samples_without_events_are_allowed() -> None:
    empty = np.empty(0, np.int32)
    only_empty = EventDataset.from_samples([(empty, empty)] * 3, np.zeros(3, np.int64), 3, 5, 2)
    assert only_empty.offsets.tolist() == [0, 0, 0, 0]
    ends = dataset(offsets=np.array([0, 5, 5, 5]), steps=np.array([0, 1, 2, 3, 4], np.int32))
    assert len(ends.sample(2)[0]) == 0
