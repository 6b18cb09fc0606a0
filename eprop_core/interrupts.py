"""Signals while the simulator computes: Ctrl-C, and those by which a batch system ends a job."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class DeferredInterrupt:
    """Context that records Ctrl-C, or the stop button of a notebook, instead of raising ``KeyboardInterrupt``.

    The code inside checks ``requested`` and stops at a point at which its state is consistent. A second Ctrl-C raises
    ``KeyboardInterrupt`` immediately. The context has no effect outside the main thread, which alone receives signals,
    or if the program has its own handler for SIGINT.
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether Ctrl-C was pressed."""
        self._handler: Any = None

    def __enter__(self) -> Self:
        """Replace Python's handler of SIGINT."""
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
        """Restore the handler."""
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)


class Terminated(RuntimeError):
    """A signal has ended a program that can be continued; the message is one line."""


class DeferredTermination:
    """Context that records the signals by which a batch system ends or preempts a job: SIGTERM and SIGUSR1.

    The code inside checks ``signal`` and ends at a point from which it can be continued. The context has no effect
    outside the main thread, which alone receives signals.
    """

    def __init__(self) -> None:
        self.signal = ""
        """Name of the signal that was received."""
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Replace the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGUSR1):
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Restore the handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
