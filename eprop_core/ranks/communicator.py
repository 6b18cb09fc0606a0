"""Communicators: those of mpi4py, or that of a single rank, which needs no MPI."""

from typing import Any, TypeVar

Communicator = Any
"""An mpi4py communicator or :data:`SINGLE_RANK`."""

Value = TypeVar("Value")


class SingleRank:
    """Communicator of one rank, with those methods of mpi4py's communicators that the simulator calls."""

    rank = 0
    size = 1

    def allgather(self, value: Value) -> list[Value]:
        """Return the values of all ranks, which is the value of this one."""
        return [value]

    def Barrier(self) -> None:
        """Return at once, since there is no other rank."""

    def Free(self) -> None:
        """Do nothing, since there is nothing to free."""


SINGLE_RANK = SingleRank()


def on_this_machine(communicator: Communicator) -> Communicator:
    """Return the communicator of the ranks on this machine; the caller must free it. Collective."""
    if communicator is SINGLE_RANK:
        return SINGLE_RANK
    from mpi4py import MPI

    return communicator.Split_type(MPI.COMM_TYPE_SHARED)


def n_ranks_on_this_machine(communicator: Communicator) -> int:
    """Return the number of the communicator's ranks on this machine. Collective."""
    here = on_this_machine(communicator)
    n_ranks = int(here.size)
    here.Free()
    return n_ranks
