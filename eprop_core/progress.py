"""Progress of long work: a bar on a terminal, a line for every tenth of the work elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items of ``iterable`` while telling on stderr how far the work is.

    ``total`` is the number of items; ``None`` asks ``len(iterable)``.
    """
    if total is None:
        total = len(iterable)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        yield from tqdm(iterable, desc=description, total=total, dynamic_ncols=True)
        return
    tenths = 0
    for done, item in enumerate(iterable, start=1):
        yield item
        if total and 10 * done // total > tenths:
            tenths = 10 * done // total
            print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)
