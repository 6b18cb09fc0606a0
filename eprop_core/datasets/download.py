"""Downloads with a checksum: the cache holds a complete and correct file, or none."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pooch
import requests

from eprop_core.datasets.events import DatasetError
from eprop_core.progress import ProgressLines

Downloads = Mapping[str, tuple[str, str]]
"""Address and checksum ("md5:..." or "sha256:...") of files, by name."""

TIMEOUT = 60.0
"""s, after which a server that does not answer is given up."""


def cache_directory(dataset: str) -> Path:
    """Return the cache directory of ``dataset``: in EPROP_BENCH_CACHE if it is set, otherwise in the user's cache."""
    return Path(os.environ.get("EPROP_BENCH_CACHE") or pooch.os_cache("eprop-bench")) / dataset


def published(dataset: str, path: str | None, downloads: Downloads) -> Path:
    """Return the directory or archive of a published data set, and download it if it is missing.

    Parameters
    ----------
    dataset
        Name of the data set, and of its folder in EPROP_BENCH_DATA and in the cache.
    path
        Where the data are; None looks into EPROP_BENCH_DATA, then into the cache, and downloads what is missing there.
    downloads
        Files of the data set.

    Raises
    ------
    DatasetError
        If a download fails.
    """
    here = _here(dataset, path)
    if here is None:
        here = cache_directory(dataset)
        fetch(downloads, here)
    return here


def needs_download(dataset: str, path: str | None, downloads: Downloads) -> bool:
    """Return whether :func:`published` would download a file."""
    return _here(dataset, path) is None and not all((cache_directory(dataset) / name).is_file() for name in downloads)


def _here(dataset: str, path: str | None) -> Path | None:
    if path is not None:
        return Path(path)
    folder = os.environ.get("EPROP_BENCH_DATA")
    return Path(folder) / dataset if folder and (Path(folder) / dataset).is_dir() else None


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
            reason = " ".join(str(error).split())
            raise DatasetError(f"{url}: could not download {name} with {checksum}; nothing kept ({reason})") from None
