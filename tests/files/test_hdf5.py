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
