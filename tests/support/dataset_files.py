"""Small data sets in the official formats, and the real ones if available."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from official_formats import write_idx, write_nmnist


@pytest.fixture
def nmnist_directory(tmp_path: Path) -> Path:
    return write_nmnist(tmp_path / "nmnist")


@pytest.fixture
def mnist_directory(tmp_path: Path) -> Path:
    """Images of bars and labels, in four idx files."""
    directory = tmp_path / "mnist"
    directory.mkdir()
    for prefix, n_samples in (("train", 20), ("t10k", 10)):
        images = np.zeros((n_samples, 28, 28), np.uint8)
        for index in range(n_samples):
            images[index, 6:22, 5 + index % 10 : 9 + index % 10] = 255
        write_idx(directory / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(directory / f"{prefix}-labels-idx1-ubyte.gz", np.arange(1, n_samples + 1) % 10)
    return directory


@pytest.fixture
def real_data() -> Path:
    """Directory that holds ``nmnist/`` and ``mnist/``; without it the test is skipped."""
    if "EPROP_BENCH_DATA" not in os.environ:
        pytest.skip("needs N-MNIST and MNIST: set EPROP_BENCH_DATA to a directory that holds nmnist/ and mnist/")
    return Path(os.environ["EPROP_BENCH_DATA"])


@pytest.fixture
def damaged(nmnist_directory: Path) -> Callable[[bytes], Path]:
    """Replace the recording of Train/3 that is read first."""

    def replace(data: bytes) -> Path:
        (nmnist_directory / "Train/3/00003.bin").write_bytes(data)
        return nmnist_directory

    return replace
