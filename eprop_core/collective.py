"""What all ranks do, or fail to do, together."""

from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


def together(communicator: Any, function: Callable[[], Value]) -> Value:
    """Call ``function`` on every rank; where it fails on one of them, all raise that error.

    What depends on a rank's part of the network or on its machine may fail on some ranks alone; the others would wait.
    ``communicator`` is mpi4py's, or None for a single rank. Nothing that ``function`` does may wait for other ranks.
    """
    value: Value | None = None
    error: Exception | None = None
    try:
        value = function()
    except (ValueError, ArithmeticError, MemoryError, OSError) as raised:
        error = raised
    for other in [error] if communicator is None else communicator.allgather(error):
        if other is not None:
            raise other
    return value  # type: ignore[return-value]
