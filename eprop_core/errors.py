"""Errors with a message of one line."""

import sys


def one_line(error: BaseException | str) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())


def printable(text: object) -> str:
    """Return a text or path with escapes for what ends a line or controls a terminal, as names of files may have."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def report(error: BaseException) -> None:
    """Print an error in what the user gave in one line, and above it what its notes have."""
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr, flush=True)


class OneLineError(ValueError):
    """Base of errors whose message is one line: the place, the problem and what is expected."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class NotFiniteError(ArithmeticError):
    """A voltage is infinite or not a number, or an output weight is too large for the readouts' fixed-point range."""


class InsufficientMemoryError(MemoryError):
    """A network does not fit into the available memory."""


class NetworkFileError(OneLineError):
    """A file of a network or a checkpoint cannot be used; the message is one line: the file and the reason."""


class DatasetError(OneLineError):
    """Data are missing or damaged; the message is one line: the place, the problem and the expected data."""
