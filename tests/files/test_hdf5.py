"""Datasets of HDF5 lie in the file itself."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from eprop_core.files.hdf5 import dataset_of_file


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
