"""Communicators: those of mpi4py, or that of a single rank, which needs no MPI."""

import time
from typing import Any, TypeVar

from eprop_core.errors import one_line
from eprop_core.parsing import ParameterError

Communicator = Any
"""An mpi4py communicator or one :class:`WithoutMPI`."""

Value = TypeVar("Value")

PAUSE = 0.001
"""s, between two looks whether all ranks are there."""


class WithoutMPI:
    """Communicator of processes on one machine, with those methods of mpi4py's communicators that are called here."""

    rank: int
    size: int

    def allgather(self, value: Value) -> list[Value]:
        """Return the values of all ranks."""
        raise NotImplementedError

    def Barrier(self) -> None:
        """Wait until all ranks have called this method."""
        self.allgather(None)

    def Free(self) -> None:
        """Do nothing, since there is nothing to free."""


class SingleRank(WithoutMPI):
    """Communicator of one rank."""

    rank = 0
    size = 1

    def allgather(self, value: Value) -> list[Value]:
        """Return the value of this rank alone."""
        return [value]


SINGLE_RANK = SingleRank()


def given_or_single(communicator: Communicator | None) -> Communicator:
    """Return the communicator that a caller has given, or that of a single rank for None.

    Raises
    ------
    ParameterError
        It is no communicator, or the one of no process (``MPI.COMM_NULL``).
    """
    if communicator is None:
        return SINGLE_RANK
    try:
        is_one = communicator.rank < communicator.size and callable(communicator.allgather)
    except (AttributeError, TypeError, RuntimeError):  # the last one is mpi4py's
        is_one = False
    if not is_one:
        raise ParameterError(
            f"communicator = {one_line(repr(communicator))}: must be one of mpi4py, such as MPI.COMM_WORLD, or None"
        )
    return communicator


def sleep_until_all_are_here(communicator: Communicator) -> None:
    """Wait until all ranks have called this, and leave the processors to those that still compute. Collective."""
    if isinstance(communicator, WithoutMPI):
        communicator.Barrier()
        return
    request = communicator.Ibarrier()
    while not request.Test():  # to wait for it would keep a processor busy
        time.sleep(PAUSE)


def on_this_machine(communicator: Communicator) -> Communicator:
    """Return the communicator of the ranks on this machine; the caller must free it. Collective."""
    if isinstance(communicator, WithoutMPI):
        return communicator
    from mpi4py import MPI

    return communicator.Split_type(MPI.COMM_TYPE_SHARED)


def n_ranks_on_this_machine(communicator: Communicator) -> int:
    """Return the number of the communicator's ranks on this machine. Collective."""
    here = on_this_machine(communicator)
    n_ranks = int(here.size)
    here.Free()
    return n_ranks
