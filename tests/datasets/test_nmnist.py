import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets.events import Splits
from eprop_core.datasets.nmnist import decode
from eprop_core.datasets.nmnist import read as read_nmnist
from eprop_core.datasets.parameters import Nmnist
from eprop_core.errors import DatasetError
from eprop_core.parsing import ParameterError, parse
from official_formats import encode, pack


def read(path: Path, **parameters: object) -> Splits:
    return read_nmnist(parse(Nmnist, {"name": "nmnist", "path": str(path), **parameters}))


def assert_equal(one: Splits, other: Splits) -> None:
    for split in ("train", "test"):
        for name in ("steps", "channels", "offsets", "labels"):
            np.testing.assert_array_equal(getattr(getattr(one, split), name), getattr(getattr(other, split), name))
    assert one.checksums == other.checksums


@pytest.fixture
def published_archive(nmnist_directory: Path, tmp_path: Path) -> Path:
    """An outer zip that holds Train.zip and Test.zip in a folder."""
    path = tmp_path / "published.zip"
    with zipfile.ZipFile(path, "w") as file:
        for split in ("Train", "Test"):
            file.write(pack(nmnist_directory, split, tmp_path / f"{split}.zip"), f"468j46mzdv-1/{split}.zip")
            file.writestr(f"__MACOSX/468j46mzdv-1/{split}.zip", b"litter")
    return path


def test_an_event_is_decoded_from_five_bytes() -> None:
    times, channels = decode(bytes([3, 5, 0x80, 1, 2, 33, 33, 0x7F, 0xFF, 0xFF]), "file", 2**23)
    assert times.tolist() == [258, 2**23 - 1]
    assert channels.tolist() == [34**2 + 5 * 34 + 3, 33 * 34 + 33]


def test_samples_come_in_the_order_of_their_numbers(nmnist_directory: Path) -> None:
    splits = read(nmnist_directory)
    assert splits.train.labels.tolist() == [*range(1, 10), 0] * 2
    assert splits.test.labels.tolist() == [*range(1, 10), 0]
    steps, channels = splits.train.sample(12)
    assert steps.tolist() == [1, 150, 299]  # rint(1000 * 300 / 336040), half, and the last clipped
    assert channels.tolist() == [34**2 + 34 + 13, 13 * 34 + 2, 2311]


def test_steps_may_be_as_short_as_the_clock_of_the_sensor(nmnist_directory: Path) -> None:
    splits = read(nmnist_directory, n_steps=336_040)
    assert [splits.train.sample(index)[0].tolist() for index in (0, 12, 19)] == [[1000, 168_020, 336_039]] * 3


@pytest.mark.parametrize("n_samples", [1, 15, 16, 17, 20])
def test_recordings_that_are_read_together_stay_apart(nmnist_directory: Path, n_samples: int) -> None:
    """Each begins before the end of the one before it, and has events in the first and the last step."""
    events = {number: [(number, 0, 0, 0), (number, 1, 1, 336_040 - number)] for number in range(1, 21)}
    for number, of_number in events.items():
        (nmnist_directory / f"Train/{number % 10}/{number:05d}.bin").write_bytes(encode(of_number))
    train = read(nmnist_directory, n_steps=10, train_samples=n_samples).train
    for index, (steps, channels) in enumerate(train.samples()):
        assert steps.tolist() == [0, 9]
        assert channels.tolist() == [index + 1, 34**2 + 34 + index + 1]
        assert steps.dtype == channels.dtype == np.int32
    assert len(train) == n_samples


def test_directory_inner_archives_and_published_archive_hold_the_same_data(
    nmnist_directory: Path, published_archive: Path, tmp_path: Path
) -> None:
    assert_equal(read(nmnist_directory), read(published_archive))
    assert sorted(path.name for path in tmp_path.glob("T*.zip")) == ["Test.zip", "Train.zip"]
    assert_equal(read(nmnist_directory), read(tmp_path))


def test_a_number_of_samples_selects_the_first_ones(nmnist_directory: Path) -> None:
    splits = read(nmnist_directory, train_samples=3, test_samples=2, n_steps=100)
    assert splits.train.labels.tolist() == [1, 2, 3]
    assert splits.test.labels.tolist() == [1, 2]
    assert splits.train.n_steps == 100


def test_the_most_active_channels_are_kept(nmnist_directory: Path) -> None:
    events = [(4, 0, 0, 10), (4, 0, 0, 9000), (7, 0, 0, 9000)]
    (nmnist_directory / "Train/3/00003.bin").write_bytes(encode(events))
    # Pixel 33, 33 has ON events in all other recordings, and pixel 4, 0 two OFF events. The others have one event each,
    # and of these the channel with the lowest number is kept.
    splits = read(nmnist_directory, active_channels=3)
    assert splits.sensor_channels.tolist() == [4, 7, 2311]
    assert splits.train.n_channels == splits.test.n_channels == 3
    assert splits.train.sample(2)[1].tolist() == [0, 0, 1]
    assert set(splits.test.channels.tolist()) == {2}


