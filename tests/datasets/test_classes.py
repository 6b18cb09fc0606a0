"""Labels and the numbers of their classes."""

import numpy as np
import pytest

from eprop_core.datasets.parameters import MOST_CLASSES
from eprop_core.datasets.recordings.classes import Classes
from eprop_core.datasets.recordings.numbers import labels
from eprop_core.datasets.recordings.source import Labelled
from eprop_core.errors import DatasetError


@pytest.mark.parametrize("stated", [None, 2**31 - 1])
def test_the_number_of_classes_has_a_bound(stated: int | None) -> None:
    """A file may state any number, and every class has a count in the description of a data set."""
    own = Labelled("file", np.arange(MOST_CLASSES + 1) if stated is None else np.array([5, 0, 5]), str)
    with pytest.raises(DatasetError, match="classes; expected at most 65536"):
        Classes.of(own, stated)


def test_names_are_the_same_in_all_forms_of_unicode() -> None:
    assert len(set(labels(["caf\u00e9", "cafe\u0301"], "labels", "file").tolist())) == 1


@pytest.mark.parametrize("letter", [0x110000, 0xFFFFFFFF, 0xD800])
def test_names_must_be_text(letter: int) -> None:
    names = np.frombuffer(np.array([97, letter], "<u4").tobytes(), "<U1")
    with pytest.raises(DatasetError, match="file: labels are no text; expected characters of Unicode"):
        labels(names, "labels", "file")
