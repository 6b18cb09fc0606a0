"""Damaged and foreign files end the preparation with one line and without a trace of a data set."""

import functools
import json
import os
import pickle
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepare import main
from eprop_core.files.hdf5_pieces import unpacked_pieces
from official_formats import encode, write_npz, write_shd

SAMPLES = [([0.0, 0.1, 0.399], [0, 1, 39]), ([0.2, 0.3], [5, 6]), ([0.05], [7]), ([0.25, 0.35], [38, 3])]
LABELS = [0, 1, 0, 1]
FINE: dict[str, Any] = {"name": "events", "n_steps": 40, "duration": 0.4, "n_channels": 40}
FOLDER = {"test": "train", "n_channels": None, "sensor_size": [5, 4, 2]}
SAVED = {"n_channels": None, "duration": None}


def changed(index: int, times: Any = None, units: Any = None) -> list[Any]:
    samples: list[Any] = list(SAMPLES)
    samples[index] = (
        samples[index][0] if times is None else times,
        samples[index][1] if units is None else units,
    )
    return samples


def shd(path: Path, samples: Any = SAMPLES, labels: Any = LABELS, **options: Any) -> None:
    write_shd(path, samples, labels, **({"times_dtype": np.float64} | options))


def npz(path: Path, samples: Any = SAMPLES, labels: Any = LABELS, **arrays: Any) -> None:
    with path.open("wb") as file:
        write_npz(file, samples, labels, **arrays)  # type: ignore[arg-type]


def edited(path: Path, edit: Callable[[h5py.File], Any]) -> None:
    shd(path, speakers=[1, 1, 2, 2], keys=["a", "b"])
    with h5py.File(path, "r+") as file:
        edit(file)


def replaced(name: str, **dataset: Any) -> Callable[[Path], None]:
    """Return a writer of a file in which a dataset is another one."""

    def edit(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **dataset)

    return functools.partial(edited, edit=edit)


def without(name: str) -> Callable[[Path], None]:
    return functools.partial(edited, edit=lambda file: file.pop(name))


def folder(path: Path, change: Callable[[Path], Any] = lambda path: None) -> None:
    for label in ("a", "b"):
        for number in range(2):
            file = path / label / f"{number}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode([(1, 2, 1, 1000), (4, 3, 0, 399_999)]))
    change(path)


def recording(data: bytes) -> Callable[[Path], None]:
    return functools.partial(folder, change=lambda path: (path / "b" / "1.bin").write_bytes(data))


def saved(path: Path, **changes: Any) -> None:
    """Write the arrays of a data set that EventDataset.save writes, some of them changed."""
    samples = [(np.array([0, 3], np.int32), np.array([1, 2], np.int32))] * 2
    EventDataset.from_samples(samples, np.array([0, 1]), 40, 40, 2).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    with path.open("wb") as file:
        np.savez(file, **(arrays | changes))


def other_arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weights=np.zeros(3))


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)


def bytes_of(write: Callable[[Path], Any], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def cut(write: Callable[[Path], Any], n_bytes: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(bytes_of(write, path)[:n_bytes]) and None


def with_objects(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, times=np.array([[0.1], [0.2, 0.3]], object), channels=[0, 1], offsets=[0, 1, 2], labels=[0, 1])


def unreadable(path: Path) -> None:
    shd(path)
    path.chmod(0)


def endless(path: Path) -> None:
    shd(path)
    os.truncate(path, 2**42)


def replace_link(file: h5py.File, link: Any, name: str = "labels") -> None:
    del file[name]
    file[name] = link


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), dtype="i8")
    layout[:] = h5py.VirtualSource("good.h5", "labels", (4,))
    del file["labels"]
    file.create_virtual_dataset("labels", layout)


def half_written(file: h5py.File) -> None:
    del file["labels"]
    file.create_dataset("labels", shape=(4,), dtype="i8", chunks=(1,))[:2] = [0, 1]


