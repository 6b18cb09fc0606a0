"""What shows that a file or folder can be data, before all of it is read: first bytes, and the layout of folders.

A folder of recordings contains a folder for each class, and each of these contains only files ``*.bin``.
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
"""First bytes of files; of idx files, those with values of one byte."""
LARGEST_RECORDING = 2**26
"""Largest size of a recording, bytes; its times of 23 bits span 8 s, in which no sensor has so many events."""


def recordings_by_class(path: Path) -> dict[str, list[Path]]:
    """Return the recordings of each class in a folder, by the sorted names of the classes.

    The search stops at the first file that is no recording, since a wrong folder may contain millions of files.

    Raises
    ------
    OSError
        If a folder cannot be read.
    DatasetError
        If the folder of a class contains a file that is no recording, or is too large for one.
    """
    classes = sorted(entry for entry in _entries(path) if entry.is_dir())
    return {folder.name: list(_recordings_of(folder)) for folder in classes}


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
