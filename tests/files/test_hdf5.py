"""Datasets of HDF5 lie in the file itself."""

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eprop_core.files.hdf5 import dataset_of_file
from eprop_core.files.hdf5_pieces import unpacked_pieces


def test_data_of_other_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["a"] = np.zeros(3)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["group/own"] = np.arange(3)
        file["group/outside"] = h5py.ExternalLink("other.h5", "a")
        file["soft"] = h5py.SoftLink("/group/outside")
        file.create_dataset("raw", (6,), "u1", external=[(str(tmp_path / "secret"), 0, 6)])
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (3,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("large", (2**39,), "f8", chunks=True)
        dataset = dataset_of_file(file, "group/own")
        assert dataset is not None
        assert dataset[:].tolist() == [0, 1, 2]
        assert dataset_of_file(file, "group/nothing") is None
        assert dataset_of_file(file, "group") is None
        for name, message in {
            "group/outside": "is a link",
            "soft": "is a link",
            "raw": "lies in another file",
            "virtual": "lies in another file",
            "large": "states 4398046511104 bytes",
        }.items():
            with pytest.raises(ValueError, match=f"{name} {message}"):
                dataset_of_file(file, name)


def test_pieces_far_larger_than_the_data_are_refused(tmp_path: Path) -> None:
    """HDF5 reads whole pieces, so four numbers would take a gigabyte."""
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_dataset(
            "small", data=np.arange(4), chunks=(1000,), maxshape=(None,), compression="gzip", shuffle=True
        )
        file.create_dataset("large", (4,), "f8", chunks=(2**27,), maxshape=(None,))
        twice = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        twice.set_chunk((100,))
        twice.set_deflate(1)
        twice.set_deflate(9)
        h5py.h5d.create(file.id, b"twice", h5py.h5t.NATIVE_INT64, h5py.h5s.create_simple((100,)), twice)
        small = dataset_of_file(file, "small")
        assert small is not None and small[:].tolist() == [0, 1, 2, 3]
        with pytest.raises(ValueError, match=f"large is stored in pieces of {2**30} bytes"):
            dataset_of_file(file, "large")
        with pytest.raises(ValueError, match="twice is compressed several times"):
            dataset_of_file(file, "twice")


def test_pieces_that_unpack_to_another_length_are_refused(tmp_path: Path) -> None:
    """HDF5 would fill what is missing with what is in memory, and make room for whatever a piece unpacks to."""
    numbers = np.arange(100, dtype=np.int16)
    packed = zlib.compress(numbers.tobytes()[:60]), zlib.compress(numbers.tobytes() + bytes(10**6))
    repeated = b"\x00\x07\xe0\xc0\x00"  # LZF: the byte 7, then 2 + 7 + 192 times the byte before
    with h5py.File(tmp_path / "file.h5", "w") as file:

        def dataset(name: str, piece: bytes, left_out: int = 0, **filters: Any) -> None:
            written = file.create_dataset(name, (100,), np.int16, chunks=(100,), **filters)
            written.id.write_direct_chunk((0,), piece, left_out)

        dataset("short", packed[0], compression="gzip")
        dataset("long", packed[1], compression="gzip")
        dataset("short_plain", numbers.tobytes()[:60])
        dataset("short_unchecked", numbers.tobytes()[:60], 1, fletcher32=True)
        dataset("short_lzf", b"\x01\x00\x01", compression="lzf")
        dataset("long_lzf", repeated, compression="lzf")
        dataset("cut_lzf", b"\xe0", compression="lzf")
        dataset("no_gzip", b"123", compression="gzip")
        dataset("large", bytes(10**5), compression="gzip")
        dataset("whole_unpacked", numbers.tobytes(), 1, compression="lzf")
        for name in ("short", "short_plain", "short_unchecked", "short_lzf"):
            with pytest.raises(ValueError, match=f"^{name} has a piece with fewer than its 200 bytes"):
                dataset_of_file(file, name)
        for name, message in {
            "long": "long has a piece with more than its 200 bytes",
            "long_lzf": "long_lzf has a piece with more than its 200 bytes",
            "cut_lzf": "damaged; expected whole pieces compressed by lzf",
            "no_gzip": "damaged .Error -3",
            "large": "large has a compressed piece of 100000 bytes",
        }.items():
            with pytest.raises(ValueError, match=f"^{message}"):
                dataset_of_file(file, name)
        whole = dataset_of_file(file, "whole_unpacked")
        assert whole is not None and np.array_equal(whole[()], numbers)


@pytest.mark.parametrize(
    "filters",
    [
        {"compression": "lzf"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"fletcher32": True},
        {"scaleoffset": 0},
    ],
)
def test_any_compression_of_hdf5_is_read(filters: dict[str, Any], tmp_path: Path) -> None:
    """Also of noise, which LZF cannot compress, so that HDF5 leaves it out for single pieces."""
    random = np.random.default_rng(1)
    written = {
        "noise": random.integers(0, 2**40, 5000),
        "zeros": np.zeros(5000, np.int64),
        "steps": np.arange(5000) // 7 % 300,
    }
    with h5py.File(tmp_path / "file.h5", "w") as file:
        for name, values in written.items():
            file.create_dataset(name, data=values, chunks=(1200,), **filters)
        for name, values in written.items():
            dataset = dataset_of_file(file, name)
            assert dataset is not None and np.array_equal(dataset[()], values)
            for piece, data in list(unpacked_pieces(name, dataset))[:4]:
                (first,) = piece.chunk_offset
                if data is not None and "shuffle" not in filters:
                    assert data == values[first : first + 1200].tobytes()
