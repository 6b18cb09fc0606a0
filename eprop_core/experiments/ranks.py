"""The MPI ranks of an experiment: as many as asked for, and a processor for each."""

from collections import Counter
from typing import Any, TypeVar

from eprop_core import processors

Communicator = Any
"""An mpi4py communicator, or ``None`` for a single rank without MPI."""

Value = TypeVar("Value")


class RanksError(ValueError):
    """Ranks that are not allowed; the message is one line: what, and what is allowed."""


def join(n_ranks: int, *, oversubscribe: bool = False, timed: bool = False) -> Communicator:
    """Return the communicator of ``n_ranks`` ranks, ``None`` for one; raise a :class:`RanksError` if that cannot be.

    A wrong launcher starts N worlds of one rank instead of one world of N, whose results would all be wrong; more ranks
    than processors wait for each other, which makes every time meaningless. Where times are measured (``timed``), one
    rank needs a processor, too: a quota may give it less.
    """
    if n_ranks < 1:
        raise RanksError(f"--ranks {n_ranks}: at least one rank is needed")
    if n_ranks == 1:
        if timed and not oversubscribe:
            _check_processors(None)
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
    if not oversubscribe:
        _check_processors(world)
    return world


def on_this_machine(communicator: Communicator) -> Communicator:
    """Return the communicator of the ranks on this rank's machine; collective. The caller frees it."""
    if communicator is None:
        return None
    from mpi4py import MPI

    return communicator.Split_type(MPI.COMM_TYPE_SHARED)


def _check_processors(communicator: Communicator) -> None:
    """Raise a :class:`RanksError` on all ranks if those of one machine have fewer processors than they are."""
    here = on_this_machine(communicator)
    of_ranks = gather(here, (processors.affinity(), processors.quotas()))
    if here is not None:
        here.Free()
    limits = [(len(of_ranks), float(len(set().union(*(affinity for affinity, _ in of_ranks)))), "CPU affinity")]
    members = Counter(group for _, quotas in of_ranks for group in quotas)
    shares = {group: quota for _, quotas in of_ranks for group, quota in quotas.items()}
    limits += [(members[group], quota, "CPU quota of a control group") for group, quota in shares.items()]
    exceeded = next((limit for limit in limits if limit[0] > limit[1]), None)
    for limit in gather(communicator, exceeded):
        if limit is not None:
            n_ranks, n_processors, what = limit
            raise RanksError(
                f"{n_ranks} rank{'s' if n_ranks > 1 else ''} on a machine with {n_processors:g} "
                f"processor{'s' if n_processors != 1 else ''} for them ({what}): each needs one; "
                "use fewer, or allow it with --oversubscribe (scaling: oversubscribe: true in the configuration)"
            )


def rank_of(communicator: Communicator) -> int:
    """Return this process's rank."""
    return 0 if communicator is None else int(communicator.rank)


def size_of(communicator: Communicator) -> int:
    """Return the number of ranks."""
    return 1 if communicator is None else int(communicator.size)


def gather(communicator: Communicator, value: Value) -> list[Value]:
    """Return the values of all ranks, on every rank."""
    return [value] if communicator is None else list(communicator.allgather(value))
