"""Checksums of the user's files, which are in the parameters of a job: it is repeated when their content changes."""

import functools

from eprop_core.datasets.origin import origin_of, origin_of_folder
from eprop_core.datasets.registry import Dataset
from eprop_core.errors import DatasetError
from eprop_core.files.regular import user_path


def of_sources(dataset: Dataset) -> list[str]:
    """Return the checksum of each of the user's files or folders of a data set, or why there is none."""
    return [_of(file, dataset.source_starts) for file in dataset.source_files]


@functools.cache
def _of(file: str, starts: tuple[bytes, ...]) -> str:
    try:
        path = user_path(file)
        if path.is_dir() and not starts:  # of a plug-in, whose layout is not known here
            return origin_of_folder(path, (below for below in path.rglob("*") if below.is_file())).sha256
        return origin_of(path, starts).sha256
    except DatasetError as error:  # the reader of the data set will report it in its own words
        return str(error)
    except OSError as error:
        return str(error.strerror)
