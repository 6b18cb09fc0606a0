"""Progress of long work: a bar on a terminal, otherwise a line on stderr after each tenth of the work."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class ProgressLines:
    """Prints a line on stderr after each tenth of ``total``, with the interface that pooch needs of a progress bar.

    Parameters
    ----------
    description
        Start of each line.
    total
        Amount of all work.
    unit
        Text after the amounts.
    """

    def __init__(self, description: str, total: int, unit: str = "") -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.tenths = 0

    def update(self, amount: int) -> None:
        """Add ``amount`` to the work that is done."""
        self.done = min(self.done + amount, self.total)
        if self.total and 10 * self.done // self.total > self.tenths:
            self.tenths = 10 * self.done // self.total
            print(f"{self.description}: {self.done} of {self.total}{self.unit}", file=sys.stderr, flush=True)

    def reset(self) -> None:
        """Count from 0 again, without repeating the lines that were printed already."""
        self.done = 0

    def close(self) -> None:
        """Do nothing: there is no bar to close."""


def progress(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items of ``iterable`` and show the progress on stderr.

    Parameters
    ----------
    iterable
        The items.
    description
        Label of the bar or of the lines.
    total
        Number of items; None takes ``len(iterable)``.
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
