"""Origins of prepared data: their files, and how these compare with the published ones."""

import os
import sys
from collections.abc import Iterable, Mapping
from hashlib import file_digest, md5, sha256
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.layout import recordings_by_class
from eprop_core.errors import DatasetError
from eprop_core.files.regular import open_regular


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


def origin_of(path: Path, starts: tuple[bytes, ...] = ()) -> Origin:
    """Return size and sha256 of a file or, for a folder of recordings, of the output of ``sha256sum`` for these.

    What cannot be data is not hashed: a folder such as ``/`` or a file such as ``/proc/kcore`` would take forever.

    Parameters
    ----------
    path
        File or folder; the recordings of a folder are sorted by path.
    starts
        Allowed first bytes of a file; empty: any.

    Raises
    ------
    OSError
        If there is none, or it cannot be read.
    DatasetError
        If a file begins with other bytes, or a folder does not have the layout of recordings.
    """
    if not path.is_dir():
        with open_regular(path) as file:
            if starts and not file.peek().startswith(starts):
                raise DatasetError(f"{path}: of no known kind")
            return Origin(str(path), 1, os.fstat(file.fileno()).st_size, file_digest(file, "sha256").hexdigest())
    return origin_of_folder(path, (file for of_class in recordings_by_class(path).values() for file in of_class))


def origin_of_folder(path: Path, files: Iterable[Path]) -> Origin:
    """Return size and sha256 of the output of ``sha256sum`` for files below a folder, sorted by path.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    origins = {os.fsencode(file.relative_to(path)): origin_of(file) for file in files}
    lines = [origins[name].sha256.encode() + b"  " + name + b"\n" for name in sorted(origins)]
    n_bytes = sum(origin.bytes for origin in origins.values())
    return Origin(str(path), len(origins), n_bytes, sha256(b"".join(lines)).hexdigest())


def check_different(origins: Mapping[str, Origin]) -> None:
    """Raise a :class:`DatasetError` if two files or folders of a data set have the same content."""
    for one, other in combinations(origins.values(), 2):
        if one.sha256 == other.sha256:
            raise DatasetError(f"{other.place}: is a copy of {one.place}; expected other samples")


_N_SAMPLES = {"train": 60_000, "test": 10_000}
"""Of MNIST, and of N-MNIST, whose recordings are numbered from 1 in the order of MNIST."""
_MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""md5 of the published files, unpacked"""


class Comparison(NamedTuple):
    """How recordings compare with the published ones."""

    are_published: bool
    """Whether they are published ones, all or some."""
    words: str


def compared_recordings(path: Path, split: str, digits: Mapping[int, int]) -> Comparison:
    """Compare the recordings of a split of N-MNIST with the published ones, by their numbers and digits.

    Parameters
    ----------
    path
        Where they are, for messages.
    split
        ``Train`` or ``Test``.
    digits
        The digit of each recording by its number.

    Raises
    ------
    DatasetError
        If all but a few recordings have the published digits, or all but a few numbers are there: these few are in a
        wrong folder, or got lost. Also if they have the digits of the other split.
    """
    n_published = _N_SAMPLES[split.lower()]
    first, last = min(digits), max(digits)
    missing = [number for number in range(first, last + 1) if number not in digits] if last - first < 10**6 else []
    if 0 < len(missing) < _FEW * len(digits):
        raise DatasetError(
            f"{path}: recording {missing[0]} of {split} is missing; expected all numbers from {first} to {last}"
        )
    wrong = _not_of(digits, split)
    other = {"Train": "Test", "Test": "Train"}[split]
    if len(wrong) >= _FEW * len(digits) and len(_not_of(digits, other)) < _FEW * len(digits):
        raise DatasetError(f"{path}: {split} has the recordings of {other}; expected those of {split}, as published")
    if 0 < len(wrong) < _FEW * len(digits):
        number, labels = wrong[0], _labels(split.lower())
        expected = labels[number - 1] if 1 <= number <= n_published else "no digit"
        raise DatasetError(
            f"{path}: recording {number} of {split} is in the folder of {digits[number]}; expected that of {expected}, "
            "as published"
        )
    if not wrong and len(digits) == n_published:
        return Comparison(True, f"all {n_published} recordings, with the published digits")
    whose = "other recordings than published" if wrong else f"{len(digits)} of the {n_published} published recordings"
    return Comparison(not wrong, f"{whose}, numbers {first} to {last}: not the complete official set")


def _not_of(digits: Mapping[int, int], split: str) -> list[int]:
    """Return the numbers of the recordings that have other digits than those published in a split."""
    labels = _labels(split.lower())
    return [number for number, digit in digits.items() if not 1 <= number <= len(labels) or labels[number - 1] != digit]


_FEW = 0.1
"""Share of recordings below which a difference from the published ones is a mistake, and no other selection."""


def _labels(split: str) -> npt.NDArray[np.uint8]:
    """Return the digits of MNIST, which are those of N-MNIST, uint8 (n,); the file holds two in a byte."""
    pairs = np.frombuffer(Path(__file__).with_name("mnist_labels.bin").read_bytes(), np.uint8)
    labels = np.stack([pairs >> 4, pairs & 15], axis=1).ravel()
    return labels[: _N_SAMPLES["train"]] if split == "train" else labels[_N_SAMPLES["train"] :]


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


def print_comparisons(origins: Mapping[str, Origin]) -> None:
    """Print how data compare with the published ones, a line for each source."""
    for name, origin in origins.items():
        if origin.published is not None:
            print(f"{name}: {origin.published}", file=sys.stderr)
