"""Errors with a message of one line."""


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())


class NotFiniteError(ArithmeticError):
    """A voltage is infinite or not a number, or an output weight is too large for the readouts' fixed-point range."""


class InsufficientMemoryError(MemoryError):
    """A network does not fit into the available memory."""


class NetworkFileError(ValueError):
    """A file of a network or a checkpoint cannot be used; the message is one line: the file and the reason."""


class DatasetError(ValueError):
    """Data are missing or damaged; the message is one line: the place, the problem and the expected data."""
