"""Damaged and foreign files of every format that the suite opens: right data or one clear line, whatever is in them."""

import multiprocessing
import os
import resource
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from eprop_core.experiments.command_line import REPORTED
from tests.faults.file_damage import Expected, damaged
from tests.faults.file_formats import FORMATS, Format, command
from tests.faults.outcome import Outcome

NAME = "files"
DEFAULT_CASES = 500
DEADLINE = 60
"""s, for a file that is read."""
MEMORY = 3 * 2**30
"""Bytes of addresses that a reader may take; more stands for an exhausted memory."""
SHARE_OF_PROGRAMS = 0.1
"""Of the cases that a program reads, as a user starts it; the others are read by the function that it calls."""


def run_case(random: np.random.Generator, folder: Path) -> Outcome:
    """Damage files of a format that is drawn, and read them."""
    form = FORMATS[int(random.integers(len(FORMATS)))]
    by_program = form.program is not None and random.random() < SHARE_OF_PROGRAMS
    place = folder / "files"
    place.mkdir()
    with _silence():
        form.write(place)
        whole = form.read(place)  # in this process: what is compiled is so once
    how, expected = damaged(random, form, place)
    right = form.oracle(place) if form.oracle is not None and expected is Expected.CLEAN else whole
    kind, detail = _by_program(form, place) if by_program else _in_child(form.read, place)
    passed, kind = _judged(kind, detail, expected, right, form.oracle is not None, by_program)
    return Outcome(passed, kind, f"{form.name}: {how}; expected: {expected.value}; {detail.strip()[-2000:]}")


def _judged(
    kind: str, detail: str, expected: Expected, right: str | None, has_oracle: bool, by_program: bool
) -> tuple[bool, str]:
    """Return whether a case passed, and in which way it ended."""
    if kind == "refused":
        if len(detail.splitlines()) != 1 or not detail.isprintable() or "/" not in detail:
            return False, "unclear line"
        must_be_read = expected is Expected.SAME or (expected is Expected.CLEAN and has_oracle and right is not None)
        return not must_be_read, "refused, though harmless" if must_be_read else "refused in one line"
    if kind != "data":
        return False, kind
    if expected is Expected.REFUSED or (expected is Expected.CLEAN and has_oracle and right is None):
        return False, "wrong result: read"
    if by_program or (expected is Expected.CLEAN and not has_oracle):
        return True, "read"
    return detail == right, "right data" if detail == right else "wrong result: other data"


def _in_child(read: Callable[[Path], str], folder: Path) -> tuple[str, str]:
    """Read in a process of its own, which may crash, hang or take too much memory; return what became of it."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_read_and_send, args=(read, folder, sender))
    child.start()
    sender.close()
    try:
        answered = receiver.poll(DEADLINE)
        answer: tuple[str, str] = receiver.recv() if answered else ("hang", f"after {DEADLINE} s")
    except EOFError:
        child.join()
        answer = "crash", f"exit code {child.exitcode}"
    child.kill()
    child.join()
    return answer


def _read_and_send(read: Callable[[Path], str], folder: Path, sender: Connection) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (_addresses() + MEMORY, resource.RLIM_INFINITY))
    try:
        with _silence():
            answer = "data", read(folder)
    except MemoryError as error:
        answer = "exhausted memory", repr(error)
    except REPORTED as error:
        answer = "refused", str(error)
    except BaseException:
        answer = "traceback", traceback.format_exc()
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) * 1024
    if taken > MEMORY // 3:
        answer = "exhausted memory", f"{taken} bytes"
    sender.send(answer)
    sender.close()


@contextmanager
def _silence() -> Iterator[None]:
    """Leave out progress and notes."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        yield


def _addresses() -> int:
    """Return the bytes of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _by_program(form: Format, folder: Path) -> tuple[str, str]:
    """Read by a program, as a user starts it; return what became of it."""
    try:
        done = subprocess.run(
            command(form, folder), capture_output=True, text=True, errors="replace", timeout=DEADLINE, check=False
        )
    except subprocess.TimeoutExpired:
        return "hang", f"after {DEADLINE} s"
    lines = done.stderr.splitlines() or [""]
    if "Traceback" in done.stderr or done.returncode < 0:
        return "traceback" if done.returncode >= 0 else "crash", done.stderr
    if done.returncode == 0:
        return "data", done.stdout
    if (folder.parent / "prepared").exists() or sum(line.startswith("error: ") for line in lines) != 1:
        return "unclear line", done.stderr
    return "refused", lines[-1]
