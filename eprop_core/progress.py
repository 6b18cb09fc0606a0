"""Progress of long work: a bar on a terminal, otherwise a line on stderr after each tenth of the work."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class ProgressBar(Protocol):
    """Interface of a progress bar."""

    def update(self, amount: int) -> object:
        """Add ``amount`` to the work that is done."""

    def close(self) -> None:
        """End the work, whether all of it is done or not."""


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
    done
        Amount of the work that was done before.
    """

    def __init__(self, description: str, total: int, unit: str = "", done: int = 0) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = done
        self.tenths = 10 * done // total if total else 0

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


def progress_bar(description: str, total: int, done: int = 0) -> ProgressBar:
    """Return a bar on a terminal, otherwise lines, on stderr.

    Parameters
    ----------
    description
        Label of the bar or of the lines.
    total
        Amount of all work.
    done
        Amount of the work that was done before.
    """
    if sys.stderr.isatty():
        bar: ProgressBar = tqdm(desc=description, total=total, initial=done, dynamic_ncols=True)
        return bar
    return ProgressLines(description, total, done=done)


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
    with closing(progress_bar(description, total)) as bar:
        for item in iterable:
            yield item
            bar.update(1)