EVENTS = [(1, 2, 0, 10), (3, 4, 1, 20), (5, 6, 1, 30)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty; expected 5 bytes for each event"),
        (encode(EVENTS)[:-2], "truncated in event 2 (byte 10); expected a multiple of 5 bytes, found 13"),
        (encode([*EVENTS, (34, 6, 1, 40)]), "event 3 (byte 15): x = 34, y = 6; expected 0 to 33"),
        (encode([*EVENTS, (1, 240, 1, 40)]), "event 3 (byte 15): x = 1, y = 240; expected 0 to 33"),
        (encode([*EVENTS, (1, 6, 1, 29)]), "event 3 (byte 15): time 29 us after 30 us; expected times in ascending"),
        (encode([*EVENTS, (1, 6, 1, 336_041)]), "event 3 (byte 15): time 336041 us; expected at most time_max_us"),
    ],
)
def test_a_damaged_recording_is_reported_with_file_and_event(
    damaged: Callable[[bytes], Path], data: bytes, message: str
) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"Train/3/00003.bin: {message}")) as raised:
        read(damaged(data))
    assert "\n" not in str(raised.value)


def test_time_max_us_allows_a_longer_recording(damaged: Callable[[bytes], Path]) -> None:
    splits = read(damaged(encode([(1, 6, 1, 500_000)])), time_max_us=500_000)
    assert splits.train.sample(2)[0].tolist() == [299]


def test_a_class_without_recordings_is_reported(nmnist_directory: Path) -> None:
    for path in (nmnist_directory / "Test/7").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match=re.escape("no recording in Test/7; expected Test/7/*.bin")):
        read(nmnist_directory)
    (nmnist_directory / "Test/7").rmdir()
    with pytest.raises(DatasetError, match="no recording in Test/7"):
        read(nmnist_directory)


def test_a_missing_split_and_a_missing_path_are_reported(nmnist_directory: Path, tmp_path: Path) -> None:
    (nmnist_directory / "Test").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"no Test; expected a directory Test/ or a file Test\.zip"):
        read(nmnist_directory)
    with pytest.raises(DatasetError, match="no such file or directory"):
        read(tmp_path / "nowhere")


def test_damaged_archives_are_reported(published_archive: Path, tmp_path: Path) -> None:
    whole = published_archive.read_bytes()
    published_archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"published\.zip: .*expected a whole zip archive"):
        read(published_archive)
    flipped = bytearray(whole)
    flipped[len(whole) // 4] ^= 0xFF
    published_archive.write_bytes(flipped)
    with pytest.raises(DatasetError, match=r"Train\.zip is damaged .*expected a whole file"):
        read(published_archive)
    with zipfile.ZipFile(published_archive, "w") as file:
        file.writestr("Train.zip", b"PK no archive")
    with pytest.raises(DatasetError, match=r"Train\.zip: .*expected a whole zip archive"):
        read(published_archive)
    with zipfile.ZipFile(published_archive, "w") as file:
        file.writestr("README", b"nothing")
    with pytest.raises(DatasetError, match=r"0 files Train\.zip; expected one"):
        read(published_archive)


def test_a_damaged_recording_in_an_archive_is_reported(nmnist_directory: Path, tmp_path: Path) -> None:
    archive = pack(nmnist_directory, "Train", tmp_path / "Train.zip")
    pack(nmnist_directory, "Test", tmp_path / "Test.zip")
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as file:
        events = file.getinfo("Train/4/00004.bin").header_offset + 30 + len("Train/4/00004.bin")
    entry = whole.rindex(b"Train/4/00004.bin") - 46  # in the table of contents
    version, flags = entry + 6, entry + 8
    cannot_be_read = r"Train/4/00004\.bin cannot be read"
    for position, message in ((events + 3, cannot_be_read), (flags, "has a password"), (version, "zip file version")):
        data = bytearray(whole)
        data[position] ^= 0xFF
        archive.write_bytes(data)
        with pytest.raises(DatasetError, match=message):
            read(tmp_path)


def test_more_channels_than_the_sensor_has_are_refused(nmnist_directory: Path) -> None:
    with pytest.raises(ParameterError, match="active_channels = 2313: must not exceed 2312"):
        read(nmnist_directory, active_channels=2313)


def test_the_official_recordings_are_read(real_data: Path) -> None:
    splits = read(real_data / "nmnist", train_samples=200, test_samples=20)
    # The labels of MNIST in its order; events of the first recordings as counted in the published files.
    assert splits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert splits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    data = (real_data / "nmnist/Train/0/00002.bin").read_bytes()
    times, channels = decode(data, "00002.bin", 336_040)
    assert len(times) == len(channels) == 5028
    assert 3500 < len(splits.train.steps) / len(splits.train) < 4500


def test_a_step_is_not_shorter_than_a_microsecond() -> None:
    """More steps would exceed the numbers that batches of recordings are counted with."""
    with pytest.raises(ParameterError, match="n_steps = 336041: must not exceed time_max_us = 336040"):
        parse(Nmnist, {"name": "nmnist", "n_steps": 336_041})
