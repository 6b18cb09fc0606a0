"""Where published data sets lie on this machine, and where they can be downloaded.

What cannot be looked at, because its name is too long or its folder may not be read, counts as missing (``os.path``,
where ``Path.is_file`` would raise an error): whoever opens it reports why.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from eprop_core.errors import DatasetError
from eprop_core.files.regular import user_path
from eprop_core.parsing import visible
from eprop_core.user_cache import user_cache

Downloads = Mapping[str, tuple[str, str]]
"""Address and checksum ("md5:..." or "sha256:...") of files, by name."""

_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist"
HEIDELBERG = "https://zenkelab.org/datasets"
_MENDELEY = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"


def _heidelberg(checksums: Mapping[str, str]) -> Downloads:
    return {name: (f"{HEIDELBERG}/{name}", f"md5:{checksum}") for name, checksum in checksums.items()}


DOWNLOADS: dict[str, Downloads] = {
    "mnist": {
        name: (f"{_MIRROR}/{name}", f"sha256:{checksum}")
        for name, checksum in {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        }.items()
    },
    "nmnist": {
        "Train.zip": (
            f"{_MENDELEY}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
            "md5:20959b8e626244a1b502305a9e6e2031",
        ),
        "Test.zip": (
            f"{_MENDELEY}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
            "md5:69ca8762b2fe404d9b9bad1103e97832",
        ),
    },
    "shd": _heidelberg(
        {
            "shd_train.h5.zip": "f3252aeb598ac776c1b526422d90eecb",
            "shd_test.h5.zip": "1503a5064faa34311c398fb0a1ed0a6f",
        }
    ),
    "ssc": _heidelberg(
        {
            "ssc_train.h5.zip": "d102be95e7144fcc0553d1f45ba94170",
            "ssc_valid.h5.zip": "b4eee3516a4a90dd0c71a6ac23a8ae43",
            "ssc_test.h5.zip": "a35ff1e9cffdd02a20eb850c17c37748",
        }
    ),
}
"""Files of the published data sets."""


def cache_directory(dataset: str) -> Path:
    """Return where downloads of ``dataset`` are kept: in EPROP_BENCH_CACHE if it is set, else in the user's cache."""
    named = os.environ.get("EPROP_BENCH_CACHE")
    return (user_path(named) if named else user_cache("eprop-bench")) / dataset


def needs_download(dataset: str, path: str | None) -> bool:
    """Return whether a published data set is neither at ``path``, nor in EPROP_BENCH_DATA, nor in the cache."""
    files = (cache_directory(dataset) / name for name in DOWNLOADS[dataset])
    return local_copy(dataset, path) is None and not all(map(os.path.isfile, files))


def local_copy(dataset: str, path: str | None) -> Path | None:
    """Return ``path``, or where the data set is in EPROP_BENCH_DATA; None: neither is given."""
    if path is not None:
        return user_path(path)
    folder = os.environ.get("EPROP_BENCH_DATA")
    return user_path(folder) / dataset if folder and os.path.isdir(user_path(folder) / dataset) else None


def local_files(dataset: str, path: str | None) -> tuple[str, ...]:
    """Return the files of a local copy, packed or not: those of the published names, or the archive of all."""
    here = local_copy(dataset, path)
    if here is None:
        return ()
    if os.path.isfile(here):
        return (str(here),)
    names = [name for packed in DOWNLOADS[dataset] for name in (packed, Path(packed).stem)]
    return tuple(str(here / name) for name in names if os.path.exists(here / name))


def check_data_folder() -> None:
    """Raise a :class:`DatasetError` if EPROP_BENCH_DATA names no folder, before a download begins instead."""
    folder = os.environ.get("EPROP_BENCH_DATA")
    if folder and not os.path.isdir(user_path(folder)):
        raise DatasetError(
            f"EPROP_BENCH_DATA = {visible(folder)}: no such folder, or one that cannot be read; expected the folder of "
            "the published data sets, or none"
        )
