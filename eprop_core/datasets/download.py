"""Downloads with a checksum: a file is in the cache whole and right, or not at all."""

import sys
from pathlib import Path
from typing import Any

import pooch
import requests

from eprop_core.datasets.events import DatasetError
from eprop_core.datasets.location import DOWNLOADS, Downloads, cache_directory, local_copy
from eprop_core.progress import ProgressLines

TIMEOUT = 60.0  # s, without an answer


def published(dataset: str, path: str | None) -> Path:
    """Return where a published data set lies: at ``path``, else in EPROP_BENCH_DATA, else in the cache, downloaded."""
    here = local_copy(dataset, path)
    if here is None:
        here = cache_directory(dataset)
        fetch(DOWNLOADS[dataset], here)
    return here


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
