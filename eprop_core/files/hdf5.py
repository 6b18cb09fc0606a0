"""Datasets of HDF5 files that others wrote."""

import math

import h5py

from eprop_core.files.hdf5_pieces import check_pieces

_LARGEST_RATIO = 1100
"""Of the sizes of data before and after compression: that of deflate is 1032 at most."""

_SMALL = 2**24
"""Bytes that may consist of a fill value alone, for which nothing is stored."""


def dataset_of_file(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Return a dataset that lies in the file itself; None if there is none.

    Links to other files and data in other files are not followed: they would read whatever file they name.

    Raises
    ------
    ValueError
        If the data lie elsewhere, or the file holds fewer or more data than the dataset states.
    """
    group: h5py.Group | h5py.Dataset = file
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            return None
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link; expected data in the file itself")
        group = group[part]
    if not isinstance(group, h5py.Dataset):
        return None
    if group.is_virtual or group.external:
        raise ValueError(f"{name} lies in another file; expected data in the file itself")
    stored, stated = group.id.get_storage_size(), math.prod(group.shape or ()) * group.dtype.itemsize
    piece = math.prod(group.chunks or ()) * group.dtype.itemsize
    if piece > max(_SMALL, 2 * stated):  # HDF5 reads whole pieces
        raise ValueError(f"{name} is stored in pieces of {piece} bytes; expected at most twice its size")
    if group.chunks is not None:
        check_pieces(name, group)
    if stated > max(_SMALL, _LARGEST_RATIO * stored):
        raise ValueError(f"{name} states {stated} bytes; expected what the {stored} stored ones can hold")
    return group