def wrong_checksum(path: Path) -> None:
    replaced("labels", data=LABELS, chunks=(4,), fletcher32=True)(path)
    with h5py.File(path) as file:
        first = file["labels"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[first] ^= 1
    path.write_bytes(content)


def hole(path: Path) -> None:
    """Write zeros in place of a part of the arrays, as an interrupted copy leaves them; HDF5 would never end."""
    shd(path, samples=[(np.linspace(0, 0.39, 500), np.arange(500) % 40)] * 4)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)


NOT_FINITE = "expected a finite number from 0 on"
KINDS = "expected HDF5 as of SHD, .npz, or a folder"
LAYOUT = "expected spikes/times, spikes/units and labels, as in SHD"
VLEN = "expected an array of its own length for each sample"
RECIPE = "expected times, channels, offsets, labels, or a file of EventDataset.save"

CASES: dict[str, tuple[Callable[[Path], Any], str, dict[str, Any]]] = {
    # No file, or another kind.
    "missing": (lambda path: None, f"no such file or directory; {KINDS}", {}),
    "empty": (lambda path: path.write_bytes(b""), f"empty; {KINDS}", {}),
    "text": (lambda path: path.write_text("t,x,p\n0.1,3,1\n"), f"of no known kind; {KINDS}", {}),
    "pickle": (lambda path: path.write_bytes(pickle.dumps(SAMPLES)), f"of no known kind; {KINDS}", {}),
    "npy": (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + bytes(100)), f"of no known kind; {KINDS}", {}),
    "aedat": (lambda path: path.write_bytes(b"#!AER-DAT3.1\r\n" + bytes(100)), f"of no known kind; {KINDS}", {}),
    "zeros": (lambda path: path.write_bytes(bytes(5000)), f"of no known kind; {KINDS}", {}),
    "gzip": (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(100)), f"of no known kind; {KINDS}", {}),
    "a broken link": (lambda path: path.symlink_to(path.parent / "nowhere"), f"no such file or directory; {KINDS}", {}),
    "below a file": (lambda path: None, "cannot be read (Not a directory)", {"train": "good.h5/train.h5"}),
    "a recording instead of a folder": (lambda path: path.write_bytes(encode([(1, 2, 1, 5)])), "of no known kind", {}),
    # HDF5.
    "truncated HDF5": (cut(shd, 3000), "damaged, in use, or not in HDF5 format", {}),
    "HDF5 of a few bytes": (cut(shd, 20), "damaged, in use, or not in HDF5 format", {}),
    "HDF5 without its last byte": (cut(shd, -1), "damaged, in use, or not in HDF5 format", {}),
    "HDF5 of another layout": (
        lambda path: h5py.File(path, "w").create_dataset("data", data=[1]),
        f"no dataset spikes/times; {LAYOUT}",
        {},
    ),
    "no times": (without("spikes/times"), f"no dataset spikes/times; {LAYOUT}", {}),
    "no units": (without("spikes/units"), f"no dataset spikes/units; {LAYOUT}", {}),
    "no labels": (without("labels"), f"no dataset labels; {LAYOUT}", {}),
    "a group of labels": (
        functools.partial(edited, edit=lambda file: (file.pop("labels"), file.create_group("labels"))),
        f"no dataset labels; {LAYOUT}",
        {},
    ),
    "nothing behind the end": (endless, "has 4398046511104 bytes; expected", {}),
    "times of equal length": (replaced("spikes/times", data=np.zeros((4, 3))), VLEN, {}),
    "times in one dimension": (replaced("spikes/times", data=np.zeros(8)), VLEN, {}),
    "a number of times": (replaced("spikes/times", data=0.5), VLEN, {}),
    "times of text": (replaced("spikes/times", shape=(4,), dtype=h5py.string_dtype()), VLEN, {}),
    "units in two dimensions": (replaced("spikes/units", shape=(2, 2), dtype=h5py.vlen_dtype(np.uint16)), VLEN, {}),
    "fewer units than times": (
        replaced("spikes/units", shape=(3,), dtype=h5py.vlen_dtype(np.uint16)),
        "spikes/units has 3 entries; expected 4, as spikes/times",
        {},
    ),
    "fewer labels": (replaced("labels", data=[0, 1, 0]), "labels has 3 entries; expected 4", {}),
    "more labels": (replaced("labels", data=[0, 1, 0, 1, 1]), "labels has 5 entries; expected 4", {}),
    "labels in two dimensions": (replaced("labels", data=[[0], [1], [0], [1]]), "expected one dimension", {}),
    "one label": (replaced("labels", data=1), "labels have the shape (); expected one dimension", {}),
    "labels that are not whole": (
        replaced("labels", data=[0, 1.5, 0, 1]),
        "entry 1 of labels is 1.5; expected a whole number",
        {},
    ),
    "labels that are not numbers": (replaced("labels", data=[0, np.nan, 0, 1]), "expected a whole number", {}),
    "complex labels": (replaced("labels", data=[0j, 1, 0, 1]), "labels are complex128; expected integers", {}),
    "labels in another encoding": (replaced("labels", data=np.array([b"\xff", b"b", b"a", b"a"])), "UTF-8", {}),
    "fewer speakers": (replaced("extra/speaker", data=[1, 2]), "extra/speaker has 2 entries; expected 4", {}),
    "a name that comes twice": (
        replaced("extra/keys", data=["a", "a"], dtype=h5py.string_dtype()),
        "a name of a class comes twice",
        {},
    ),
    "a label without a name": (
        functools.partial(shd, labels=[0, 1, 2, 1], keys=["a", "b"]),
        "sample 2: label 2; expected one of the classes 0, 1",
        {},
    ),
    "no samples": (
        functools.partial(shd, samples=[], labels=np.zeros(0, int)),
        "no samples; expected at least one",
        {},
    ),
    "no events": (
        functools.partial(shd, samples=[([], [])] * 4),
        "no events in any sample of train; expected some",
        {},
    ),
    "one class": (functools.partial(shd, labels=[1] * 4), "all samples are of one class; expected at least two", {}),
    "a gap between labels": (
        functools.partial(shd, labels=[0, 1, 5, 1]),
        "3 different labels from 0 to 5; expected all integers from 0 or 1 on, or n_classes",
        {},
    ),
    "a negative label": (functools.partial(shd, labels=[0, 1, -1, 1]), "3 different labels from -1 to 1", {}),
    "a label beyond the classes": (
        functools.partial(shd, labels=[0, 1, 5, 1]),
        "sample 2: label 5; expected one of the classes 0, 1, 2",
        {"n_classes": 3},
    ),
    "other numbers of classes": (
        functools.partial(shd, keys=["a", "b"]),
        "has 2 classes; expected 3",
        {"n_classes": 3},
    ),
    "a time that is not a number": (
        functools.partial(shd, samples=changed(1, times=[0.1, np.nan])),
        f"sample 1: event 1: time nan; {NOT_FINITE}",
        {},
    ),
    "an infinite time": (
        functools.partial(shd, samples=changed(3, times=[np.inf, 0.1])),
        f"sample 3: event 0: time inf; {NOT_FINITE}",
        {},
    ),
    "a negative time": (
        functools.partial(shd, samples=changed(2, times=[-0.001])),
        f"sample 2: event 0: time -0.001; {NOT_FINITE}",
        {},
    ),
    "a time at the end": (
        functools.partial(shd, samples=changed(2, times=[0.4])),
        "sample 2: event 0: time 0.4; expected less than the duration 0.4, or events_beyond = cut",
        {},
    ),
    "times in ms": (
        functools.partial(shd, samples=changed(1, times=[200, 300])),
        "sample 1: event 0: time 200; expected less than the duration 0.4",
        {},
    ),
    "a unit out of range": (
        functools.partial(shd, samples=changed(2, units=[40])),
        "sample 2: event 0: channel = 40; expected 0 to 39",
        {},
    ),
    "a negative unit": (
        functools.partial(shd, samples=changed(1, units=[3, -1]), units_dtype=np.int16),
        "sample 1: event 1: channel = -1; expected 0 to 39",
        {},
    ),
    "a unit that is not whole": (
        functools.partial(shd, samples=changed(1, units=[3, 0.5]), units_dtype=np.float32),
        "sample 1: entry 1 of units is 0.5; expected a whole number",
        {},
    ),
    "fewer units in a sample": (
        functools.partial(shd, samples=changed(0, units=[1, 2])),
        "sample 0: 3 times but 2 channels; expected as many",
        {},
    ),
    "a time beyond all numbers": (
        functools.partial(shd, samples=changed(1, times=[0.2, 1.7e308])),
        "sample 1: event 1: time 1.7e+308; expected less than the duration 0.4",
        {},
    ),
    "labels in another file": (
        functools.partial(edited, edit=lambda file: replace_link(file, h5py.ExternalLink("good.h5", "/labels"))),
        "labels is a link; expected data in the file itself",
        {},
    ),
    "events in another file": (
        functools.partial(
            edited, edit=lambda file: replace_link(file, h5py.ExternalLink("good.h5", "/spikes"), "spikes")
        ),
        "spikes/times is a link; expected data in the file itself",
        {},
    ),
    "a virtual dataset": (functools.partial(edited, edit=virtual), "labels lies in another file", {}),
    "numbers in a raw file": (
        replaced("labels", shape=(4,), dtype="i8", external=[("good.h5", 0, 32)]),
        "labels lies in another file",
        {},
    ),
    "a link to nowhere": (
        functools.partial(edited, edit=lambda file: replace_link(file, h5py.SoftLink("/nowhere"))),
        "labels is a link; expected data in the file itself",
        {},
    ),
    "labels that were never written": (replaced("labels", shape=(4,), dtype="i8"), "labels was not written compl", {}),
    "times that were never written": (
        replaced("spikes/times", shape=(4,), dtype=h5py.vlen_dtype("f8")),
        "spikes/times was not written completely; expected a whole file",
        {},
    ),
    "labels that were written in part": (
        functools.partial(edited, edit=half_written),
        "labels was not written completely; expected a whole file",
        {},
    ),
    "a wrong checksum": (wrong_checksum, "damaged, in use, or not in HDF5 format", {}),
    "null labels": (replaced("labels", data=h5py.Empty("i8")), "labels have the shape (); expected one dimension", {}),
    "compound labels": (replaced("labels", data=np.zeros(4, [("a", "i4")])), "expected integers", {}),
    "one-hot labels": (replaced("labels", data=np.eye(2)[[0, 1, 0, 1]]), "labels have the shape (4, 2)", {}),
    "a label beyond 64 bits": (
        replaced("labels", data=np.array([0, 2**63, 0, 1], np.uint64)),
        "entry 1 of labels is 9223372036854775808; expected a whole number",
        {},
    ),
    "a hole of zeros": (hole, "damaged in the heap at byte", {}),
    # What the parameters say.
    "no number of channels": (shd, "says nothing of its channels; expected n_channels or", {"n_channels": None}),
    "no duration": (shd, "events have times; expected a duration (s) of samples", {"duration": None}),
    "no speakers": (shd, "samples have no groups (extra/speaker, groups)", {"validation_groups": [1]}),
    "an unknown speaker": (
        functools.partial(shd, speakers=[1, 1, 2, 2]),
        "no sample of group 3 (validation_groups); expected some of 1, 2",
        {"validation_groups": [3]},
    ),
    "all validation speakers": (
        functools.partial(shd, speakers=[1, 1, 2, 2]),
        "validation_groups: leave no sample",
        {"validation_groups": [1, 2]},
    ),
    "too few samples for a share": (
        shd,
        "test_share = 0.1: 0 of 4 samples",
        {"test": None, "test_share": 0.1},
    ),
    "an unknown label in the test": (shd, "named.h5: sample 0: label zero; expected", {"test": "named.h5"}),
    "a missing test file": (shd, "nowhere.h5: no such file or directory", {"test": "nowhere.h5"}),
    "a missing validation file": (shd, "nowhere.h5: no such file or directory", {"validation": "nowhere.h5"}),
    # .npz.
    "an npz of other arrays": (other_arrays, f"has the arrays weights; {RECIPE}", {}),
    "an npz without labels": (functools.partial(saved, labels=np.zeros(0)), "the checksum is another one", SAVED),
    "object arrays": (with_objects, "is an array of objects, which could run code", {}),
    "a truncated npz": (cut(npz, 300), "damaged", {}),
    "an npz without its last byte": (cut(npz, -1), "damaged", {}),
    "times of text in an npz": (functools.partial(npz, times=np.array(["0.1"] * 8)), "times are <U3; expected num", {}),
    "fewer channels in an npz": (functools.partial(npz, channels=[1, 2]), "8 times but 2 channels", {}),
    "offsets that descend": (functools.partial(npz, offsets=[0, 5, 3, 6, 8]), "offsets must ascend from 0 to", {}),
    "offsets that end early": (functools.partial(npz, offsets=[0, 1, 2, 3, 7]), "offsets must ascend from 0 to", {}),
    "fewer offsets": (functools.partial(npz, offsets=[0, 8]), "2 offsets but 4 labels; expected one offset more", {}),
    "fewer groups": (functools.partial(npz, groups=[0]), "1 groups but 4 samples; expected as many", {}),
    "an infinite time in an npz": (
        functools.partial(npz, samples=changed(1, times=[0.1, np.inf])),
        f"event 4: time inf; {NOT_FINITE}",
        {},
    ),
    "a channel out of range in an npz": (
        functools.partial(npz, samples=changed(1, units=[5, 40])),
        "sample 1: event 1: channel = 40; expected 0 to 39",
        {},
    ),
    "a duration of a saved data set": (saved, "events have steps, not times; expected duration = null", {}),
    "more steps than in a saved data set": (
        saved,
        "has 40 steps; expected n_steps of at most as many",
        SAVED | {"n_steps": 41, "test": "train"},
    ),
    "other channels of a saved data set": (saved, "has 40 channels; expected 30", {"duration": None, "n_channels": 30}),
    "other events in a saved data set": (
        functools.partial(saved, events=np.zeros(4, [("step", "<u2"), ("channel", "<u2")])),
        "damaged in the events of sample 0",
        SAVED | {"test": "train"},
    ),
    "an archive of text": (functools.partial(archive, readme_txt=b"hello"), "the arrays readme.txt", {}),
    "an archive of two files": (functools.partial(archive, a_h5=b"", b_h5=b""), "2 HDF5 files in the archive", {}),
    "an archive of a damaged file": (
        functools.partial(archive, a_h5=b"\x89HDF"),
        "damaged, in use, or not in HDF5 format",
        {},
    ),
    # Folders.
    "an empty folder": (lambda path: path.mkdir(), "no folders in it; expected a folder for each class", FOLDER),
    "a folder of files": (
        lambda path: (path.mkdir(), (path / "1.bin").write_bytes(encode([(1, 2, 1, 5)]))),
        "no folders in it; expected a folder for each class",
        FOLDER,
    ),
    "a folder without a sensor": (folder, "is a folder; expected sensor_size, such as [34, 34, 2]", {}),
    "an empty class": (
        functools.partial(folder, change=lambda path: (path / "c").mkdir()),
        "c: no recording; expected files *.bin in the folder of a class",
        FOLDER,
    ),
    "another file in a class": (
        functools.partial(folder, change=lambda path: (path / "a" / "1.aedat").write_bytes(b"#!AER-DAT2.0")),
        "1.aedat: expected recordings *.bin alone in the folder of a class",
        FOLDER,
    ),
    "a folder in a class": (
        functools.partial(folder, change=lambda path: (path / "a" / "2.bin").mkdir()),
        "2.bin: expected recordings *.bin alone",
        FOLDER,
    ),
    "a folder of one class": (
        functools.partial(folder, change=lambda path: shutil.rmtree(path / "b")),
        "all samples are of one class",
        FOLDER,
    ),
    "an empty recording": (recording(b""), "b/1.bin: empty; expected 5 bytes for each event", FOLDER),
    "a recording of zeros": (recording(bytes(10)), "b/1.bin: 10 zeros, the same event again and again", FOLDER),
    "two folders of one number": (
        functools.partial(
            folder, change=lambda path: ((path / "a").rename(path / "1"), (path / "b").rename(path / "01"))
        ),
        "are one number; expected different classes",
        FOLDER,
    ),
    "two folders of one name": (
        functools.partial(
            folder,
            change=lambda path: ((path / "a").rename(path / "caf\u00e9"), (path / "b").rename(path / "cafe\u0301")),
        ),
        "a name of a class comes twice; expected different ones",
        FOLDER,
    ),
    "a truncated recording": (recording(bytes(7)), "b/1.bin: truncated in event 1 (byte 5)", FOLDER),
    "an event off the sensor": (
        recording(encode([(1, 1, 0, 5), (5, 1, 0, 6)])),
        "b/1.bin: event 1: x = 5; expected 0 to 4",
        FOLDER,
    ),
    "an event below the sensor": (recording(encode([(1, 4, 0, 5)])), "event 0: y = 4; expected 0 to 3", FOLDER),
    "a time before its predecessor": (
        recording(encode([(1, 1, 0, 6), (1, 1, 0, 5)])),
        "b/1.bin: event 1 (byte 5): time 5 us after 6 us; expected times in ascending order",
        FOLDER,
    ),
    "a recording that is too long": (
        recording(encode([(1, 1, 0, 400_000)])),
        "b/1.bin: event 0: time 400000; expected less than the duration 400000, or events_beyond = cut",
        FOLDER,
    ),
}


