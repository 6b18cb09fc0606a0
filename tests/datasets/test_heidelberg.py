"""SHD and SSC: what is read, what is for validation, and where it comes from."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets import download, location
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.parameters import Shd, Ssc
from eprop_core.datasets.recordings import heidelberg
from eprop_core.errors import DatasetError
from eprop_core.parsing import ParameterError, parse
from official_formats import write_shd


def write(path: Path, n_samples: int, n_classes: int, seed: int) -> Path:
    """Write words with the units, times and speakers of SHD; an event in every 20th sample is later than 1.4 s."""
    random = np.random.default_rng(seed)
    samples = []
    for index in range(n_samples):
        times = random.uniform(0, 0.9, 20).astype(np.float16)
        times[0] = 1.5 if index % 20 == 0 else times[0]
        samples.append((times, random.integers(0, 700, 20)))
    speakers = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    return write_shd(
        path,
        samples,
        np.arange(n_samples) % n_classes,
        speakers=np.array(speakers, np.uint16)[np.arange(n_samples) // n_classes % 10],
        keys=[f"word {index}" for index in range(n_classes)],
    )


@pytest.fixture
def shd(tmp_path: Path) -> Path:
    (tmp_path / "shd").mkdir()
    write(tmp_path / "shd/shd_train.h5", 200, 20, 1)
    write(tmp_path / "shd/shd_test.h5", 40, 20, 2)
    return tmp_path / "shd"


def test_speakers_of_shd_can_be_kept_for_validation(shd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splits = heidelberg.read(Shd(name="shd", path=str(shd)))
    assert splits.validation is not None
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (160, 40, 40)
    everything = EventDataset.read(shd / "shd_train.h5", n_steps=140, duration=1.4, n_channels=700, events_beyond="cut")
    speaker = np.arange(200) // 20 % 10  # 7 and 9 are the places of speakers 9 and 11
    expected = everything.subset(np.flatnonzero(np.isin(speaker, [7, 9])))
    np.testing.assert_array_equal(splits.validation.steps, expected.steps)
    np.testing.assert_array_equal(splits.validation.labels, expected.labels)
    assert splits.notes["binning"]["test"]["beyond"] == 2
    assert "SHD of 200 training and 40 test samples, which is no published version" in capsys.readouterr().err


@pytest.mark.parametrize(("train", "test"), [(8156, 2264), (8332, 2088)])
def test_the_published_version_is_told_by_its_numbers_of_samples(
    shd: Path, train: int, test: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write(shd / "shd_train.h5", train, 20, 1)
    write(shd / "shd_test.h5", test, 20, 2)
    splits = heidelberg.read(Shd(name="shd", path=str(shd), train_samples=10, test_samples=10))
    assert splits.notes["version"] == f"{train} training and {test} test samples"
    assert f"SHD of {train} training and {test} test samples\n" in capsys.readouterr().err


def test_ssc_has_a_validation_file(tmp_path: Path) -> None:
    for name, n in (("train", 70), ("valid", 35), ("test", 105)):
        write(tmp_path / f"ssc_{name}.h5", n, 35, n)
    splits = heidelberg.read(Ssc(name="ssc", path=str(tmp_path), pooling=5))
    assert splits.validation is not None
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (70, 35, 105)
    assert (splits.train.n_channels, splits.train.n_classes, splits.train.n_steps) == (140, 35, 100)


@pytest.mark.parametrize("parameters", [Shd(name="shd"), Ssc(name="ssc")])
def test_validation_samples_never_come_from_the_test(parameters: Shd | Ssc) -> None:
    assert parameters.has_validation


def test_a_missing_file_is_reported(shd: Path) -> None:
    (shd / "shd_test.h5").unlink()
    with pytest.raises(DatasetError, match=r"shd: no shd_test.h5; expected it, or shd_test.h5.zip as published"):
        heidelberg.read(Shd(name="shd", path=str(shd)))


def test_another_number_of_classes_is_reported(shd: Path) -> None:
    write(shd / "shd_train.h5", 100, 10, 1)
    with pytest.raises(DatasetError, match=r"shd_train\.h5: has 10 classes; expected 20"):
        heidelberg.read(Shd(name="shd", path=str(shd)))


def test_an_empty_list_of_speakers_is_refused() -> None:
    with pytest.raises(ParameterError, match="validation_speakers"):
        parse(Shd, {"name": "shd", "validation_speakers": []})


def test_packed_files_are_downloaded_from_the_given_address_and_used_again(
    shd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    files = {}
    for name in ("shd_train.h5", "shd_test.h5"):
        with zipfile.ZipFile(served / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(shd / name, name)
        md5 = hashlib.md5((served / f"{name}.zip").read_bytes()).hexdigest()
        files[f"{name}.zip"] = (f"{location.HEIDELBERG}/{name}.zip", f"md5:{md5}")
    fetched = []

    def fetch(wanted: location.Downloads, directory: Path) -> None:
        for name, (address, checksum) in wanted.items():
            assert address == f"https://example.org/shd/{name}"
            assert checksum == files[name][1]
            directory.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes((served / name).read_bytes())
            fetched.append(name)

    monkeypatch.setitem(location.DOWNLOADS, "shd", files)
    monkeypatch.setattr(download, "fetch", fetch)
    monkeypatch.setenv("EPROP_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EPROP_BENCH_DATA", raising=False)
    parameters = Shd(name="shd", url="https://example.org/shd/")
    assert not parameters.is_here()
    packed = heidelberg.read(parameters)
    assert fetched == list(files)
    assert parameters.is_here()
    unpacked = heidelberg.read(Shd(name="shd", path=str(shd)))
    np.testing.assert_array_equal(packed.train.steps, unpacked.train.steps)
    monkeypatch.setenv("EPROP_BENCH_DATA", str(tmp_path))
    assert list(heidelberg.read(Shd(name="shd")).checksums) == [str(shd / "shd_train.h5"), str(shd / "shd_test.h5")]


def test_the_checksums_are_those_of_the_publication() -> None:
    assert {name: checksum for name, (_, checksum) in location.DOWNLOADS["shd"].items()} == {
        "shd_train.h5.zip": "md5:f3252aeb598ac776c1b526422d90eecb",
        "shd_test.h5.zip": "md5:1503a5064faa34311c398fb0a1ed0a6f",
    }
