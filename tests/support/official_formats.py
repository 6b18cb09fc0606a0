"""Writers of small data sets in the formats in which N-MNIST, MNIST and SHD are published, and as ``.npz``."""

import gzip
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Event = tuple[int, int, int, int]  # x, y, polarity, time in us


def encode(events: list[Event]) -> bytes:
    """Write events in the format of N-MNIST, 5 bytes each: x, y, polarity (1 bit), time (23 bits), big endian."""
    return b"".join(bytes([x, y]) + (polarity << 23 | time).to_bytes(3, "big") for x, y, polarity, time in events)


def digit_events(number: int) -> list[Event]:
    """Return events that tell which recording they are from."""
    return [(number % 34, 1, 1, 1000), (2, number % 34, 0, 168_020), (33, 33, 1, 336_040)]


def write_nmnist(directory: Path) -> Path:
    """Write two recordings of each digit to Train, one to Test; numbered so that digits alternate."""
    for split, n_samples in (("Train", 20), ("Test", 10)):
        for number in range(1, n_samples + 1):
            file = directory / split / str(number % 10) / f"{number:05d}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode(digit_events(number)))
    return directory


def pack(directory: Path, split: str, archive: Path) -> Path:
    """Zip a split of N-MNIST as published: with entries for directories and the litter of a desktop."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.mkdir(split)
        for path in sorted((directory / split).rglob("*.bin")):
            file.write(path, path.relative_to(directory))
        file.writestr(f"__MACOSX/{split}/0/._00010.bin", b"litter")
    return archive


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write bytes in the format of MNIST."""
    header = np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


def write_shd(
    path: Path,
    samples: Sequence[tuple[Any, Any]],
    labels: Any,
    *,
    speakers: Any = None,
    keys: Any = None,
    times_dtype: Any = np.float16,
    units_dtype: Any = np.uint16,
) -> Path:
    """Write samples, each a pair of times (s) and units, in the layout of SHD."""
    with h5py.File(path, "w") as file:
        for name, part, dtype in (("times", 0, times_dtype), ("units", 1, units_dtype)):
            arrays = file.create_dataset(f"spikes/{name}", (len(samples),), h5py.vlen_dtype(dtype))
            for index, sample in enumerate(samples):
                arrays[index] = np.asarray(sample[part]).astype(dtype)
        strings = np.asarray(labels).dtype.kind == "U"
        file.create_dataset("labels", data=labels, dtype=h5py.string_dtype() if strings else None)
        if speakers is not None:
            file["extra/speaker"] = speakers
        if keys is not None:
            file.create_dataset("extra/keys", data=keys, dtype=h5py.string_dtype())
    return path


def write_npz(path: Path, samples: Sequence[tuple[Any, Any]], labels: Any, **arrays: Any) -> Path:
    """Write samples, each a pair of times (s) and channels, by the recipe of the documentation."""
    recipe = {
        "times": np.concatenate([times for times, _ in samples]),
        "channels": np.concatenate([channels for _, channels in samples]),
        "offsets": np.cumsum([0, *(len(times) for times, _ in samples)]),
        "labels": labels,
    }
    np.savez(path, **(recipe | arrays))
    return path
