"""Downloads with a checksum: the cache holds a complete and correct file, or none."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pooch
import requests

from eprop_core.datasets.location import DOWNLOADS, Downloads, cache_directory, local_copy
from eprop_core.errors import DatasetError, one_line
from eprop_core.machine.temporary_place import temporary_place
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
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            f"{directory}: cannot be made ({error.strerror}); set EPROP_BENCH_CACHE to a folder for downloads"
        ) from None
    for name, (url, checksum) in files.items():
        progressbar: Any = sys.stderr.isatty() or ProgressLines(f"download of {name}", 0, " bytes")
        download = pooch.HTTPDownloader(progressbar=progressbar, timeout=TIMEOUT, hooks={"response": _check_redirect})
        try:
            with temporary_place(directory / name, wait=True) as place:
                if not _is_right(directory / name, checksum):
                    downloads = pooch.create(
                        path=place, base_url="", registry={name: checksum}, urls={name: url}, retry_if_failed=retries
                    )
                    os.replace(downloads.fetch(name, downloader=download), directory / name)
        except (ValueError, OSError, requests.RequestException) as error:
            raise DatasetError(
                f"{url}: no download of {name} with {checksum}; nothing kept ({one_line(error)})"
            ) from None


def _is_right(file: Path, checksum: str) -> bool:
    algorithm, _, digest = checksum.partition(":")
    return file.is_file() and pooch.file_hash(str(file), algorithm) == digest


def _check_redirect(response: requests.Response, **_: Any) -> None:
    """Raise an error if an answer over TLS leads to an address without it."""
    if response.is_redirect and response.url.startswith("https:"):
        target = urljoin(response.url, response.headers["location"])
        if not target.startswith("https:"):
            raise requests.exceptions.InvalidURL(f"it leads to {target}, which is not protected by TLS")
