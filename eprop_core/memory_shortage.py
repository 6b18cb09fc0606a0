"""One line where ``ulimit -v`` leaves a program too little memory to load its libraries, or to compile.

Import this module first: it ends a program that cannot start, and prints one line in place of the traceback of an
error that nothing handles. It has to, because libraries do not report a lack of memory: some end the program with a
signal.
"""

import resource
import sys
from types import TracebackType

_TO_LOAD = 700e6
"""Bytes that the libraries take."""

_most, _ = resource.getrlimit(resource.RLIMIT_AS)
_line = (
    f"error: out of memory: ulimit -v allows {_most / 1e9:.3g} GB; the program needs 2 GB and what a network takes; "
    "raise it, for instance with ulimit -v unlimited"
)
_report = sys.excepthook


def _report_shortage(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, MemoryError | ImportError | OSError):
        print(_line, file=sys.stderr)
    else:
        _report(kind, error, traceback)


if _most != resource.RLIM_INFINITY:
    if _most < _TO_LOAD:
        sys.exit(_line)
    sys.excepthook = _report_shortage
