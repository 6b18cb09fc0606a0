"""What prepared data were made from, and whether it is what was published."""

import sys
from collections.abc import Mapping
from hashlib import md5
from typing import NamedTuple

import numpy as np

from eprop_core.errors import DatasetError


class Origin(NamedTuple):
    """Files from which data were made."""

    place: str
    """File or folder."""
    files: int
    """Number of files."""
    bytes: int
    """Of all files."""
    sha256: str
    """Of the file or, for several, of the output of ``sha256sum`` for them."""
    published: str | None = None
    """How it compares with the published set; None: nothing is published of it, or its download was compared."""


_N_SAMPLES = {"train": 60_000, "test": 10_000}
"""Of MNIST, and of N-MNIST, whose recordings are numbered from 1 in the order of MNIST."""
_MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""md5 of the published files, unpacked"""
_LABELS = {"train": "train-labels-idx1-ubyte", "test": "t10k-labels-idx1-ubyte"}


def compared_recordings(split: str, digits: Mapping[int, int]) -> str:
    """Compare the recordings of a split of N-MNIST with the published ones; return the result in words.

    Parameters
    ----------
    split
        ``Train`` or ``Test``.
    digits
        The digit of each recording by its number.

    Raises
    ------
    DatasetError
        If all published numbers are there, but recordings are in folders of other digits.
    """
    n_published = _N_SAMPLES[split.lower()]
    if digits.keys() == set(range(1, n_published + 1)):
        labels = np.array([digits[number] for number in range(1, n_published + 1)], np.uint8)
        header = np.array([0x0801, n_published], ">u4").tobytes()
        if md5(header + labels.tobytes(), usedforsecurity=False).hexdigest() != _MNIST[_LABELS[split.lower()]]:
            raise DatasetError(
                f"N-MNIST {split}: recordings are in folders of other digits than published; expected those of MNIST"
            )
        result = f"all {n_published} recordings, with the published digits"
    else:
        first, last = min(digits), max(digits)
        missing = last - first + 1 - len(digits)
        gaps = f", of which {missing} are missing" if missing else ""
        result = (
            f"{len(digits)} of {n_published} recordings, numbers {first} to {last}{gaps}: not the complete official set"
        )
    return result


def compared_images(name: str, content: bytes) -> str:
    """Compare an idx file with that of MNIST; return the result in words.

    Parameters
    ----------
    name
        Its published name.
    content
        Its unpacked content.
    """
    is_same = md5(content, usedforsecurity=False).hexdigest() == _MNIST[name]
    return "as published" if is_same else "not as published: other images than MNIST, or not the complete official set"


def tell(origins: Mapping[str, Origin]) -> None:
    """Print how data compare with what was published, a line for each source."""
    for name, origin in origins.items():
        if origin.published is not None:
            print(f"{name}: {origin.published}", file=sys.stderr)
