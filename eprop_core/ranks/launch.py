"""The MPI ranks of an experiment, whose number must be as expected, with a processor for each."""

import importlib
import os
import signal
import sys
import time
from collections import Counter

from eprop_core.interrupts import DeferredInterrupt
from eprop_core.machine import processors
from eprop_core.ranks import shared_memory
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator, WithoutMPI, on_this_machine

_TIME_TO_PRINT = 10.0
"""s, in which rank 0 can print the error of all ranks before the end of another rank ends it."""


TIME_TO_START = 600
"""Time (s) within which MPI must start. It waits for all ranks, even for one that has exited before."""


class RanksError(ValueError):
    """A number of ranks that is not allowed; the message says in one line what is allowed."""


def join(n_ranks: int, *, oversubscribe: bool = False, timed: bool = False) -> Communicator:
    """Return the communicator of the ranks of an experiment.

    A wrong launcher starts N worlds of one rank instead of one world of N, whose results would all be wrong. If there
    are more ranks than processors, they wait for each other, and every time is meaningless.

    Parameters
    ----------
    n_ranks
        Number of ranks that must have been started.
    oversubscribe
        Whether there may be more ranks than processors.
    timed
        Whether times are measured. Then a single rank needs a processor, too; a quota may give it less.

    Raises
    ------
    RanksError
        Another number of ranks, or too few processors.
    """
    if n_ranks < 1:
        raise RanksError(f"--ranks {n_ranks}: at least one rank is needed")
    if n_ranks == 1:
        if timed and not oversubscribe:
            check_processors(SINGLE_RANK)
        return SINGLE_RANK
    shared_memory.remove_leftovers()
    shortage = shared_memory.shortage()
    if shortage is not None:
        if not is_first():
            time.sleep(_TIME_TO_PRINT)
        raise RanksError(f"--ranks {n_ranks}: {shortage}")
    _start_mpi(n_ranks)
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    if world.size != n_ranks:
        raise RanksError(
            f"--ranks {n_ranks}: MPI started {world.size}; use 'mpiexec -n {n_ranks} python -m mpi4py -m MODULE ...'"
        )
    if not oversubscribe:
        check_processors(world)
    return world


def _start_mpi(n_ranks: int) -> None:
    """Start MPI; if this process is interrupted meanwhile, or must wait for too long, all ranks end."""
    signal.alarm(TIME_TO_START)  # ends the process, and so all ranks, even while no Python code can run
    try:
        # After an interrupted import MPI is running, but mpi4py, which would abort all ranks, does not know of it.
        with DeferredInterrupt() as interrupt:
            importlib.import_module("mpi4py.MPI")
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RanksError(f"--ranks {n_ranks}: needs the package mpi4py and an MPI library ({reason})") from None
    finally:
        signal.alarm(0)
    if interrupt.requested:
        raise KeyboardInterrupt


def check_processors(communicator: Communicator) -> None:
    """Raise a :class:`RanksError` on all ranks if there are more ranks than processors on one of the machines."""
    here = on_this_machine(communicator)
    of_ranks = here.allgather((processors.affinity(), processors.quotas()))
    here.Free()
    limits = [(len(of_ranks), float(len(set().union(*(affinity for affinity, _ in of_ranks)))), "CPU affinity")]
    members = Counter(group for _, quotas in of_ranks for group in quotas)
    shares = {group: quota for _, quotas in of_ranks for group, quota in quotas.items()}
    limits += [(members[group], quota, "CPU quota of a control group") for group, quota in shares.items()]
    exceeded = next((limit for limit in limits if limit[0] > limit[1]), None)
    for limit in communicator.allgather(exceeded):
        if limit is not None:
            n_ranks, n_processors, what = limit
            raise RanksError(
                f"{n_ranks} rank{'s' if n_ranks > 1 else ''} on a machine with {n_processors:g} "
                f"processor{'s' if n_processors != 1 else ''} for them ({what}): each needs one; "
                "use fewer, or allow it with --oversubscribe (scaling: oversubscribe: true in the configuration)"
            )


def library(communicator: Communicator) -> str | None:
    """Return name and version of the MPI library; None without MPI."""
    if isinstance(communicator, WithoutMPI):
        return None
    from mpi4py import MPI

    return str(MPI.Get_library_version()).splitlines()[0].strip("\0 ")


def leave() -> None:
    """Leave MPI before the program ends with an exit code other than 0, since MPI would else abort all ranks.

    Does nothing if MPI was not loaded.
    """
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None:
        mpi.Finalize()


def is_first() -> bool:
    """Return whether this process is rank 0 or the only one; must be called before :func:`leave`."""
    mpi = sys.modules.get("mpi4py.MPI")
    return os.environ.get("PMI_RANK", "0") == "0" if mpi is None else bool(mpi.COMM_WORLD.rank == 0)


def is_alone() -> bool:
    """Return whether this process is the only rank."""
    mpi = sys.modules.get("mpi4py.MPI")
    return mpi is None or bool(mpi.COMM_WORLD.size == 1)
