"""Ctrl-C while the simulator computes."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class DeferredInterrupt:
    """Context in which Ctrl-C, or the stop button of a notebook, is noted instead of raising ``KeyboardInterrupt``.

    The code within can then stop where it leaves everything in order. A second Ctrl-C raises ``KeyboardInterrupt`` at
    once. Nothing changes outside the main thread, which alone receives signals, and where the program has a handler of
    its own for SIGINT.
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether there was an interrupt."""
        self._handler: Any = None

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._handler = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
