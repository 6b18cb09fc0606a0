"""Halts a program at the worst moment, for a test to kill it: its result is written, but not yet in its place.

Python imports a module of this name when it starts, if it finds one. EPROP_BENCH_HOLD names a directory; as long as it
has a file `pattern`, a program that renames a file to a name that matches leaves a file of its own there, and waits. A
signal that the program handles ends the waiting, too, after as many seconds as a group of samples may take.
"""

import os
import re
import select
import signal
import time
from pathlib import Path
from typing import Any

DIRECTORY = Path(os.environ.get("EPROP_BENCH_HOLD", os.devnull))
PATTERN = DIRECTORY / "pattern"
GROUP = 5.0  # s

_replace = os.replace


def _replace_when_released(source: Any, target: Any, **options: Any) -> None:
    if PATTERN.exists() and re.search(PATTERN.read_text(encoding="utf-8"), str(target)):
        (DIRECTORY / f"{os.environ.get('SLURM_JOB_ID', 'here')}.{os.getpid()}").touch()
        told, telling = os.pipe()
        os.set_blocking(telling, False)
        former = signal.set_wakeup_fd(telling)
        while PATTERN.exists():
            if select.select([told], [], [], 0.1)[0]:
                time.sleep(GROUP)
                break
        signal.set_wakeup_fd(former)
    _replace(source, target, **options)


if PATTERN.exists():
    os.replace = _replace_when_released
