"""How files and folders of data sets are known before they are read as a whole.

A file begins with certain bytes. A folder of recordings has a folder for each class, and these have files ``*.bin``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from eprop_core.errors import DatasetError
from eprop_core.files.litter import is_litter

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK"
GZIP = b"\x1f\x8b"
IDX = b"\0\0\x08"
"""First bytes of files; an idx file is one of bytes."""
LARGEST_RECORDING = 2**26
"""Bytes of a recording; times of 23 bits span 8 s, in which no sensor has so many events."""


def classes_in(path: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name; raises an :class:`OSError` if it cannot be read."""
    return sorted(entry for entry in _entries(path) if entry.is_dir())


def recordings_in(path: Path) -> list[Path]:
    """Return the recordings in a folder, by class; the first other file ends the search, as there may be millions.

    Raises
    ------
    OSError
        If a folder cannot be read.
    DatasetError
        If the folder of a class has other files, or larger ones.
    """
    return [file for folder in classes_in(path) for file in _recordings_of(folder)]


def _recordings_of(folder: Path) -> Iterator[Path]:
    for file in _entries(folder):
        if file.suffix != ".bin" or not file.is_file():
            raise DatasetError(f"{file}: expected recordings *.bin alone in the folder of a class")
        if file.stat().st_size > LARGEST_RECORDING:
            raise DatasetError(f"{file}: has more than {LARGEST_RECORDING} bytes; expected a shorter recording")
        yield file


def _entries(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_litter(entry.name):
                yield folder / entry.name
