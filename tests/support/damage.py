"""Files with damage."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from eprop_core.errors import NetworkFileError

Loaded = TypeVar("Loaded")


def refusals_of_changed_bits(
    path: Path, content: bytes, n_tried: int, load: Callable[[], Loaded], check: Callable[[Loaded], None]
) -> int:
    """Write ``content`` with one changed bit to a file ``n_tried`` times; return how often it is refused.

    Otherwise, ``check`` is called with what has been loaded: HDF5 leaves gaps between its data, in which a bit has no
    meaning.
    """
    random, n_refused = np.random.default_rng(1), 0
    for _ in range(n_tried):
        changed = bytearray(content)
        changed[random.integers(len(content))] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        try:
            loaded = load()
        except NetworkFileError:
            n_refused += 1
            continue
        check(loaded)
    return n_refused
