"""Processes that the system kills when their parent ends, even by SIGKILL, and whatever they do meanwhile.

This file is also the program between: it asks the system for that, and becomes the program that was to run.
"""

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
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

    Raises
    ------
    FileNotFoundError
        There is no such program.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return subprocess.run([sys.executable, "-IS", __file__, str(os.getpid()), *command], check=False, **options)


if __name__ == "__main__":
    die_with_parent()
    if os.getppid() == int(sys.argv[1]):  # else it ended before that
        os.execvp(sys.argv[2], sys.argv[2:])
    sys.exit(1)
