"""Download the published files of a data set, where they are missing; the cache holds them complete, or not at all.

The pipeline does this where it is called, because the nodes of a cluster may have no network.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pooch
import requests

import eprop_core.memory_shortage  # noqa: F401
from eprop_core.datasets import program
from eprop_core.datasets.location import DOWNLOADS, Downloads, cache_directory, check_data_folder, local_copy
from eprop_core.datasets.parameters import Published
from eprop_core.errors import DatasetError, one_line
from eprop_core.files.arguments import Parser
from eprop_core.machine.temporary_place import temporary_place
from eprop_core.machine.whole_file import whole_file
from eprop_core.progress import ProgressLines

TIMEOUT = 60.0  # s, without an answer


def published(dataset: str, path: str | None, url: str | None = None) -> Path:
    """Return the directory or archive of a published data set, and download it if it is missing.

    Parameters
    ----------
    dataset
        Name of the data set, and of its folder in EPROP_BENCH_DATA and in the cache.
    path
        Where the data are; None looks into EPROP_BENCH_DATA, then into the cache, and downloads what is missing there.
    url
        Address of the folder of the published files; None: the one where they were published.

    Raises
    ------
    DatasetError
        If a download fails, or EPROP_BENCH_DATA names no folder.
    """
    here = local_copy(dataset, path)
    if here is None:
        check_data_folder()
        here = cache_directory(dataset)
        files = DOWNLOADS[dataset]
        if url is not None:
            files = {name: (f"{url.rstrip('/')}/{name}", checksum) for name, (_, checksum) in files.items()}
        fetch(files, here)
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
                f"{url}: no download of {name} with {checksum}; nothing kept; without a network, put it into "
                f"{directory}, or name its folder with the key path or EPROP_BENCH_DATA ({one_line(error)})"
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


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = Parser(prog="python -m eprop_core.datasets.download", description=__doc__)
    parser.add_argument("parameters", metavar="PARAMETERS.json", type=Path, help='for instance {"name": "nmnist"}')
    parser.add_argument("output", metavar="OUTPUT.json", type=Path, help="their names, written once they are here")
    options = parser.parse_args(arguments)

    def work() -> None:
        parameters = program.read_parameters(options.parameters)
        if isinstance(parameters, Published):
            published(parameters.name, parameters.path, parameters.address)
        with whole_file(options.output) as temporary:
            temporary.write_text(json.dumps(list(DOWNLOADS.get(parameters.name, ()))) + "\n", encoding="utf-8")

    return program.run(work)


if __name__ == "__main__":
    sys.exit(main())
