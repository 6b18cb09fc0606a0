"""The call of Snakemake that drives the work: a program that it starts ends with it."""

import os
import platform
import select
import sys
import threading

VARIABLE = "EPROP_BENCH_DRIVER"
"""Environment variable that names a program's driver, as HOST:PROCESS."""


def name() -> str:
    """Return the value of :data:`VARIABLE` for this process."""
    return f"{platform.node()}:{os.getpid()}"


def end_with_driver() -> None:
    """End this process when its driver ends; does nothing where :data:`VARIABLE` names no driver on this machine."""
    host, _, process = os.environ.get(VARIABLE, "").rpartition(":")
    if host != platform.node():
        return
    try:
        driver = os.pidfd_open(int(process))
    except (OSError, AttributeError):  # not to be seen from here, or not Linux
        return
    threading.Thread(target=_wait_and_end, args=(driver,), daemon=True).start()


def _wait_and_end(driver: int) -> None:
    select.select([driver], [], [])
    print("error: the call of Snakemake that started this program has ended", file=sys.stderr, flush=True)
    os._exit(1)
