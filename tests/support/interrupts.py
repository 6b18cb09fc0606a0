"""Ctrl-C as a program has it that was not started in the background."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def default_interrupts() -> Iterator[None]:
    """Install Python's own handler of SIGINT, which a program that a shell started in the background does not have."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
