"""A line on stderr while something that takes long is compiled."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from numba.core import event


class _Announcement(event.Listener):
    def __init__(self, function: Any, line: Callable[[], str]) -> None:
        self._function = function
        self._line = line

    def on_start(self, compilation: event.Event) -> None:
        if compilation.data["dispatcher"] is self._function:
            print(self._line(), file=sys.stderr, flush=True)

    def on_end(self, compilation: event.Event) -> None:
        pass


def announced(function: Any, line: Callable[[], str]) -> AbstractContextManager[Any]:
    """Print what ``line`` returns to stderr if a function is compiled in this context, but not if it is loaded."""
    context: AbstractContextManager[Any] = event.install_listener("numba:compile", _Announcement(function, line))
    return context
