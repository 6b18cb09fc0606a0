"""Datasets of HDF5 files that others wrote."""

import math

import h5py

_LARGEST_RATIO = 1100
"""Of the sizes of data before and after compression: that of deflate is 1032 at most."""

_SMALL = 2**24
"""Bytes that may consist of a fill value alone, for which nothing is stored."""

_NOT_COMPRESSING = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
"""Filters of HDF5 that leave the size of the data as it is."""


def _check_pieces(name: str, dataset: h5py.Dataset, stated: int) -> None:
    """Check that no piece takes far more memory than the ``stated`` bytes of the dataset: HDF5 reads whole pieces."""
    piece = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if piece > max(_SMALL, 2 * stated):
        raise ValueError(f"{name} is stored in pieces of {piece} bytes; expected at most twice its size")
    pipeline = dataset.id.get_create_plist()
    filters = [pipeline.get_filter(n)[0] for n in range(pipeline.get_nfilters())]
    if sum(kind not in _NOT_COMPRESSING for kind in filters) > 1:
        raise ValueError(f"{name} is compressed several times; expected once at most")


def dataset_of_file(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Return a dataset that lies in the file itself; None if there is none.

    Links to other files and data in other files are not followed: they would read whatever file they name.

    Raises
    ------
    ValueError
        If the data lie elsewhere, or the file holds fewer data than the dataset states.
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
    _check_pieces(name, group, stated)
    if stated > max(_SMALL, _LARGEST_RATIO * stored):
        raise ValueError(f"{name} states {stated} bytes; expected what the {stored} stored ones can hold")
    return group
