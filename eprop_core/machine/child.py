"""Processes that the system kills when their parent ends, even by SIGKILL, and whatever they do meanwhile."""

import ctypes
import functools
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

_SEND_AT_END_OF_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def die_with_parent() -> None:
    """Let the system kill this process when the thread that started it ends; no effect on systems but Linux."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_SEND_AT_END_OF_PARENT, signal.SIGKILL)


def run(command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a program as :func:`subprocess.run` does; the system kills it if this process ends before it.

    Must be called by the main thread, which ends with the process.
    """
    begin = functools.partial(_begin, os.getpid())
    return subprocess.run(command, preexec_fn=begin, check=False, **options)


def _begin(parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:  # it ended before that
        os._exit(1)
