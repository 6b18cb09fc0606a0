"""The MPI ranks of an experiment: as many as asked for, and a core for each."""

import os
from typing import Any, TypeVar

Communicator = Any
"""An mpi4py communicator, or ``None`` for a single rank without MPI."""

Value = TypeVar("Value")


class RanksError(ValueError):
    """Ranks that are not allowed; the message is one line: what, and what is allowed."""


def join(n_ranks: int, *, oversubscribe: bool = False) -> Communicator:
    """Return the communicator of ``n_ranks`` ranks, ``None`` for one; raise a :class:`RanksError` if that cannot be.

    A wrong launcher starts N worlds of one rank instead of one world of N, whose results would all be wrong; more ranks
    than cores wait for each other, which makes every time meaningless.
    """
    if n_ranks < 1:
        raise RanksError(f"--ranks {n_ranks}: at least one rank is needed")
    if n_ranks == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RanksError(f"--ranks {n_ranks}: needs the package mpi4py and an MPI library ({reason})") from None

    world = MPI.COMM_WORLD
    if world.size != n_ranks:
        raise RanksError(
            f"--ranks {n_ranks}: MPI started {world.size}; use 'mpiexec -n {n_ranks} python -m mpi4py -m MODULE ...'"
        )
    node = world.Split_type(MPI.COMM_TYPE_SHARED)
    cores = len(set().union(*node.allgather(os.sched_getaffinity(0))))
    crowded = world.allgather((node.size, cores))
    node.Free()
    for n_ranks_here, n_cores in crowded:
        if n_ranks_here > n_cores and not oversubscribe:
            raise RanksError(
                f"--ranks {n_ranks}: {n_ranks_here} ranks on a machine with {n_cores} cores for them; "
                "use fewer, or allow it with --oversubscribe (oversubscribe: true in the configuration)"
            )
    return world


def rank_of(communicator: Communicator) -> int:
    """Return this process's rank."""
    return 0 if communicator is None else int(communicator.rank)


def size_of(communicator: Communicator) -> int:
    """Return the number of ranks."""
    return 1 if communicator is None else int(communicator.size)


def gather(communicator: Communicator, value: Value) -> list[Value]:
    """Return the values of all ranks, on every rank."""
    return [value] if communicator is None else list(communicator.allgather(value))
