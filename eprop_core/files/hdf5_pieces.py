"""The pieces (chunks) in which HDF5 stores a dataset.

HDF5 takes whatever memory a compressed piece asks for, and does not compare its length with the one that the dataset
states: what is missing would be read as what happens to be in memory.
"""

import math
import zlib
from collections.abc import Iterator
from typing import Any

import h5py

_LZF = 32000
"""Number of the filter that h5py adds to those of HDF5."""
_NAMES = {
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_NBIT: "nbit",
    h5py.h5z.FILTER_SCALEOFFSET: "scaleoffset",
    _LZF: "lzf",
}
"""Filters that can be read."""
_WITH_OWN_LENGTH = {h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET}
"""Filters that make as much of any data as the dataset states."""
_KEEPING_SIZE = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
"""Filters that leave the size of the data as it is."""
_CHECKSUM_BYTES = 4


def check_pieces(name: str, dataset: h5py.Dataset) -> None:
    """Check that each piece of a dataset has the length that the dataset states.

    Raises
    ------
    ValueError
        If one has another, or is compressed in an unknown way or several times.
    """
    filters = _filters(dataset)
    unknown = [kind for kind in filters if kind not in _NAMES]
    if unknown:
        allowed = ", ".join(_NAMES.values())
        raise ValueError(f"{name} is compressed by filter {unknown[0]} of HDF5; expected one of {allowed}")
    if sum(kind not in _KEEPING_SIZE for kind in filters) > 1:
        raise ValueError(f"{name} is compressed several times; expected once at most")
    for _ in unpacked_pieces(name, dataset):
        pass


def unpacked_pieces(name: str, dataset: h5py.Dataset) -> Iterator[tuple[Any, bytes | None]]:
    """Yield what HDF5 notes of each stored piece, and its bytes without compression; None if there was none to undo.

    HDF5 notes ``chunk_offset``, ``filter_mask``, ``byte_offset`` and ``size``.

    Raises
    ------
    ValueError
        If a piece has fewer or more bytes than the dataset states.
    """
    size, filters = math.prod(dataset.chunks) * dataset.id.get_type().get_size(), _filters(dataset)
    stored: list[Any] = []
    dataset.id.chunk_iter(stored.append)
    for piece in stored:
        used = {kind for bit, kind in enumerate(filters) if not piece.filter_mask >> bit & 1}
        n_checksum = _CHECKSUM_BYTES * (h5py.h5z.FILTER_FLETCHER32 in used)
        packing = used - _KEEPING_SIZE
        if packing & _WITH_OWN_LENGTH:
            yield piece, None
            continue
        data, n_bytes = None, piece.size - n_checksum
        if packing:
            if piece.size > 2 * size + 2**16:
                raise ValueError(f"{name} has a compressed piece of {piece.size} bytes; expected about {size} at most")
            unpack = _without_lzf if _LZF in packing else _inflated
            data = unpack(dataset.id.read_direct_chunk(piece.chunk_offset)[1][:n_bytes], size + 1)
            n_bytes = len(data)
        if n_bytes != size:
            raise ValueError(f"{name} has a piece with {'more' if n_bytes > size else 'fewer'} than its {size} bytes")
        yield piece, data


def _filters(dataset: h5py.Dataset) -> list[int]:
    pipeline = dataset.id.get_create_plist()
    return [pipeline.get_filter(n)[0] for n in range(pipeline.get_nfilters())]


def _inflated(packed: bytes, most: int) -> bytes:
    """Return at most ``most`` bytes of a piece that is compressed by gzip."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error as error:
        raise ValueError(f"damaged ({error}); expected whole pieces compressed by gzip") from None


def _without_lzf(packed: bytes, most: int) -> bytes:
    """Return at least ``most`` bytes of a piece that is compressed by LZF, or all.

    A byte below 32 announces as many literal bytes, and one more. Any other has a length in its upper three bits, to
    which the next byte is added if it is 7, and in the rest, with the byte after it, how far back the bytes begin that
    are repeated.
    """
    data, place = bytearray(), 0
    try:
        while place < len(packed) and len(data) < most:
            control = packed[place]
            place += 1
            if control < 32:
                data += packed[place : place + control + 1]
                place += control + 1
                continue
            length = 2 + (control >> 5)
            if length == 9:
                length += packed[place]
                place += 1
            begin = len(data) - 1 - ((control & 31) << 8) - packed[place]
            place += 1
            if begin < 0:
                raise ValueError("damaged; expected whole pieces compressed by lzf")
            repeated = data[begin:]
            data += (repeated * -(-length // len(repeated)))[:length]
    except IndexError:
        raise ValueError("damaged; expected whole pieces compressed by lzf") from None
    return bytes(data)
