"""Paths of parameters in one cell of a table."""

from collections.abc import Iterable

SEPARATOR = ", "
"""Between paths, which may contain spaces, as ``network.recurrent.pairs.a -> b.delay``."""


def joined(paths: Iterable[str]) -> str:
    """Return the cell of some paths."""
    return SEPARATOR.join(paths)


def split(cell: str) -> list[str]:
    """Return the paths of a cell."""
    return cell.split(SEPARATOR) if cell else []
