"""MNIST, or a data set in its format, from its four idx files, as events.

LeCun Y, Cortes C, Burges CJC, The MNIST database of handwritten digits. Fashion-MNIST (Xiao H, Rasul K, Vollgraf R,
2017, arXiv:1708.07747) and KMNIST (Clanuwat T et al., 2018, arXiv:1812.01718) have the same files.
"""

import gzip
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.download import published
from eprop_core.datasets.events import EventDataset, Splits, check_enough
from eprop_core.datasets.parameters import N_CLASSES, Mnist
from eprop_core.datasets.saccades import record
from eprop_core.errors import DatasetError

FILE_PREFIXES = {"train": "train", "test": "t10k"}


def read(parameters: Mnist) -> Splits:
    """Read both splits and record their images with the simulated event camera.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    directory = published("mnist", parameters.path)
    checksums: dict[str, str] = {}
    return Splits(
        _record_split(directory, "train", parameters, parameters.train_samples, checksums),
        _record_split(directory, "test", parameters, parameters.test_samples, checksums),
        np.arange(2 * parameters.saccades.sensor_size**2),
        parameters.saccades.sensor_size,
        checksums,
    ).most_active(parameters.active_channels)


def _record_split(
    directory: Path, split: str, parameters: Mnist, n_samples: int | None, checksums: dict[str, str]
) -> EventDataset:
    images, labels = read_images(directory, split, checksums)
    check_enough(f"{split}_samples", n_samples, len(images))
    images, labels = images[:n_samples], labels[:n_samples]
    indices = np.arange(len(images)) + (60_000 if split == "test" else 0)  # other noise than in the training split
    return record(images, labels, indices, parameters.saccades, parameters.n_steps, parameters.seed, f"MNIST {split}")


def read_images(
    directory: Path, split: str, checksums: dict[str, str] | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Read images and labels of a split.

    Parameters
    ----------
    directory
        Directory of MNIST's idx files, compressed (``.gz``) or not.
    split
        ``train`` or ``test``.
    checksums
        The sha256 of each file is added, by its name.

    Returns
    -------
    images
        uint8 (n, height, width).
    labels
        uint8 (n,), 0 to 9.

    Raises
    ------
    DatasetError
        If a file is missing or damaged; the message names the file, the position in it and the expected content.
    """
    prefix = FILE_PREFIXES[split]
    images = _read_idx(directory, f"{prefix}-images-idx3-ubyte", 3, checksums)
    labels = _read_idx(directory, f"{prefix}-labels-idx1-ubyte", 1, checksums)
    if len(images) != len(labels):
        raise DatasetError(f"{directory}: {len(images)} images but {len(labels)} labels of {prefix}; expected as many")
    if labels.max(initial=0) >= N_CLASSES:
        item = int(np.argmax(labels >= N_CLASSES))
        raise DatasetError(
            f"{directory}/{prefix}-labels-idx1-ubyte: label {item} (byte {8 + item}) is {labels[item]}; expected 0 to 9"
        )
    return images, labels


def _read_idx(directory: Path, name: str, n_dimensions: int, checksums: dict[str, str] | None) -> npt.NDArray[np.uint8]:
    """Read an idx file of bytes: magic number, length of each dimension (big endian), values."""
    path = directory / f"{name}.gz"
    if not path.is_file():
        path = directory / name
    if not path.is_file():
        raise DatasetError(f"{directory}: no {name}.gz; expected the four idx files of MNIST")
    data = path.read_bytes()
    if checksums is not None:
        checksums[path.name] = sha256(data).hexdigest()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DatasetError(f"{path}: damaged ({error}); expected a whole gzip file") from None
    header = 4 * (1 + n_dimensions)
    if len(data) < header:
        raise DatasetError(f"{path}: ends at byte {len(data)}; expected a header of {header} bytes")
    magic, *shape = (int(number) for number in np.frombuffer(data, ">u4", 1 + n_dimensions))
    if magic != 0x0800 + n_dimensions:
        raise DatasetError(f"{path}: magic number {magic} (byte 0); expected {0x0800 + n_dimensions}")
    expected = header + int(np.prod(shape))
    if len(data) != expected:
        raise DatasetError(f"{path}: ends at byte {len(data)}; expected {expected} bytes for shape {tuple(shape)}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
