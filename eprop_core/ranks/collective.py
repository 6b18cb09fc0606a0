"""Errors of one rank that are raised on all ranks."""

from collections.abc import Callable
from typing import TypeVar

from eprop_core.plug_ins import blaming
from eprop_core.ranks.communicator import Communicator

Value = TypeVar("Value")


def raising_on_all_ranks(communicator: Communicator, function: Callable[[], Value]) -> Value:
    """Call ``function`` on every rank; if it fails on one of them, all ranks raise that error. Collective.

    Work that depends on a rank's part of the network or on its machine may fail on some ranks only, and the others
    would wait for them for ever. ``function`` itself must not wait for other ranks.
    """
    value: Value | None = None
    error: Exception | None = None
    try:
        with blaming():
            value = function()
    except (ValueError, ArithmeticError, MemoryError, OSError) as raised:
        error = raised
    for other in communicator.allgather(error):
        if other is not None:
            raise other
    return value  # type: ignore[return-value]
