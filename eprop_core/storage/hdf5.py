"""HDF5 files: written whole or not at all by all ranks in turn, and read with one clear line for each that is damaged.

All data have checksums, so that a file is either what was written or refused: those of datasets are HDF5's Fletcher32,
those of all else belong to the format of HDF5 1.10, which later versions read, too.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eprop_core.errors import NetworkFileError, one_line, printable
from eprop_core.files.hdf5 import dataset_of_file
from eprop_core.files.regular import check_regular
from eprop_core.machine.whole_file import whole_file
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import Communicator

_HDF5_VERSION = ("v110", "v110")
_LOCKING = "best-effort"
"""Some file systems of clusters have no locks."""
_CHUNK = 2**16
"""Entries of a chunk, the part of a dataset that has a checksum."""
_CACHE = 2**20
"""Bytes of chunks of each dataset that HDF5 keeps while it writes; its default is eight times that since version 2."""
_CHECKSUM_BYTES = 4
PIECE = 2**16
"""Entries that are converted and written, or read, at once."""

_DAMAGES = (OSError, LookupError, ArithmeticError, MemoryError, RuntimeError, SystemError, TypeError, ValueError)
"""Errors that h5py, and readers of what it read, raise if a file is damaged or not in HDF5 format."""


def write_whole(
    path: str | os.PathLike[str],
    communicator: Communicator,
    create: Callable[[h5py.File], None],
    write: Callable[[h5py.File], None],
) -> None:
    """Write a file that appears complete or not at all. Collective.

    Parameters
    ----------
    path
        The file; one that is there is replaced at the end.
    communicator
        Communicator of the ranks.
    create
        Called on rank 0, creates all datasets.
    write
        Called on one rank after the other, writes what the rank holds.

    Raises
    ------
    OSError
        The file cannot be written; on all ranks.
    """
    with ExitStack() as stack:

        def begin() -> Path | None:
            with _write_errors(path):
                return None if communicator.rank else stack.enter_context(whole_file(path))

        temporary = communicator.allgather(raising_on_all_ranks(communicator, begin))[0]

        def on_rank(rank: int, mode: str, function: Callable[[h5py.File], None]) -> None:
            def open_and_write() -> None:
                if communicator.rank == rank:
                    with (
                        _write_errors(path),
                        h5py.File(temporary, mode, libver=_HDF5_VERSION, locking=_LOCKING, rdcc_nbytes=_CACHE) as file,
                    ):
                        function(file)

            raising_on_all_ranks(communicator, open_and_write)

        on_rank(0, "w", create)
        for rank in range(communicator.size):
            on_rank(rank, "r+", write)
        # The temporary file takes its place when the context ends without an error.
        raising_on_all_ranks(communicator, stack.pop_all().close)


@contextmanager
def _write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # a full disk is either, depending on when HDF5 notices
        raise OSError(f"{printable(path)}: cannot be written ({one_line(error)})") from None


def new_file(path: str | os.PathLike[str]) -> h5py.File:
    """Create a file for writing."""
    return h5py.File(path, "w", libver=_HDF5_VERSION, locking=_LOCKING)


@contextmanager
def reading(path: str | os.PathLike[str], content: str = "network") -> Iterator[h5py.File]:
    """Open a file for reading.

    Parameters
    ----------
    path
        The file.
    content
        What it should hold, for messages.

    Raises
    ------
    NetworkFileError
        There is no such file, or the ``with`` block finds it damaged: whatever h5py raises in the block is reported so.
    """
    try:
        check_regular(path)
    except OSError as error:
        why = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise NetworkFileError(f"{path}: {why}") from None
    try:
        with h5py.File(path, "r", locking=_LOCKING) as file:
            yield file
    except NetworkFileError as error:
        text = str(error)
        raise NetworkFileError(text if text.startswith(f"{path}: ") else f"{path}: {text}") from None
    except _DAMAGES as error:
        raise NetworkFileError(f"{path}: damaged, or not a {content} file ({one_line(error)})") from None


def format_of(content: str) -> np.bytes_:
    """Return the attribute ``format`` of a file with this content."""
    return np.bytes_(f"eprop-core {content}")


def read_layout_version(file: h5py.File, content: str, newest: int) -> int:
    """Return the version of a file's layout.

    Parameters
    ----------
    file
        The file.
    content
        What it should hold.
    newest
        The newest version that can be read.

    Raises
    ------
    NetworkFileError
        The file has other content, or a newer layout.
    """
    if bytes(file.attrs.get("format", b"")) != format_of(content):
        raise NetworkFileError(f"not a {content} of eprop-core")
    version = int(file.attrs["format_version"])
    if version > newest:
        raise NetworkFileError(
            f"has the layout {version} of a newer version of eprop-core; this one reads the layout {newest}"
        )
    return version


def new_dataset(
    file: h5py.File, name: str, shape: Sequence[int], dtype: Any, attributes: dict[str, Any] | None = None
) -> None:
    """Create a dataset in pieces with checksums; memory and disk are used as it is written."""
    dataset = file.create_dataset(name, tuple(shape), dtype, **_checked_chunks(shape))
    dataset.attrs.update(attributes or {})


def new_growing_dataset(file: h5py.File, name: str, row_shape: Sequence[int], dtype: Any) -> None:
    """Create a dataset without rows, to which :func:`append_rows` adds some; it has checksums."""
    room = max(1, _CHUNK // max(1, math.prod(row_shape)))
    file.create_dataset(
        name,
        (0, *row_shape),
        dtype,
        chunks=(room, *(max(1, n) for n in row_shape)),
        maxshape=(None, *row_shape),
        fletcher32=True,
    )


def append_rows(dataset: h5py.Dataset, rows: np.ndarray) -> None:
    """Append ``rows`` to a growing dataset."""
    first = len(dataset)
    dataset.resize(first + len(rows), axis=0)
    dataset[first:] = rows


def bytes_of_dataset(shape: Sequence[int], dtype: Any) -> int:
    """Return the bytes that the data of a dataset of :func:`new_dataset` take in the file: whole chunks."""
    chunks: tuple[int, ...] = _checked_chunks(shape).get("chunks", ())
    if not chunks:
        return 0
    n_chunks = math.prod(-(-n // of_chunk) for n, of_chunk in zip(shape, chunks, strict=True))
    itemsize: int = np.dtype(dtype).itemsize
    return n_chunks * (math.prod(chunks) * itemsize + _CHECKSUM_BYTES)


def new_constant(file: h5py.File, name: str, n: int, value: Any, attributes: dict[str, Any] | None = None) -> None:
    """Create a dataset of ``n`` equal values, which takes no room."""
    value = np.asarray(value)
    dataset = file.create_dataset(name, (n,), value.dtype, fillvalue=value[()], **_checked_chunks((n,)))
    dataset.attrs.update(attributes or {})


def _checked_chunks(shape: Sequence[int]) -> dict[str, Any]:
    """Return the options of a dataset with checksums; those of an empty one have no meaning."""
    if 0 in shape:
        return {}
    chunks, room = [], _CHUNK
    for n in reversed(shape):
        chunks.append(min(n, max(1, room)))
        room //= chunks[-1]
    return {"chunks": tuple(reversed(chunks)), "fletcher32": True}


def write_rows(dataset: h5py.Dataset, first: int, rows: np.ndarray) -> None:
    """Write ``rows`` to a dataset from row ``first`` on, without a copy of all of them."""
    step = max(1, PIECE * len(rows) // max(1, rows.size))
    for begin in range(0, len(rows), step):
        piece = rows[begin : begin + step]
        dataset[first + begin : first + begin + len(piece)] = piece


def stored(file: h5py.File, name: str, shape: Sequence[int | None], kind: str) -> h5py.Dataset:
    """Return a dataset.

    Parameters
    ----------
    file
        The file.
    name
        Name of the dataset.
    shape
        Lengths that it must have; None for any.
    kind
        Kinds of its data, one of those of ``numpy.dtype.kind``.

    Raises
    ------
    NetworkFileError
        There is no such dataset, or it is of another shape or kind.
    """
    dataset = dataset_of_file(file, name)
    if dataset is None:
        raise NetworkFileError(f"there is no dataset {name}")
    fits = len(dataset.shape) == len(shape) and all(
        wanted in (None, n) for n, wanted in zip(dataset.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if n is None else str(n) for n in shape)
        raise NetworkFileError(f"{name} has the shape {dataset.shape}; expected ({expected})")
    if dataset.dtype.kind not in kind:
        raise NetworkFileError(f"{name} has the type {dataset.dtype}; expected another")
    return dataset


def finite(name: str, values: np.ndarray) -> np.ndarray:
    """Return ``values``.

    Raises
    ------
    NetworkFileError
        One of them is not finite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise NetworkFileError(f"{name} has a value that is not finite")
    return values
