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

TIMEOUT = 60.0  # s, without an answer


def cache_directory(dataset: str) -> Path:
    """Return where downloads of ``dataset`` are kept: in EPROP_BENCH_CACHE if it is set, else in the user's cache."""
    return Path(os.environ.get("EPROP_BENCH_CACHE") or pooch.os_cache("eprop-bench")) / dataset


def fetch(files: Mapping[str, tuple[str, str]], directory: Path, retries: int = 2) -> None:
    """Download what is missing or damaged in ``directory``.

    ``files`` maps a name to its address and checksum ("md5:..." or "sha256:..."). A transfer that breaks off leaves
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
