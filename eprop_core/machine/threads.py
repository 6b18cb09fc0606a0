"""One thread per process: what is timed, or runs beside other jobs, claims no more than a core.

Compiled kernels have one thread. Numerical libraries have as many as the first of several environment variables says
that they know, or as the machine has cores.
"""

import os

from threadpoolctl import threadpool_info, threadpool_limits

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Environment variables that tell libraries their number of threads when they are loaded."""
ONE = dict.fromkeys(VARIABLES, "1")
"""An environment with one thread."""


def use_one() -> None:
    """Let libraries compute on one thread, here and in processes that are started from here, whatever was exported."""
    os.environ.update(ONE)
    threadpool_limits(limits=1)  # of what is loaded already


def number() -> int:
    """Return the number of threads on which this process computes: the most that a loaded library uses."""
    return max((library["num_threads"] for library in threadpool_info()), default=1)
