"""What data were made from, and how it compares with what was published."""

import re
from pathlib import Path

import pytest

from eprop_core.datasets.origin import Origin, check_different, compared_images, compared_recordings
from eprop_core.errors import DatasetError

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
