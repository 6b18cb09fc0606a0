import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset, bin_events
from eprop_core.errors import DatasetError


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
    with pytest.raises(DatasetError, match="n_channels: 3 in one and 2 in the other; expected data sets"):
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


def test_equal_data_make_equal_files(tmp_path: Path) -> None:
    dataset().save(tmp_path / "one.npz")
    EventDataset.load(tmp_path / "one.npz").subset([2, 1, 0]).subset([2, 1, 0]).save(tmp_path / "other.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize(("n_steps", "n_channels", "n_bytes"), [(2**16, 2**16, 4), (2**16 + 1, 5, 6), (7, 2**31, 6)])
def test_an_event_takes_as_few_bytes_as_its_step_and_channel_need(
    tmp_path: Path, n_steps: int, n_channels: int, n_bytes: int
) -> None:
    steps, channels = np.array([0, n_steps - 1], np.int32), np.array([n_channels - 1, 0], np.int32)
    for n_samples in (1, 1001):
        labels = np.zeros(n_samples, np.int64)
        large = EventDataset.from_samples([(steps, channels)] * n_samples, labels, n_channels, n_steps, 1)
        large.save(tmp_path / f"{n_samples}.npz")
        loaded = EventDataset.load(tmp_path / f"{n_samples}.npz")
        assert_equal(loaded, large)
        assert loaded.sample(n_samples - 1)[0].tolist() == [0, n_steps - 1]
        assert loaded.sample(n_samples - 1)[1].tolist() == [n_channels - 1, 0]
    of_a_sample = ((tmp_path / "1001.npz").stat().st_size - (tmp_path / "1.npz").stat().st_size) / 1000
    assert of_a_sample == pytest.approx(2 * n_bytes + 8 + 8 + 4, abs=0.2)  # events; offset, label and checksum


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
    for position in range(len(saved)):
        data = bytearray(saved)
        data[position] ^= 0xFF
        path.write_bytes(data)
        try:
            assert_equal(EventDataset.load(path), dataset())  # such as after a change of the date of an array
        except DatasetError as error:
            assert str(error).startswith(f"{path}: damaged")
            assert "\n" not in str(error)
            n_reported += 1
    assert n_reported > 1000


def change_event(path: Path, sample: int, bit: int) -> None:
    """Change a bit of the events of a sample of :func:`large_dataset`."""
    stored = np.stack(large_dataset().sample(sample), axis=1).astype("<u2").tobytes()
    data = path.read_bytes()
    assert data.count(stored) == 1
    place = data.index(stored) + bit // 8 % len(stored)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([data[place] ^ 1 << bit % 8]))


def large_dataset() -> EventDataset:
    random = np.random.default_rng(1)
    samples = [bin_events(*random.integers(0, 100, (2, 3000)), n_channels=100) for _ in range(3)]
    return EventDataset.from_samples(samples, [1, 0, 1], n_channels=100, n_steps=100, n_classes=2)


@pytest.mark.parametrize("bit", [0, 1, 15, 16, 5007, 23456, -1])
def test_a_changed_bit_of_an_event_is_reported_with_its_sample_and_no_other(tmp_path: Path, bit: int) -> None:
    path = tmp_path / "train.npz"
    large_dataset().save(path)
    change_event(path, 1, bit)
    loaded = EventDataset.load(path)
    with pytest.raises(DatasetError, match=re.escape(f"{path}: damaged in the events of sample 1; expected those ")):
        loaded.sample(1)
    assert_equal(loaded.subset([2, 0]), large_dataset().subset([2, 0]))


def flag(path: Path) -> None:
    change_entry(path, 6, 1)


def method(path: Path) -> None:
    change_entry(path, 8, 99)


def change_entry(path: Path, place: int, value: int) -> None:
    """Change a byte of the two headers of an array in the archive."""
    data, name = bytearray(path.read_bytes()), b"labels.npy"
    data[data.find(name) - 30 + place] = data[data.rfind(name) - 46 + place + 2] = value
    path.write_bytes(data)


def rewrite(path: Path, **changes: object) -> None:
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez(path, **arrays)


def compress(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    "damage",
    [
        flag,
        method,
        compress,
        lambda path: rewrite(path, n_steps=np.inf),
        lambda path: rewrite(path, n_steps=4),
        lambda path: rewrite(path, n_channels=2**40),
        lambda path: rewrite(path, n_channels="3"),
        lambda path: rewrite(path, offsets=np.array([0, 3, 3, 4])),
        lambda path: rewrite(path, offsets=np.array([], np.int64)),
        lambda path: rewrite(path, labels=np.array([1, 1, 1])),
        lambda path: rewrite(path, checksums=np.zeros(3, np.uint32)),
        lambda path: rewrite(path, events=np.zeros(4, "<u2,<u2")),
    ],
)
def test_a_changed_file_is_reported(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "train.npz"
    dataset().save(path)
    damage(path)
    with pytest.raises(DatasetError, match=re.escape(f"{path}: damaged, or not a prepared data set (")) as raised:
        EventDataset.load(path)
    assert "\n" not in str(raised.value)


def test_samples_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    """Selections and data sets together read the file, too, instead of a copy."""
    path = tmp_path / "train.npz"
    large_dataset().save(path)
    loaded = EventDataset.load(path)
    selected = large_dataset().joined(loaded).subset([0, 5])
    assert_equal(selected, large_dataset().subset([0, 2]))
    change_event(path, 2, 4000)
    for damaged, index in ((loaded, 2), (selected, 1)):
        with pytest.raises(DatasetError, match="damaged in the events of sample 2"):
            damaged.sample(index)
    assert_equal(selected.subset([0]), loaded.subset([0]))


READ_ALL = """
import sys, psutil
from eprop_core.datasets.events import EventDataset
memory = psutil.Process().memory_info
data = EventDataset.load(sys.argv[1])
data.sample(0)
before, most, n_events = memory().rss, 0, 0
for steps, channels in data.joined(data).subset(range(2 * len(data))).samples():
    n_events += len(steps)
    most = max(most, memory().rss - before)
print(n_events, most)
"""


def test_reading_all_samples_takes_little_memory(tmp_path: Path) -> None:
    steps, channels = (array.ravel().astype(np.int32) for array in np.indices((100, 200)))
    samples, n_samples = ((steps, channels) for _ in range(800)), 800
    EventDataset.from_samples(samples, np.zeros(n_samples), 200, 100, 1).save(tmp_path / "train.npz")
    assert (tmp_path / "train.npz").stat().st_size > 60e6
    command = [sys.executable, "-c", READ_ALL, str(tmp_path / "train.npz")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    n_events, most = map(int, output.split())
    assert n_events == 2 * 800 * 20_000
    assert most < 10e6


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


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([([0, 1], [0, 1]), ([1, 0], [0, 1])], "sample 1: event 1: expected order by step"),
        ([([0, 1], [0, 3]), ([0, 1], [0, 1])], "sample 0: channels: from 0 to 3; allowed are 0 to 2"),
        ([([0, 1], [0]), ([0, 1], [0, 1])], "sample 0: 1 channels and 2 steps; expected as many"),
        ([([0, 1], [0, 1])], "1 samples and 2 labels; expected as many"),
    ],
)
def test_wrong_samples_are_refused(samples: list[tuple[list[int], list[int]]], message: str) -> None:
    arrays = [(np.array(steps, np.int32), np.array(channels, np.int32)) for steps, channels in samples]
    with pytest.raises(DatasetError, match=message):
        EventDataset.from_samples(arrays, [0, 1], 3, 2, 2)


def test_samples_without_events_are_allowed() -> None:
    empty = np.empty(0, np.int32)
    only_empty = EventDataset.from_samples([(empty, empty)] * 3, np.zeros(3, np.int64), 3, 5, 2)
    assert only_empty.offsets.tolist() == [0, 0, 0, 0]
    ends = dataset(offsets=np.array([0, 5, 5, 5]), steps=np.array([0, 1, 2, 3, 4], np.int32))
    assert len(ends.sample(2)[0]) == 0
