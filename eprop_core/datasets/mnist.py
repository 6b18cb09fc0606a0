"""MNIST, or a data set in its format, from its four idx files, as events.

LeCun Y, Cortes C, Burges CJC, The MNIST database of handwritten digits. Fashion-MNIST (Xiao H, Rasul K, Vollgraf R,
2017, arXiv:1708.07747) and KMNIST (Clanuwat T et al., 2018, arXiv:1812.01718) have the same files.
"""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.download import published
from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.origin import Origin, compared_images, origin_of
from eprop_core.datasets.parameters import N_CLASSES, Mnist, check_enough
from eprop_core.datasets.saccades import record
from eprop_core.errors import DatasetError
from eprop_core.files.regular import Readable, open_regular, read_at_most, reason

FILE_PREFIXES = {"train": "train", "test": "t10k"}
_LARGEST = 2**30
"""Bytes of an unpacked idx file, twenty times those of MNIST."""
_LARGEST_GZIP_HEADER = 2**17
"""Bytes of a header of gzip with names and comments."""


class Images(NamedTuple):
    """Images of a split."""

    images: npt.NDArray[np.uint8]
    """(n, height, width)"""
    labels: npt.NDArray[np.uint8]
    """(n,), 0 to 9"""
    origins: dict[str, Origin]
    """By name of the file."""


def read(parameters: Mnist) -> Splits:
    """Read both splits and record their images with the simulated event camera.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    train, test = read_both(published("mnist", parameters.path))
    return Splits(
        _record_split(train, "train", parameters, parameters.train_samples),
        _record_split(test, "test", parameters, parameters.test_samples),
        np.arange(2 * parameters.saccades.sensor_size**2),
        parameters.saccades.sensor_size,
        train.origins | test.origins,
    ).most_active(parameters.active_channels)


def _record_split(all_images: Images, split: str, parameters: Mnist, n_samples: int | None) -> EventDataset:
    check_enough(f"{split}_samples", n_samples, len(all_images.images))
    images, labels = all_images.images[:n_samples], all_images.labels[:n_samples]
    indices = np.arange(len(images)) + (60_000 if split == "test" else 0)  # other noise than in the training split
    return record(images, labels, indices, parameters.saccades, parameters.n_steps, parameters.seed, f"MNIST {split}")


def read_both(directory: Path) -> tuple[Images, Images]:
    """Return training and test images, different ones of one size; raises the errors of :func:`read_images`."""
    train, test = (read_images(directory, split) for split in FILE_PREFIXES)
    sizes = [images.shape[1:] for images in (train.images, test.images)]
    if sizes[0] != sizes[1]:
        listed = " and ".join(f"{height} x {width}" for height, width in sizes)
        raise DatasetError(f"{directory}: training and test images of {listed} pixels; expected equal sizes")
    if np.array_equal(train.images, test.images):
        raise DatasetError(f"{directory}: the test images are the training images; expected different ones")
    return train, test


def read_images(directory: Path, split: str) -> Images:
    """Read images and labels of a split.

    Parameters
    ----------
    directory
        Directory of MNIST's idx files, compressed (``.gz``) or not.
    split
        ``train`` or ``test``.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    prefix = FILE_PREFIXES[split]
    names = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    files = {name: _Idx.read(directory, name, n) for name, n in zip(names, (3, 1), strict=True)}
    images, labels = (files[name].values for name in names)
    if len(images) != len(labels):
        raise DatasetError(f"{directory}: {len(images)} images but {len(labels)} labels of {prefix}; expected as many")
    if labels.max(initial=0) >= N_CLASSES:
        item = int(np.argmax(labels >= N_CLASSES))
        raise DatasetError(
            f"{directory}/{prefix}-labels-idx1-ubyte: label {item} (byte {8 + item}) is {labels[item]}; expected 0 to 9"
        )
    origins = {
        Path(file.origin.place).name: file.origin._replace(published=compared_images(name, file.data))
        for name, file in files.items()
    }
    return Images(images, labels, origins)


class _Idx(NamedTuple):
    """An idx file of bytes: magic number, length of each dimension (big endian), values."""

    origin: Origin
    data: bytes
    """Unpacked content."""
    values: npt.NDArray[np.uint8]

    @classmethod
    def read(cls, directory: Path, name: str, n_dimensions: int) -> "_Idx":
        path = directory / f"{name}.gz"
        if not path.exists():
            path = directory / name
        if not path.exists():
            raise DatasetError(f"{directory}: no {name}.gz; expected the four idx files of MNIST")
        try:
            with open_regular(path) as file:
                if path.suffix == ".gz":
                    with gzip.GzipFile(fileobj=file) as unpacked:
                        content = _content(path, unpacked, n_dimensions, os.fstat(file.fileno()).st_size)
                else:
                    content = _content(path, file, n_dimensions)
            return cls(origin_of(path), *content)
        except (OSError, EOFError, zlib.error) as error:
            raise DatasetError(f"{path}: damaged ({reason(error)}); expected a whole file") from None


def _content(path: Path, file: Readable, n_dimensions: int, n_packed: int = 0) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Return the content of an idx file, and its values, uint8 of ``n_dimensions``.

    A compressed file has ``n_packed`` bytes: zeros behind its data would be read one by one.
    """
    header = 4 * (1 + n_dimensions)
    data = read_at_most(file, header)
    if len(data) < header:
        raise DatasetError(f"{path}: ends at byte {len(data)}; expected a header of {header} bytes")
    magic, *shape = (int(number) for number in np.frombuffer(data, ">u4", 1 + n_dimensions))
    if magic != 0x0800 + n_dimensions:
        raise DatasetError(f"{path}: magic number {magic} (byte 0); expected {0x0800 + n_dimensions}")
    expected = header + math.prod(shape)
    if not header < expected <= _LARGEST:
        raise DatasetError(f"{path}: the shape {tuple(shape)} (byte 4); expected 1 to {_LARGEST} values")
    if n_packed > (most := expected + expected // 100 + _LARGEST_GZIP_HEADER):
        raise DatasetError(f"{path}: has {n_packed} bytes; expected at most {most} for the shape {tuple(shape)}")
    data += read_at_most(file, expected - header + 1)
    if len(data) < expected:
        raise DatasetError(f"{path}: ends at byte {len(data)}; expected {expected} bytes for shape {tuple(shape)}")
    if len(data) > expected:
        raise DatasetError(f"{path}: goes on after byte {expected}, which is the end for shape {tuple(shape)}")
    return data, np.frombuffer(data, np.uint8, offset=header).reshape(shape)
