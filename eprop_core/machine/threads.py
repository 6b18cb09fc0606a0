"""One thread per process, so that a timed job, or one beside other jobs, uses no more than a core.

Compiled kernels have one thread. Numerical libraries take their number of threads from environment variables, or from
the number of cores.
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
"""Environment variables from which libraries read their number of threads when they are loaded."""

ONE = dict.fromkeys(VARIABLES, "1")
"""Environment variables for one thread."""


def use_one() -> None:
    """Limit libraries to one thread in this process and its child processes, whatever the environment says."""
    os.environ.update(ONE)
    threadpool_limits(limits=1)  # libraries that are loaded already


def number() -> int:
    """Return the largest number of threads of any loaded library."""
    return max((library["num_threads"] for library in threadpool_info()), default=1)
