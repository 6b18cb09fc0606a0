"""Downloads with a checksum: a file is in the cache whole and right, or not at all."""

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

TIMEOUT = 60.0  # s, without an answer


def cache_directory(dataset: str) -> Path:
    """Return where downloads of ``dataset`` are kept: in EPROP_BENCH_CACHE if it is set, else in the user's cache."""
    return Path(os.environ.get("EPROP_BENCH_CACHE") or pooch.os_cache("eprop-bench")) / dataset


def published(dataset: str, path: str | None, downloads: Downloads) -> Path:
    """Return where a published data set lies: at ``path``, else in EPROP_BENCH_DATA, else in the cache, downloaded."""
    here = _here(dataset, path)
    if here is None:
        here = cache_directory(dataset)
        fetch(downloads, here)
    return here


def needs_download(dataset: str, path: str | None, downloads: Downloads) -> bool:
    """Return whether :func:`published` would have to download something."""
    return _here(dataset, path) is None and not all((cache_directory(dataset) / name).is_file() for name in downloads)


def _here(dataset: str, path: str | None) -> Path | None:
    if path is not None:
        return Path(path)
    folder = os.environ.get("EPROP_BENCH_DATA")
    return Path(folder) / dataset if folder and (Path(folder) / dataset).is_dir() else None


def fetch(files: Downloads, directory: Path, retries: int = 2) -> None:
    """Download what is missing or damaged in ``directory``.

    A transfer that breaks off leaves
    nothing behind and begins anew, up to ``retries`` times. Raises :class:`DatasetError` where that does not help.
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
            raise DatasetError(f"{url}: no download of {name} with {checksum}; nothing kept ({reason})") from None
