"""Labels and the numbers of their classes."""

import tracemalloc

import numpy as np
import pytest

from eprop_core.datasets.recordings.classes import Classes
from eprop_core.datasets.recordings.numbers import labels
from eprop_core.datasets.recordings.source import Labelled
from eprop_core.errors import DatasetError


def test_many_classes_take_no_memory() -> None:
    """A file may state any number of classes."""
    own = Labelled("file", np.array([5, 0, 5]), str)
    tracemalloc.start()
    classes = Classes.of(own, n_classes=2**31 - 1)
    assert classes.numbers(own).tolist() == [5, 0, 5]
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("letter", [0x110000, 0xFFFFFFFF, 0xD800])
def test_names_must_be_text(letter: int) -> None:
    names = np.frombuffer(np.array([97, letter], "<u4").tobytes(), "<U1")
    with pytest.raises(DatasetError, match="file: labels are no text; expected characters of Unicode"):
        labels(names, "labels", "file")
