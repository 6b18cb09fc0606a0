"""Recordings of any origin become the same events, whatever file they come from."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.parameters import Events
from eprop_core.datasets.recordings.read import read
from eprop_core.errors import DatasetError
from eprop_core.parsing import ParameterError
from official_formats import encode, write_npz, write_shd

N_SAMPLES, N_CHANNELS, N_STEPS, DURATION_MS = 30, 40, 50, 400
Sample = tuple[np.ndarray, np.ndarray]


def recorded(n_samples: int = N_SAMPLES, seed: int = 1) -> tuple[list[Sample], np.ndarray]:
    """Times in whole ms, most of them at the boundary of two steps of 8 ms, and channels; classes 0 to 2."""
    random = np.random.default_rng(seed)
    samples = []
    for _ in range(n_samples):
        n = random.integers(0, 60)
        times = np.where(random.random(n) < 0.7, 8 * random.integers(0, 50, n), random.integers(0, DURATION_MS, n))
        samples.append((times, random.integers(0, N_CHANNELS, n)))
    return samples, np.arange(n_samples) % 3


def in_seconds(samples: list[Sample], dtype: Any = np.float64) -> list[Sample]:
    return [((times / 1000).astype(dtype), channels) for times, channels in samples]


def expected(samples: list[Sample], n_steps: int = N_STEPS, pooling: int = 1) -> list[set[tuple[int, int]]]:
    """The pairs of step and channel of each sample, in integers alone."""
    return [
        {(int(time) * n_steps // DURATION_MS, int(channel) // pooling) for time, channel in zip(*sample, strict=True)}
        for sample in samples
    ]


def pairs(dataset: EventDataset) -> list[set[tuple[int, int]]]:
    samples = [dataset.sample(index) for index in range(len(dataset))]
    return [set(zip(steps.tolist(), channels.tolist(), strict=True)) for steps, channels in samples]


def assert_same(one: EventDataset, other: EventDataset) -> None:
    for name in ("steps", "channels", "offsets", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.n_channels, one.n_steps, one.n_classes) == (other.n_channels, other.n_steps, other.n_classes)


def read_own(path: Path, **changes: Any) -> EventDataset:
    options: dict[str, Any] = {"n_steps": N_STEPS, "duration": DURATION_MS / 1000, "n_channels": N_CHANNELS}
    return EventDataset.read(path, **(options | changes))


def events(path: Path, **changes: Any) -> Events:
    values = {"name": "events", "train": str(path), "test": str(path), "n_steps": N_STEPS, "duration": 0.4}
    return Events(**(values | {"n_channels": N_CHANNELS} | changes))


@pytest.fixture
def shd(tmp_path: Path) -> Path:
    samples, labels = recorded()
    return write_shd(
        tmp_path / "train.h5",
        in_seconds(samples),
        labels,
        speakers=np.arange(N_SAMPLES) // 3 % 5,
        keys=["null", "eins", "zwei"],
        times_dtype=np.float64,
    )


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4"])
@pytest.mark.parametrize("units", ["<u2", ">i4", "<i8", "<f4"])
def test_byte_order_and_precision_do_not_change_the_steps(tmp_path: Path, dtype: str, units: str) -> None:
    samples, labels = recorded()
    path = write_shd(tmp_path / "train.h5", in_seconds(samples), labels, times_dtype=dtype, units_dtype=units)
    dataset = read_own(path)
    assert pairs(dataset) == expected(samples)
    npz = write_npz(
        tmp_path / "train.npz", [(t.astype(dtype), c.astype(units)) for t, c in in_seconds(samples)], labels
    )
    assert_same(read_own(npz), dataset)


def test_times_of_half_precision_are_widened_before_they_are_binned(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    times = [random.uniform(0, 1, 200).astype(np.float16) for _ in range(6)]
    times = [one[one < 1] for one in times]
    channels = [random.integers(0, N_CHANNELS, len(one)) for one in times]
    path = write_shd(tmp_path / "train.h5", list(zip(times, channels, strict=True)), np.arange(6) % 2)
    dataset = read_own(path, duration=1.0, n_steps=700)
    exact = [
        {(int(Fraction(float(time)) * 700), int(channel)) for time, channel in zip(*sample, strict=True)}
        for sample in zip(times, channels, strict=True)
    ]
    assert pairs(dataset) == exact


def test_the_order_of_events_does_not_change_the_result(tmp_path: Path, shd: Path) -> None:
    samples, labels = recorded()
    random = np.random.default_rng(3)
    orders = [random.permutation(len(times)) for times, _ in samples]
    shuffled = [(t[o], c[o]) for (t, c), o in zip(in_seconds(samples), orders, strict=True)]
    path = write_shd(tmp_path / "other.h5", shuffled, labels, times_dtype=np.float64)
    assert_same(read_own(path), read_own(shd))


def test_a_saved_data_set_is_read_again_and_can_have_fewer_steps(tmp_path: Path, shd: Path) -> None:
    dataset = read_own(shd)
    dataset.save(tmp_path / "saved.npz")
    again = EventDataset.read(tmp_path / "saved.npz", n_steps=N_STEPS)
    assert_same(again, dataset)
    coarse = EventDataset.read(tmp_path / "saved.npz", n_steps=N_STEPS // 5)
    assert_same(coarse, read_own(shd, n_steps=N_STEPS // 5))


def test_a_folder_and_structured_arrays_have_the_events_of_the_file(tmp_path: Path) -> None:
    samples, labels = recorded()
    arrays = []
    for index, ((times, channels), label) in enumerate(zip(samples, labels, strict=True)):
        order = np.argsort(times, kind="stable")
        times, channels = np.append(times[order], 399), np.append(channels[order], 0)  # a file has one event at least
        p, y, x = np.unravel_index(channels, (2, 4, 5))
        file = tmp_path / "folder" / ("ten", "one", "two")[label] / f"{index:03d}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(list(zip(x.tolist(), y.tolist(), p.tolist(), (1000 * times).tolist(), strict=True))))
        array = np.zeros(len(times), [("x", ">i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
        array["x"], array["y"], array["t"], array["p"] = x, y, 1000 * times, p
        arrays.append((array, ("ten", "one", "two")[label]))
        samples[index] = times, channels
    write_shd(tmp_path / "train.h5", in_seconds(samples), [name for _, name in arrays], times_dtype=np.float64)
    sensor = {"n_channels": None, "sensor_size": (5, 4, 2)}
    dataset = read_own(tmp_path / "train.h5", **sensor)
    assert pairs(dataset) == expected(samples)
    assert_same(read_own(tmp_path / "folder", **sensor), dataset)
    given = {"sensor_size": (5, 4, 2), "n_steps": N_STEPS, "duration": 0.4}
    assert_same(EventDataset.from_recordings(arrays, **given), dataset)
    assert_same(EventDataset.from_recordings(iter(arrays), **given, classes=["one", "ten", "two"]), dataset)


def test_recordings_without_rows_need_no_y_and_one_polarity_takes_all_events() -> None:
    array = np.zeros(3, [("t", "<i4"), ("x", "<i4"), ("p", "<i4")])
    array["t"], array["x"], array["p"] = [0, 500_000, 999_999], [3, 699, 0], 1
    dataset = EventDataset.from_recordings([(array, 0), (array, 1)], sensor_size=(700, 1, 1), n_steps=10, duration=1.0)
    assert pairs(dataset)[0] == {(0, 3), (5, 699), (9, 0)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [5, 0, 0]}, "recording 1: event 0: x = 5; expected 0 to 4"),
        ({"y": [0, -1, 0]}, "recording 1: event 1: y = -1; expected 0 to 3"),
        ({"p": [0, 0, 2]}, "recording 1: event 2: polarity = 2; expected 0 to 1"),
        ({"t": [0, 0, 1_000_000]}, "recording 1: event 2: time 1000000; expected less than the duration 1000000"),
        ({"t": [0, -1, 0]}, "recording 1: event 1: time -1.0; expected a finite number from 0 on"),
    ],
)
def test_structured_arrays_off_the_sensor_are_refused(changes: dict[str, Any], message: str) -> None:
    good = np.zeros(3, [("t", "<i4"), ("x", "<i4"), ("y", "<i4"), ("p", "<i4")])
    wrong = good.copy()
    for name, values in changes.items():
        wrong[name] = values
    with pytest.raises(DatasetError, match=message):
        EventDataset.from_recordings([(good, 0), (wrong, 1)], sensor_size=(5, 4, 2), n_steps=10, duration=1.0)


ONE_EVENT = np.zeros(1, [("t", "<i4"), ("x", "<i4"), ("y", "<i4"), ("p", "<i4")])


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([(np.zeros((3, 4)), 0)], "no field t; expected a structured array of t"),
        ([([1, 2], 0)], "no field t; expected a structured array of t"),
        ([], "no recordings; expected at least one"),
        ([ONE_EVENT], "recording 0: ndarray; expected a pair of events and label"),
        ([(ONE_EVENT[:0], 0), (ONE_EVENT[:0], 1)], "no events in any of the recordings; expected some"),
        ([(ONE_EVENT, 0), (ONE_EVENT, "one")], "labels are numbers and names; expected one or the other"),
        ([(ONE_EVENT, [0]), (ONE_EVENT, [0, 1])], "labels have different shapes; expected one dimension"),
        ([(ONE_EVENT, None), (ONE_EVENT, None)], "labels are object; expected integers"),
    ],
)
def test_arrays_of_another_kind_are_refused(recordings: list[Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        EventDataset.from_recordings(recordings, sensor_size=(5, 4, 2), n_steps=10, duration=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_steps": 0}, "n_steps = 0: Input should be greater than or equal to 1"),
        ({"duration": -1.0}, r"duration = -1\.0: Input should be greater than or equal to 0\.000000001"),
        ({"events_beyond": "clip"}, "events_beyond = 'clip': Input should be 'error' or 'cut'"),
        ({"sensor_size": (5, 4)}, "sensor_size = .* at least 3"),
        ({"pooling": 1.5}, "pooling = 1.5"),
    ],
)
def test_arguments_that_are_not_allowed_are_told_as_those_of_a_configuration(
    changes: dict[str, Any], message: str
) -> None:
    options = {"sensor_size": (5, 4, 2), "n_steps": 10, "duration": 1.0} | changes
    with pytest.raises(ParameterError, match=message):
        EventDataset.from_recordings([(ONE_EVENT, 0), (ONE_EVENT, 1)], **options)


def test_arguments_may_be_numbers_of_numpy() -> None:
    options: dict[str, Any] = {"sensor_size": np.array([5, 4, 2]), "n_steps": np.int64(10), "duration": np.float32(1)}
    data = EventDataset.from_recordings([(ONE_EVENT, 0), (ONE_EVENT, 1)], **options)
    assert (data.n_channels, data.n_steps, data.n_classes) == (40, 10, 2)


def test_neighbouring_channels_are_pooled(shd: Path) -> None:
    samples, _ = recorded()
    pooled = read_own(shd, pooling=7)
    assert pooled.n_channels == 6  # the last has 5 channels
    assert pairs(pooled) == expected(samples, pooling=7)


def test_pixels_are_pooled_in_both_directions(tmp_path: Path) -> None:
    x, y, p = (part.ravel() for part in np.meshgrid(range(5), range(4), range(2)))
    array = np.zeros(len(x), [("t", "<i4"), ("x", "<i4"), ("y", "<i4"), ("p", "<i4")])
    array["x"], array["y"], array["p"] = x, y, p
    options = {"sensor_size": (5, 4, 2), "n_steps": 1, "duration": 1.0}
    for event in range(len(x)):
        one = array[event : event + 1]
        dataset = EventDataset.from_recordings([(one, 0), (one, 1)], pooling=2, **options)
        assert dataset.n_channels == 3 * 2 * 2
        assert pairs(dataset)[0] == {(0, p[event] * 6 + y[event] // 2 * 3 + x[event] // 2)}


def test_events_beyond_the_end_are_refused_or_cut_off(shd: Path) -> None:
    samples, _ = recorded()
    with pytest.raises(DatasetError, match=r"train.h5: sample \d+: event \d+: time 0\.\d+; expected less than the dur"):
        read_own(shd, duration=0.2, n_steps=25)
    cut = read_own(shd, duration=0.2, n_steps=25, events_beyond="cut")
    kept = [{(step, channel) for step, channel in one if step < 25} for one in expected(samples)]
    assert pairs(cut) == kept


def test_samples_that_are_aligned_at_their_end_have_their_last_event_in_the_last_step(shd: Path) -> None:
    samples, _ = recorded()
    aligned = pairs(read_own(shd, duration=0.8, n_steps=100, align="end"))
    for own, exact in zip(aligned, expected(samples), strict=True):
        last = max((step for step, _ in exact), default=0)
        assert own == {(step + 99 - last, channel) for step, channel in exact}


def test_numbers_of_events_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_shd(tmp_path / "train.h5", [([0.0, 0.001, 0.1, 0.5], [1, 1, 1, 2]), ([], []), ([0.3], [0])], [0, 1, 0])
    splits = read(events(path, events_beyond="cut"))
    numbers = {"events": 5, "beyond": 1, "merged": 1, "empty_samples": 1}
    assert splits.notes["binning"] == {"train": numbers, "test": numbers}
    assert (
        "train: 3 samples, 5 events, of which 1 came after the end and were cut off, and 1 were merged with another of "
        "their channel and step; 1 samples without events"
    ) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([2, 1, 3], [1, 2, 3], [1, 0, 2]),
        ([0, 1, 2], [0, 1, 2], [0, 1, 2]),
        (["b", "ä", "a"], ["a", "b", "ä"], [1, 2, 0]),
        (np.array([b"b", b"c", b"a"]), ["a", "b", "c"], [1, 2, 0]),
        (np.array([1.0, 0.0, 2.0]), [0, 1, 2], [1, 0, 2]),
    ],
)
def test_labels_are_integers_or_names(tmp_path: Path, labels: Any, classes: list[Any], numbers: list[int]) -> None:
    samples = [([0.1], [1])] * 3
    files = [write_npz(tmp_path / "a.npz", samples, labels), write_shd(tmp_path / "a.h5", samples, labels)]
    for path in files:
        splits = read(events(path))
        assert splits.train.labels.tolist() == numbers
        assert splits.notes["classes"] == classes


def test_labels_are_indices_of_the_listed_names(shd: Path) -> None:
    splits = read(events(shd))
    assert splits.notes["classes"] == ["null", "eins", "zwei"]
    assert splits.train.labels.tolist() == [0, 1, 2] * 10


def test_the_first_samples_are_taken(shd: Path) -> None:
    all_of_them = read_own(shd)
    splits = read(events(shd, train_samples=7, test_samples=4))
    assert_same(splits.train, all_of_them.subset(range(7)))
    assert_same(splits.test, all_of_them.subset(range(4)))
    with pytest.raises(DatasetError, match="train_samples = 31: must not exceed the 30 samples"):
        read(events(shd, train_samples=31))


def test_validation_speakers_are_not_learned_but_tested(shd: Path) -> None:
    splits = read(events(shd, validation_groups=[3, 1]))
    speakers = np.arange(N_SAMPLES) // 3 % 5
    all_of_them, validation = read_own(shd), np.isin(speakers, [1, 3])
    assert splits.validation is not None
    assert_same(splits.validation, all_of_them.subset(np.flatnonzero(validation)))
    assert_same(splits.train, all_of_them.subset(np.flatnonzero(~validation)))
    assert_same(splits.test, all_of_them)


def test_validation_samples_may_have_a_file_of_their_own(tmp_path: Path, shd: Path) -> None:
    samples, labels = recorded(9, seed=5)
    path = write_npz(tmp_path / "validation.npz", in_seconds(samples), labels)
    splits = read(events(shd, validation=str(path)))
    assert splits.validation is not None
    assert pairs(splits.validation) == expected(samples)
    assert len(splits.train) == N_SAMPLES


@pytest.mark.parametrize("share", [0.2, 0.34, 0.5])
def test_a_share_of_one_file_is_drawn_for_the_test_class_by_class(shd: Path, share: float) -> None:
    splits = [read(events(shd, test=None, test_share=share, seed=seed)) for seed in (1, 1, 2)]
    assert_same(splits[0].test, splits[1].test)
    assert pairs(splits[0].test) != pairs(splits[2].test)
    n_test = int(share * N_SAMPLES)
    assert (len(splits[0].train), len(splits[0].test)) == (N_SAMPLES - n_test, n_test)
    by_class = np.bincount(splits[0].test.labels, minlength=3)
    assert np.all(np.abs(by_class - share * 10) < 1)
    both = Counter(map(str, map(sorted, pairs(splits[0].train) + pairs(splits[0].test))))
    assert both == Counter(map(str, map(sorted, pairs(read_own(shd)))))


def test_a_zip_archive_of_one_file_is_read_and_nothing_is_left(tmp_path: Path, shd: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "train.h5.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(shd, "train.h5")
    assert_same(read_own(tmp_path / "train.h5.zip"), read_own(shd))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.h5", "train.h5.zip"]


def test_the_content_of_a_file_decides_how_it_is_read(tmp_path: Path, shd: Path) -> None:
    shd.rename(tmp_path / "train.npz")
    samples, _ = recorded()
    assert pairs(read_own(tmp_path / "train.npz")) == expected(samples)


def test_real_recordings_are_read_as_those_of_the_published_data_set(real_data: Path) -> None:
    folder = real_data / "nmnist" / "Test"
    dataset = EventDataset.read(folder, n_steps=63, duration=0.33604, sensor_size=(34, 34, 2), events_beyond="cut")
    assert dataset.n_classes == 10
    files = sorted(folder.glob("*/*.bin"), key=lambda file: file.name)
    assert dataset.labels.tolist() == [int(file.parent.name) for file in files]
    for index in (0, len(files) - 1):
        words = np.frombuffer(files[index].read_bytes(), np.uint8).reshape(-1, 5)
        exact = set()
        for x, y, high, middle, low in words.tolist():
            time = (high % 128) * 65536 + middle * 256 + low
            if time < 336_040:
                exact.add((time * 63 // 336_040, (high // 128 * 34 + y) * 34 + x))
        assert pairs(dataset.subset([index])) == [exact]


def test_the_description_says_what_was_read(tmp_path: Path, shd: Path) -> None:
    from eprop_core.datasets.prepare import main

    values = {"name": "events", "train": str(shd), "test": str(shd), "n_steps": 50, "duration": 0.4, "n_channels": 40}
    (tmp_path / "p.json").write_text(json.dumps(values | {"validation_groups": [2]}))
    assert main([str(tmp_path / "p.json"), str(tmp_path / "out")]) == 0
    described = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert (described["train"]["samples"], described["validation"]["samples"]) == (24, 6)
    assert described["samples_in_files"] == {"train": 30, "test": 30}
    assert len(described["sources"][str(shd)]["sha256"]) == 64
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["dataset.json", "test.npz", "train.npz", "validation.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": "1"}, "duration = '1': must be a number"),
        ({"time_unit": None}, "time_unit = None: must be a number"),
        ({"time_unit": 0.0}, "time_unit = 0.0: must be a finite number above 0"),
        ({"sensor_size": None}, "sensor_size = None: must be width, height and number of polarities"),
        ({"classes": 3}, "classes = 3: must be a list of integers or of names"),
        ({"classes": [[0], [1]]}, "classes = [[0], [1]]: must be a list of integers or of names"),
    ],
)
def test_wrong_types_end_with_one_line(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"sensor_size": (5, 4, 2), "n_steps": 10, "duration": 1.0}
    with pytest.raises(ParameterError) as error:
        EventDataset.from_recordings([], **given | change)
    assert str(error.value) == message
