"""Targets over time come from the same files as labels, and fit the samples, or are refused."""

import json
import re
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.folds import fold
from eprop_core.datasets.prepare import main
from eprop_core.errors import DatasetError
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parsing import ParameterError, parse
from official_formats import encode, write_npz, write_shd

N_SAMPLES, N_STEPS, N_CHANNELS = 12, 20, 8
TARGETS = np.random.default_rng(1).normal(size=(N_SAMPLES, N_STEPS, 2))
SAMPLES = [([0.05 * number + 0.01], [number % N_CHANNELS]) for number in range(N_SAMPLES)]
OPTIONS: dict[str, Any] = {"n_steps": N_STEPS, "duration": 1.0, "n_channels": N_CHANNELS, "learn": "targets"}


def write_hdf5(path: Path, targets: Any = TARGETS, **options: Any) -> Path:
    write_shd(path, SAMPLES, np.zeros(N_SAMPLES, int), speakers=np.arange(N_SAMPLES) % 4, times_dtype=np.float64)
    with h5py.File(path, "r+") as file:
        del file["labels"]
        file.create_dataset("targets", data=targets, **options)
    return path


def read_targets(path: Path, **changes: Any) -> np.ndarray:
    return np.array(list(EventDataset.read(path, **(OPTIONS | changes)).targets()))


@pytest.mark.parametrize("dtype", ["<f8", ">f8", ">f4", "<f2", "<i2"])
def test_targets_are_widened_from_any_type(tmp_path: Path, dtype: str) -> None:
    given = (100 * TARGETS).astype(dtype)
    np.testing.assert_array_equal(read_targets(write_hdf5(tmp_path / "a.h5", given)), given.astype(float))
    npz = write_npz(tmp_path / "a.npz", SAMPLES, np.zeros(0), targets=given)
    np.testing.assert_array_equal(read_targets(npz), given.astype(float))


