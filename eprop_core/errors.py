"""Errors that a simulation raises."""


class NotFiniteError(ArithmeticError):
    """A voltage is infinite or not a number, or an output weight is too large for the readouts' fixed-point range."""


class InsufficientMemoryError(MemoryError):
    """A network does not fit into the available memory."""


class NetworkFileError(ValueError):
    """A file of a network or a checkpoint cannot be used; the message is one line: the file and the reason."""
