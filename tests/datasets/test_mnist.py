import gzip
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from eprop_core.datasets.location import DOWNLOADS
from eprop_core.datasets.mnist import read as read_mnist
from eprop_core.datasets.mnist import read_both, read_images
from eprop_core.datasets.parameters import Mnist
from eprop_core.errors import DatasetError
from official_formats import write_idx


def test_images_and_labels_are_read(mnist_directory: Path) -> None:
    images, labels, _ = read_images(mnist_directory, "train")
    assert images.shape == (20, 28, 28)
    assert labels.tolist() == [*range(1, 10), 0] * 2
    assert images[3, 10, 8:12].tolist() == [255] * 4


def test_unpacked_files_are_read(mnist_directory: Path) -> None:
    packed = read_images(mnist_directory, "test")
    for path in list(mnist_directory.glob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    for one, other in zip(packed[:2], read_images(mnist_directory, "test")[:2], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.needs_compiler
def test_both_splits_become_events(mnist_directory: Path) -> None:
    splits = read_mnist(Mnist(name="mnist", path=str(mnist_directory), train_samples=12, n_steps=100))
    assert (len(splits.train), len(splits.test)) == (12, 10)
    assert splits.train.n_channels == 2312
    assert splits.train.labels.tolist() == [*range(1, 10), 0, 1, 2]
    assert set(splits.checksums) == set(DOWNLOADS["mnist"])
    assert len(splits.train.sample(0)[0]) > 1000


def truncated_gzip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-12])


def truncated_images(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5]))


def labels_instead(path: Path) -> None:
    write_idx(path, np.zeros(20))


def endless(path: Path) -> None:
    os.truncate(path, 2**42)


def header_only(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\0\0\x08\x03\0\0"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated_gzip, "damaged"),
        (truncated_images, "ends at byte 15691; expected 15696 bytes for shape (20, 28, 28)"),
        (labels_instead, "magic number 2049 (byte 0); expected 2051"),
        (endless, "has 4398046511104 bytes; expected at most"),
        (header_only, "ends at byte 6; expected a header of 16 bytes"),
        (Path.unlink, "no train-images-idx3-ubyte.gz; expected the four idx files"),
    ],
)
def test_a_damaged_file_is_reported_with_its_name_and_byte(mnist_directory: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    path = mnist_directory / "train-images-idx3-ubyte.gz"
    damage(path)
    with pytest.raises(DatasetError, match=re.escape(message)) as raised:
        read_images(mnist_directory, "train")
    assert str(mnist_directory) in str(raised.value)
    assert path.name in str(raised.value)


def test_labels_that_do_not_fit_the_images_are_refused(mnist_directory: Path) -> None:
    write_idx(mnist_directory / "train-labels-idx1-ubyte.gz", np.arange(19))
    with pytest.raises(DatasetError, match="20 images but 19 labels"):
        read_images(mnist_directory, "train")
    write_idx(mnist_directory / "train-labels-idx1-ubyte.gz", np.arange(20))
    with pytest.raises(DatasetError, match=re.escape("label 10 (byte 18) is 10; expected 0 to 9")):
        read_images(mnist_directory, "train")


def test_training_images_are_no_test_images(mnist_directory: Path) -> None:
    for name in ("images-idx3", "labels-idx1"):
        shutil.copy(mnist_directory / f"train-{name}-ubyte.gz", mnist_directory / f"t10k-{name}-ubyte.gz")
    with pytest.raises(DatasetError, match="the test images are the training images; expected different ones"):
        read_both(mnist_directory)


def test_official_files_have_the_official_checksums(real_data: Path) -> None:
    checksums = {}
    for split, n_samples in (("train", 60_000), ("test", 10_000)):
        images, _, origins = read_images(real_data / "mnist", split)
        assert len(images) == n_samples
        assert {origin.published for origin in origins.values()} == {"as published"}
        checksums |= {name: origin.sha256 for name, origin in origins.items()}
    assert {name: f"sha256:{checksum}" for name, checksum in checksums.items()} == {
        name: checksum for name, (_, checksum) in DOWNLOADS["mnist"].items()
    }
