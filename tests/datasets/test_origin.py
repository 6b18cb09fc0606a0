"""What data were made from, and how it compares with what was published."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from eprop_core.datasets.origin import Origin, check_different, compared_images, compared_recordings, origin_of
from eprop_core.datasets.parameters import DatasetParameters, Events, Mnist, Nmnist
from eprop_core.datasets.recordings.read import read
from eprop_core.errors import DatasetError
from workflow.lib import checksums

# The first labels of MNIST, as its documentation shows them.
FIRST = dict(enumerate([5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1], 1))
PATH = Path("data")


def test_some_published_recordings_are_no_complete_set() -> None:
    compared = compared_recordings(PATH, "Train", FIRST)
    assert compared.are_published
    assert compared.words == "15 of the 60000 published recordings, numbers 1 to 15: not the complete official set"


def test_another_selection_and_other_recordings_are_allowed() -> None:
    few = {number: FIRST[number] for number in (1, 3, 4, 9)}
    assert compared_recordings(PATH, "Train", few).are_published
    others = {number: number % 10 for number in range(20)}
    assert compared_recordings(PATH, "Train", others).words.startswith("other recordings than published")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({7: 2}, "data: recording 7 of Train is in the folder of 2; expected that of 1, as published"),
        ({0: 2}, "data: recording 0 of Train is in the folder of 2; expected that of no digit, as published"),
        ({16: 1}, "data: recording 16 of Train is in the folder of 1; expected that of 7, as published"),
    ],
)
def test_a_recording_in_a_wrong_folder_is_told(change: dict[int, int], message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        compared_recordings(PATH, "Train", FIRST | change)


def test_a_lost_recording_is_told() -> None:
    rest = {number: digit for number, digit in FIRST.items() if number != 4}
    with pytest.raises(DatasetError, match="recording 4 of Train is missing; expected all numbers from 1 to 15"):
        compared_recordings(PATH, "Train", rest)


def test_recordings_of_the_other_split_are_told() -> None:
    """The test recordings of MNIST begin with these digits."""
    test = dict(enumerate([7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6], 1))
    assert compared_recordings(PATH, "Test", test).are_published
    for split, digits, other in (("Train", test, "Test"), ("Test", FIRST, "Train")):
        with pytest.raises(DatasetError, match=f"{split} has the recordings of {other}; expected those of {split}"):
            compared_recordings(PATH, split, digits)


def test_a_copy_is_told() -> None:
    one, copy, other = (Origin(name, 1, 5, checksum) for name, checksum in (("a", "1"), ("b", "1"), ("c", "2")))
    check_different({"a": one, "c": other})
    with pytest.raises(DatasetError, match="b: is a copy of a; expected other samples"):
        check_different({"a": one, "c": other, "b": copy})


def test_other_images_than_those_of_mnist_are_told() -> None:
    assert compared_images("train-labels-idx1-ubyte", b"other").startswith("not as published")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder of recordings, one of whose classes is a link to another place."""
    folder = tmp_path / "recordings"
    for place in (folder / "a", tmp_path / "elsewhere"):
        place.mkdir(parents=True)
        (place / "1.bin").write_bytes(bytes(place.name, "ascii"))
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    return folder


def of_events(path: Path) -> Events:
    values: dict[str, Any] = {"n_steps": 10, "duration": 1.0, "sensor_size": [34, 34, 2]}
    return Events(name="events", train=str(path), test_share=0.5, **values)


def test_all_recordings_count_and_nothing_else(recordings: Path) -> None:
    lines = [f"{hashlib.sha256(name).hexdigest()}  {c}/1.bin\n" for name, c in ((b"a", "a"), (b"elsewhere", "b"))]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert origin_of(recordings) == Origin(str(recordings), 2, 10, expected)
    (recordings / ".git").mkdir()
    os.mkfifo(recordings / ".git" / "1.bin")
    assert checksums.of_sources(of_events(recordings)) == [expected]


class Tables(DatasetParameters):
    """Parameters of a plug-in whose data are a folder of tables."""

    implementation: ClassVar[str] = "nowhere"
    name: Literal["tables"] = "tables"
    path: str

    @property
    def source_files(self) -> tuple[str, ...]:
        return (self.path,)


def test_all_files_in_a_folder_of_a_plug_in_count(tmp_path: Path) -> None:
    table = tmp_path / "year" / "day.csv"
    table.parent.mkdir()
    table.write_text("1,2\n")
    dataset: Any = Tables(path=str(tmp_path))
    digest = hashlib.sha256(b"1,2\n").hexdigest()
    expected = hashlib.sha256(f"{digest}  year/day.csv\n".encode()).hexdigest()
    assert checksums.of_sources(dataset) == [expected]
    table.write_text("1,3\n")
    checksums._of.cache_clear()
    assert checksums.of_sources(dataset) != [expected]


def test_what_cannot_be_data_is_not_hashed(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder may be the root of all files, a file one of memory, and a hash of either would take for ever."""

    def never(*_: Any) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr("eprop_core.datasets.origin.file_digest", never)
    (recordings / "b" / "tree").mkdir()
    tree = f"{recordings}/b/tree: expected recordings *.bin alone in the folder of a class"
    large = recordings.parent / "large"
    large.write_bytes(b"\x7fELF")
    os.truncate(large, 2**40)
    of_archive, of_images = Nmnist(name="nmnist", path=str(large)), Mnist(name="mnist", path=str(large))
    for dataset in (of_events(large), of_archive, of_images):
        assert checksums.of_sources(dataset) == [f"{large}: of no known kind"]
    assert checksums.of_sources(of_events(recordings)) == [tree]
    with pytest.raises(DatasetError, match=re.escape(tree)):
        read(of_events(recordings))
    (recordings / "b" / "tree").rmdir()
    os.truncate(recordings / "b" / "1.bin", 2**40)
    too_large = f"{recordings}/b/1.bin: has more than {2**26} bytes; expected a shorter recording"
    with pytest.raises(DatasetError, match=re.escape(too_large)):
        origin_of(recordings)
    assert "expected recordings *.bin alone" in checksums.of_sources(of_events(Path("/")))[0]
