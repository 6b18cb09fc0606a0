"""Errors that a simulation raises."""


class NotFiniteError(ArithmeticError):
    """A voltage that is no longer a finite number, or a weight on its way there."""


class InsufficientMemoryError(MemoryError):
    """A network that does not fit into the memory there is."""
