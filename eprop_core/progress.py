"""Progress of long work: a bar on a terminal, a line for every tenth of the work elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class ProgressLines:
    """Lines on stderr, one for every tenth of ``total``; has the methods of a bar that pooch calls."""

    def __init__(self, description: str, total: int, unit: str = "") -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.tenths = 0

    def update(self, amount: int) -> None:
        """Count ``amount`` more as done."""
        self.done = min(self.done + amount, self.total)
        if self.total and 10 * self.done // self.total > self.tenths:
            self.tenths = 10 * self.done // self.total
            print(f"{self.description}: {self.done} of {self.total}{self.unit}", file=sys.stderr, flush=True)

    def reset(self) -> None:
        """Begin to count from 0; tenths that have been told are not told again."""
        self.done = 0

    def close(self) -> None:
        """Do nothing; a bar would be left standing here."""


def progress(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items of ``iterable`` while telling on stderr how far the work is.

    ``total`` is the number of items; ``None`` asks ``len(iterable)``.
    """
    if total is None:
        total = len(iterable)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        yield from tqdm(iterable, desc=description, total=total, dynamic_ncols=True)
        return
    lines = ProgressLines(description, total)
    for item in iterable:
        yield item
        lines.update(1)