def test_one_signal_needs_no_third_dimension(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5", TARGETS[:, :, 0], chunks=(5, 7), compression="gzip")
    np.testing.assert_array_equal(read_targets(path), TARGETS[:, :, :1])


def test_finer_steps_become_their_mean(tmp_path: Path) -> None:
    fine = np.repeat(TARGETS, 3, axis=1) + np.tile([-0.5, 0.0, 0.5], N_STEPS)[:, np.newaxis]
    np.testing.assert_allclose(read_targets(write_hdf5(tmp_path / "a.h5", fine)), TARGETS, rtol=1e-12, atol=1e-12)


def test_a_saved_data_set_keeps_its_targets(tmp_path: Path) -> None:
    data = EventDataset.read(write_hdf5(tmp_path / "a.h5"), **OPTIONS)
    data.subset([5, 3]).joined(data).save(tmp_path / "saved.npz")
    loaded = EventDataset.load(tmp_path / "saved.npz")
    assert (loaded.n_outputs, loaded.n_readout) == (2, 2)
    np.testing.assert_array_equal(list(loaded.targets()), TARGETS[[5, 3, *range(N_SAMPLES)]])
    again = read_targets(tmp_path / "saved.npz", duration=None, n_channels=None)
    np.testing.assert_array_equal(again, TARGETS[[5, 3, *range(N_SAMPLES)]])
    coarse = read_targets(tmp_path / "saved.npz", duration=None, n_channels=None, n_steps=10)
    np.testing.assert_allclose(coarse[2:], TARGETS.reshape(N_SAMPLES, 10, 2, 2).mean(axis=2))
    np.testing.assert_array_equal(list(data.select_channels(np.arange(3)).targets()), TARGETS)


def test_a_changed_bit_of_a_target_is_reported_with_its_sample(tmp_path: Path) -> None:
    path, targets = tmp_path / "saved.npz", np.repeat(TARGETS, 40, axis=2)
    EventDataset.read(write_hdf5(tmp_path / "a.h5", targets), **OPTIONS).save(path)
    content = bytearray(path.read_bytes())
    content[content.index(targets[3].tobytes()) + 17] ^= 4
    path.write_bytes(content)
    loaded = EventDataset.load(path)
    np.testing.assert_array_equal(loaded.target(2), targets[2])
    with pytest.raises(DatasetError, match=re.escape(f"{path}: damaged in the targets of sample 3; expected those of")):
        loaded.target(3)


def forge(path: Path, **changed: Any) -> None:
    """Write other arrays to a file, with the checksums that fit them."""
    with np.load(path) as file:
        arrays = {**file, **{name: np.asarray(value) for name, value in changed.items()}}
    names = ("offsets", "labels", "n_channels", "n_steps", "n_classes", "checksums", "n_outputs", "target_checksums")
    arrays["checksum"] = np.array(zlib.crc32(b"".join(arrays[name].tobytes() for name in names)), np.uint32)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_outputs", 1, "targets of shape (12, 20, 2)"),
        ("n_outputs", 0, "n_outputs must be an integer of at least 1"),
        ("n_outputs", [2], "n_outputs must be an integer of at least 1"),
        ("n_outputs", 2.0, "n_outputs must be an integer of at least 1"),
        ("target_checksums", np.zeros(11, np.uint32), "11 target_checksums for 12 samples"),
        ("targets", TARGETS[:, :, :1], "targets of shape (12, 20, 1) and type float64"),
        ("targets", TARGETS.reshape(12, 10, 4), "targets of shape (12, 10, 4) and type float64"),
        ("targets", TARGETS.reshape(240, 2), "targets of shape (240, 2) and type float64"),
        ("targets", TARGETS[1:], "targets of shape (11, 20, 2) and type float64"),
        ("targets", TARGETS.astype(np.float32), "targets of shape (12, 20, 2) and type float32"),
    ],
)
def test_stored_targets_that_contradict_the_rest_are_refused(
    name: str, value: Any, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "saved.npz"
    EventDataset.read(write_hdf5(tmp_path / "a.h5"), **OPTIONS).save(path)
    forge(path, **{name: value})
    with pytest.raises(DatasetError, match=re.escape(message)):
        EventDataset.load(path)


def test_stored_targets_that_are_not_finite_are_refused_with_their_sample(tmp_path: Path) -> None:
    path, targets = tmp_path / "saved.npz", with_nan(np.nan)
    EventDataset.read(write_hdf5(tmp_path / "a.h5"), **OPTIONS).save(path)
    forge(path, targets=targets, target_checksums=np.array([zlib.crc32(one.data) for one in targets], np.uint32))
    loaded = EventDataset.load(path)
    np.testing.assert_array_equal(loaded.target(3), TARGETS[3])
    with pytest.raises(DatasetError, match=re.escape(f"{path}: sample 4: target is not finite; expected finite")):
        loaded.target(4)


def test_data_sets_of_other_targets_are_not_joined(tmp_path: Path) -> None:
    two = EventDataset.read(write_hdf5(tmp_path / "two.h5"), **OPTIONS)
    one = EventDataset.read(write_hdf5(tmp_path / "one.h5", TARGETS[:, :, :1]), **OPTIONS)
    with pytest.raises(DatasetError, match="n_outputs: 2 in one and 1 in the other; expected data sets of equal n_out"):
        two.joined(one)


def test_arrays_in_python_have_targets(tmp_path: Path) -> None:
    array = np.zeros(1, [("t", "<i4"), ("x", "<i4"), ("p", "?")])
    pairs = [(array, target) for target in TARGETS]
    given: dict[str, Any] = {"sensor_size": (8, 1, 1), "n_steps": N_STEPS, "duration": 1.0, "learn": "targets"}
    data = EventDataset.from_recordings(iter(pairs), **given)
    np.testing.assert_array_equal(list(data.targets()), TARGETS)
    lists = EventDataset.from_recordings([(array, [1] * N_STEPS)], **given)
    np.testing.assert_array_equal(lists.target(0), np.ones((N_STEPS, 1)))
    for wrong, message in (
        (TARGETS[0, :, :1], "sample 1: target of type float64 and shape (20, 1); expected float64 (20, 2)"),
        (TARGETS[0, :7], "recording 1: target of 7 steps; expected n_steps = 20, or a multiple"),
        (TARGETS, "recording 1: target of type float64 and shape (12, 20, 2); expected numbers (steps, outputs)"),
        (["a"] * N_STEPS, "recording 1: target of type <U1 and shape (20,); expected numbers"),
        ([[1], [1, 2]], "recording 1: no target; expected numbers"),
        (3, "recording 1: target of type int64 and shape (); expected numbers"),
    ):
        with pytest.raises(DatasetError, match=re.escape(message)):
            EventDataset.from_recordings([pairs[0], (array, wrong)], **given)


def test_folds_and_shares_deal_samples_with_targets(tmp_path: Path) -> None:
    data = EventDataset.read(write_hdf5(tmp_path / "a.h5"), **OPTIONS)
    tested = [target for index in range(3) for target in fold(data, 3, index)[1].targets()]
    assert sorted(map(np.sum, tested)) == sorted(map(np.sum, TARGETS))


def prepare(directory: Path, **values: Any) -> int:
    parameters = {"name": "events", "train": "a.h5", "test_share": 0.25, **OPTIONS, **values}
    (directory / "p.json").write_text(json.dumps(parameters))
    return main([str(directory / "p.json"), str(directory / "out")])


def test_prepared_data_keep_the_targets_of_each_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_hdf5(tmp_path / "a.h5")
    assert prepare(tmp_path, validation_groups=[2]) == 0
    splits = {name: EventDataset.load(tmp_path / "out" / f"{name}.npz") for name in ("train", "validation", "test")}
    assert (len(splits["test"]), sum(map(len, splits.values()))) == (3, 12)
    for split in splits.values():
        for number, (steps, _) in enumerate(split.samples()):
            np.testing.assert_array_equal(split.target(number), TARGETS[steps[0]])  # sample k has its event in step k
    described = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert (described["n_outputs"], described["classes"]) == (2, None)


def with_nan(value: float) -> np.ndarray:
    targets = TARGETS.copy()
    targets[4, 7, 1] = value
    return targets


def unwritten(path: Path) -> None:
    write_hdf5(path)
    with h5py.File(path, "r+") as file:
        del file["targets"]
        file.create_dataset("targets", shape=TARGETS.shape, dtype="<f8", chunks=(4, 20, 2))[:4] = TARGETS[:4]


def folder(path: Path) -> None:
    for label in "ab":
        (path / label).mkdir(parents=True)
        (path / label / "1.bin").write_bytes(encode([(1, 1, 0, 5)]))


def other_outputs(path: Path) -> None:
    write_hdf5(path)
    write_hdf5(path.with_name("test.h5"), TARGETS[:, :, :1])


FAULTS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "no targets": (
        lambda path: write_shd(path, SAMPLES, np.arange(N_SAMPLES) % 2),
        "a.h5: no dataset targets; expected spikes/times, spikes/units and targets",
        {},
    ),
    "fewer samples": (lambda path: write_hdf5(path, TARGETS[:9]), "targets of 9 samples; expected those of 12", {}),
    "one dimension": (lambda path: write_hdf5(path, TARGETS[:, 0, 0]), "targets have the shape (12,); expected", {}),
    "no outputs": (lambda path: write_hdf5(path, TARGETS[:, :, :0]), "targets have the shape (12, 20, 0)", {}),
    "other steps": (
        lambda path: write_hdf5(path, TARGETS[:, :15]),
        "sample 0: target of 15 steps; expected n_steps = 20, or a multiple",
        {},
    ),
    "not a number": (
        lambda path: write_hdf5(path, with_nan(np.nan)),
        "sample 4: step 7: target 1 is nan; expected a finite number",
        {"test_share": None, "test": "a.h5"},
    ),
    "infinite": (
        lambda path: write_hdf5(path, with_nan(-np.inf)),
        "sample 4: step 7: target 1 is -inf; expected a finite number",
        {"test_share": None, "test": "a.h5"},
    ),
    "complex": (lambda path: write_hdf5(path, TARGETS + 0j), "target of type complex128", {}),
    "text": (lambda path: write_hdf5(path, np.full((12, 20), b"x")), "target of type |S1", {}),
    "not written": (unwritten, "a.h5: targets was not written completely; expected a whole file", {}),
    "a folder": (folder, "is a folder of classes, without targets", {"n_channels": None, "sensor_size": [5, 4, 2]}),
    "other outputs in the test": (
        other_outputs,
        "test.h5: 1 targets; expected 2, as in the training samples",
        {"test_share": None, "test": "test.h5"},
    ),
    "labels are asked for": (
        write_hdf5,
        "no dataset labels; expected spikes/times, spikes/units and labels",
        {"learn": "labels"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_targets_that_do_not_fit_are_refused_in_one_line(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write, message, values = FAULTS[fault]
    write(tmp_path / "a.h5")
    assert prepare(tmp_path, **values) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("events of ")]
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "out").exists()


def test_saved_labels_and_targets_are_not_mistaken(tmp_path: Path) -> None:
    saved: dict[str, Any] = {"duration": None, "n_channels": None}
    EventDataset.read(write_hdf5(tmp_path / "a.h5"), **OPTIONS).save(tmp_path / "targets.npz")
    with pytest.raises(DatasetError, match=r"targets.npz: has targets; expected labels, or learn = targets"):
        EventDataset.read(tmp_path / "targets.npz", **(OPTIONS | saved | {"learn": "labels"}))
    labelled = EventDataset.from_samples([(np.array([0]), np.array([1]))] * 2, [0, 1], 8, 20, 2)
    labelled.save(tmp_path / "labels.npz")
    with pytest.raises(DatasetError, match=r"labels.npz: has labels; expected targets, or learn = labels"):
        EventDataset.read(tmp_path / "labels.npz", **(OPTIONS | saved))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"align": "end"}}, "align must be start where targets are learned"),
        ({"dataset": {"n_classes": 3}}, "n_classes must be null where targets are learned"),
        ({"training": {"stop_at_accuracy": 0.9}}, "training.stop_at_accuracy must be null for events"),
        (
            {"network": {"readout": {"loss": "cross_entropy"}}},
            'network.readout.loss must be "mean_squared_error"',
        ),
    ],
)
def test_a_regression_has_no_accuracy_and_one_loss(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {
        "dataset": {"name": "events", "train": "a.h5", "test_share": 0.25, **OPTIONS},
        "network": {"n_recurrent": 5},
        "training": {"epochs": 1, "validation_share": 0.1},
    }
    assert not parse(TaskParameters, values).has_accuracy
    with pytest.raises(ParameterError, match=message):
        parse(TaskParameters, {name: part | changes.get(name, {}) for name, part in values.items()})
