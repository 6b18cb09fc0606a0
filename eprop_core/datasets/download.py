"""Downloads with a checksum: the cache holds a complete and correct file, or none."""

import sys
from pathlib import Path
from typing import Any

import pooch
import requests

from eprop_core.datasets.location import DOWNLOADS, Downloads, cache_directory, local_copy
from eprop_core.errors import DatasetError, one_line
from eprop_core.progress import ProgressLines

TIMEOUT = 60.0  # s, without an answer


def published(dataset: str, path: str | None) -> Path:
    """Return the directory or archive of a published data set, and download it if it is missing.

    Parameters
    ----------
    dataset
        Name of the data set, and of its folder in EPROP_BENCH_DATA and in the cache.
    path
        Where the data are; None looks into EPROP_BENCH_DATA, then into the cache, and downloads what is missing there.

    Raises
    ------
    DatasetError
        If a download fails.
    """
    here = local_copy(dataset, path)
    if here is None:
        here = cache_directory(dataset)
        fetch(DOWNLOADS[dataset], here)
    return here


def fetch(files: Downloads, directory: Path, retries: int = 2) -> None:
    """Download the files that are missing or damaged in ``directory``.

    A transfer that fails leaves no file behind and is repeated up to ``retries`` times.

    Raises
    ------
    DatasetError
        If a file could not be downloaded.
    """
    downloads = pooch.create(
        path=directory,
        base_url="",
        registry={name: checksum for name, (_, checksum) in files.items()},
        urls={name: url for name, (url, _) in files.items()},
        retry_if_failed=retries,
    )
    for name, (url, checksum) in files.items():
        progressbar: Any = sys.stderr.isatty() or ProgressLines(f"download of {name}", 0, " bytes")
        try:
            downloads.fetch(name, downloader=pooch.HTTPDownloader(progressbar=progressbar, timeout=TIMEOUT))
        except (ValueError, OSError, requests.RequestException) as error:
            raise DatasetError(
                f"{url}: no download of {name} with {checksum}; nothing kept ({one_line(error)})"
            ) from None