def prepare(directory: Path, **values: Any) -> int:
    (directory / "parameters.json").write_text(json.dumps(FINE | {"train": "train", "test": "good.h5"} | values))
    return main([str(directory / "parameters.json"), str(directory / "out")])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file that can be read, and one with names for labels."""
    monkeypatch.chdir(tmp_path)
    shd(tmp_path / "good.h5", changed(2, units=[8]))
    shd(tmp_path / "named.h5", labels=["zero", "one", "zero", "one"])
    return tmp_path


def assert_one_line(directory: Path, capsys: pytest.CaptureFixture[str], message: str) -> None:
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("events of ", "train: "))]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert [path.name for path in directory.iterdir() if path.name.startswith("out")] == []


def test_the_file_without_damage_is_read(here: Path) -> None:
    shd(here / "train")
    assert prepare(here) == 0


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_or_foreign_file_is_refused(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write, message, values = CASES[case]
    write(here / "train")
    assert prepare(here, **values) == 1
    assert_one_line(here, capsys, message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_an_unreadable_file_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unreadable(here / "train")
    assert prepare(here) == 1
    assert_one_line(here, capsys, "cannot be read (Permission denied)")


@pytest.mark.parametrize("chunks", [None, (3,)])
@pytest.mark.parametrize("packed", [False, True])
def test_an_array_that_no_memory_holds_is_refused_before_it_is_read(
    here: Path, chunks: tuple[int] | None, packed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """HDF5 allocates as many entries as a damaged file says, here 4 billion."""
    edit = replaced("spikes/units", shape=(4,), dtype=h5py.vlen_dtype(np.uint16), chunks=chunks)
    edit(here / "train.h5")
    with h5py.File(here / "train.h5", "r+") as file:
        for index, (_, units) in enumerate(SAMPLES):
            file["spikes/units"][index] = np.array(units, np.uint16)
    content = bytearray((here / "train.h5").read_bytes())
    with h5py.File(here / "train.h5") as file:
        dataset = file["spikes/units"].id
        first = dataset.get_offset() if chunks is None else dataset.get_chunk_info(0).byte_offset
    content[first + 16 : first + 20] = (2**32 - 1).to_bytes(4, "little")
    (here / "train.h5").write_bytes(content)
    if packed:
        archive(here / "train.zip", train_h5=bytes(content))
    assert prepare(here, train="train.zip" if packed else "train.h5") == 1
    assert_one_line(here, capsys, "damaged (spikes/units has an array of 4294967295 entries)")


@pytest.mark.parametrize("filters", [{"shuffle": True}, {"compression": "gzip"}, {"compression": "lzf"}], ids=str)
def test_compressed_lengths_that_no_memory_holds_are_refused(
    here: Path, filters: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    chunked = {"dtype": h5py.vlen_dtype(np.uint16), "chunks": (len(SAMPLES),)}
    replaced("spikes/units", shape=(len(SAMPLES),), **chunked, **filters)(here / "train.h5")
    with h5py.File(here / "train.h5", "r+") as file:
        for index, (_, units) in enumerate(SAMPLES):
            file["spikes/units"][index] = np.array(units, np.uint16)
    assert prepare(here, train="train.h5") == 0
    capsys.readouterr()
    for written in here.glob("out*"):
        shutil.rmtree(written) if written.is_dir() else written.unlink()
    with h5py.File(here / "train.h5", "r+") as file:
        dataset = file["spikes/units"]
        ((piece, unpacked),) = unpacked_pieces("units", dataset)
        data = bytearray(unpacked or (here / "train.h5").read_bytes()[piece.byte_offset :])
        del data[16 * len(SAMPLES) :]
        data[16:20] = (2**32 - 1).to_bytes(4, "little")
        packed = bytes(data)
        if filters.get("compression") == "gzip":
            packed = zlib.compress(packed)
        elif filters.get("compression") == "lzf":  # as literal bytes
            packed = b"".join(bytes([15]) + packed[first : first + 16] for first in range(0, len(packed), 16))
        dataset.id.write_direct_chunk((0,), packed)
    assert prepare(here, train="train.h5") == 1
    assert_one_line(here, capsys, "damaged (spikes/units has an array of 4294967295 entries)")


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("write", [npz, saved])
def test_a_changed_bit_of_an_npz_file_is_refused_or_changes_nothing(
    here: Path, write: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    content, values = bytes_of(write, here / "train"), SAVED if write is saved else {}
    assert prepare(here, test="train", **values) == 0
    expected = EventDataset.load(here / "out/train.npz")
    random, n_refused = np.random.default_rng(1), 0
    (here / "whole").write_bytes(content)
    for _ in range(150):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << random.integers(8)
        (here / "train").write_bytes(damaged)
        shutil.rmtree(here / "out", ignore_errors=True)
        capsys.readouterr()
        if prepare(here, test="whole", **values):
            assert_one_line(here, capsys, "train: ")
            n_refused += 1
        else:
            read = EventDataset.load(here / "out/train.npz")
            assert all(np.array_equal(getattr(read, name), getattr(expected, name)) for name in ("steps", "channels"))
    assert n_refused > 50


@pytest.mark.parametrize("seed", [1, 2])
def test_changed_bytes_of_an_hdf5_file_are_refused_or_leave_a_whole_data_set(
    here: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """HDF5 as of SHD has no checksums of its data: another number in their place is no damage that can be seen."""
    content = bytes_of(functools.partial(shd, speakers=[1, 1, 2, 2], keys=["a", "b"]), here / "train")
    random, n_refused = np.random.default_rng(seed), 0
    for trial in range(100):
        damaged, first = bytearray(content), int(random.integers(len(content)))
        damaged[first : first + 4] = random.bytes(4)
        (here / "train").write_bytes(damaged if trial % 2 else content[:first])
        shutil.rmtree(here / "out", ignore_errors=True)
        capsys.readouterr()
        if prepare(here):
            assert_one_line(here, capsys, "train: ")
            n_refused += 1
        else:
            assert trial % 2, f"truncated after {first} bytes"
            assert EventDataset.load(here / "out/train.npz").n_channels == 40
    assert n_refused > 50


def test_foreign_files_run_no_code(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (here / "train").open("wb") as file:
        np.savez(file, times=np.array([Exit()], object), channels=[0], offsets=[0, 1], labels=[0])
    assert prepare(here) == 1
    assert_one_line(here, capsys, "is an array of objects, which could run code")


class Exit:
    """Ends the program when it is unpickled."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


def test_a_heap_that_hdf5_would_read_for_ever_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shd(here / "train.h5")
    data = bytearray((here / "train.h5").read_bytes())
    place = data.index(b"GCOL") + 16
    data[place : place + 16] = bytes(16)
    (here / "train.h5").write_bytes(data)
    assert prepare(here, train="train.h5") == 1
    assert_one_line(here, capsys, "damaged in the heap at byte")
