"""Communicators: mpi4py's, or the one of a single rank, which needs no MPI."""

from typing import Any, TypeVar

Communicator = Any
"""An mpi4py communicator or :data:`SINGLE_RANK`."""

Value = TypeVar("Value")


class SingleRank:
    """Communicator of one rank, with the methods of mpi4py's that are called on any number of ranks."""

    rank = 0
    size = 1

    def allgather(self, value: Value) -> list[Value]:
        """Return the values of all ranks: that of this one."""
        return [value]

    def Barrier(self) -> None:
        """Wait for no one."""

    def Free(self) -> None:
        """Free nothing."""


SINGLE_RANK = SingleRank()


def on_this_machine(communicator: Communicator) -> Communicator:
    """Return the communicator of the ranks on this rank's machine, which the caller frees. Collective."""
    if communicator is SINGLE_RANK:
        return SINGLE_RANK
    from mpi4py import MPI

    return communicator.Split_type(MPI.COMM_TYPE_SHARED)


def n_ranks_on_this_machine(communicator: Communicator) -> int:
    """Return the number of the communicator's ranks on this rank's machine. Collective."""
    here = on_this_machine(communicator)
    n_ranks = int(here.size)
    here.Free()
    return n_ranks
