"""Rows of an array, some for each sample: in memory, or mapped from a file, where they may exceed the memory."""

import mmap
import tempfile
import zlib
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Self

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError

_LARGEST_RESIDENT = 2**20
"""Bytes that are read before the process gives back the pages that it has mapped; the system keeps them cached."""


def target_type(n_outputs: int) -> np.dtype:
    """Return the type of a row of targets: the values of all signals in a step, mV."""
    return np.dtype((np.float64, (n_outputs,)))


def fault_of_target(target: npt.NDArray[np.float64]) -> str | None:
    """Return what is not allowed in the values of a target; None if nothing is."""
    return None if np.isfinite(target).all() else "target is not finite; expected finite numbers"


class SampleRows:
    """Rows of an array, those of a sample one after another.

    Parameters
    ----------
    rows
        Array (n_rows, ...).
    offsets
        int64 (n_samples + 1,), index of the first row of each sample.
    mapped
        The mapped file that ``rows`` lies in; None: it lies in memory.
    checksums
        uint32 (n_samples,), CRC-32 of the rows of each sample; None: these cannot be damaged.
    name
        Name of the file and of what the rows are, for messages.
    fault_of
        Returns what is not allowed in the rows of a sample, when they are first read, and None if nothing is; None:
        they were checked before.
    """

    def __init__(
        self,
        rows: np.ndarray,
        offsets: npt.NDArray[np.int64],
        mapped: mmap.mmap | None = None,
        checksums: npt.NDArray[np.uint32] | None = None,
        name: tuple[str, str] = ("", ""),
        fault_of: Callable[[np.ndarray], str | None] | None = None,
    ) -> None:
        self.offsets = offsets
        self._rows = rows
        self._mapped = mapped
        self._checksums = checksums
        self._name = name
        self._fault_of = fault_of
        self._checked = np.zeros(len(offsets) - 1, bool)
        self._read = 0  # bytes, since pages were given back

    @classmethod
    def of(cls, samples: Iterable[np.ndarray], dtype: np.dtype) -> Self:
        """Return the rows of samples, each an array (n_rows,) of ``dtype``, in an unnamed temporary file.

        The file is written as the samples come.
        """
        lengths = []
        with tempfile.TemporaryFile() as file:
            for rows in samples:
                file.write(rows.data)
                lengths.append(len(rows))
            file.flush()
            offsets = np.fromiter(accumulate(lengths, initial=0), np.int64)
            if offsets[-1] == 0:  # an empty file cannot be mapped
                return cls(np.empty(0, dtype), offsets)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(np.frombuffer(mapped, dtype), offsets, mapped)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.offsets) - 1

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self._rows.shape[1:]

    def rows(self, index: int) -> np.ndarray:
        """Return a copy of the rows of one sample.

        Raises
        ------
        DatasetError
            If the rows in the file are not those that were written, or not allowed.
        """
        rows, (file, kind) = self._rows[self.offsets[index] : self.offsets[index + 1]], self._name
        if self._checksums is not None and zlib.crc32(rows.data) != self._checksums[index]:
            raise DatasetError(f"{file}: damaged in the {kind} of sample {index}; expected those of its checksum")
        if self._fault_of is not None and not self._checked[index]:
            if fault := self._fault_of(rows):
                raise DatasetError(f"{file}: sample {index}: {fault}")
            self._checked[index] = True
        copied = rows.copy()
        if self._mapped is not None:
            self._read += rows.nbytes
            if self._read > _LARGEST_RESIDENT:
                self._mapped.madvise(mmap.MADV_DONTNEED)
                self._read = 0
        return copied
