"""Ranks that are threads of this process: their communicator has those methods of mpi4py's that the simulator calls.

Starting processes takes a second, and each must load what is compiled; threads do neither.
"""

import copy
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")
TIMEOUT = 600.0
"""Seconds after which a rank that waits for others fails."""


class ThreadRank:
    """Communicator of one of several threads."""

    def __init__(self, rank: int, size: int, shared: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.size = rank, size
        self._shared, self._barrier = shared, barrier

    def allgather(self, value: Any) -> list[Any]:
        self._shared[self.rank] = value
        self.Barrier()
        # As with MPI, each rank has objects of its own, but for errors, whose traceback cannot be copied.
        values = [v if isinstance(v, BaseException) else copy.deepcopy(v) for v in self._shared]
        self.Barrier()
        return values

    def alltoall(self, values: list[Any]) -> list[Any]:
        return [of_rank[self.rank] for of_rank in self.allgather(values)]

    def Allgather(self, own: np.ndarray, of_ranks: np.ndarray) -> None:
        of_ranks[:] = self.allgather(own)

    def Alltoall(self, own: np.ndarray, of_ranks: np.ndarray) -> None:
        of_ranks[:] = self.alltoall(list(own))

    def Allgatherv(self, own: np.ndarray, received: list[Any]) -> None:
        """As in mpi4py, ``received`` is a buffer, (numbers of elements, first places) by rank, and their type."""
        buffer, (counts, firsts), _ = received
        for values, n, first in zip(self.allgather(own), counts, firsts, strict=True):
            buffer[first : first + n] = values

    def Alltoallv(self, sent: list[Any], received: list[Any]) -> None:
        own, (counts, firsts), _ = sent
        parts = [own[first : first + n].copy() for n, first in zip(counts, firsts, strict=True)]
        buffer, (counts, firsts), _ = received
        for values, n, first in zip(self.alltoall(parts), counts, firsts, strict=True):
            buffer[first : first + n] = values

    def Barrier(self) -> None:
        self._barrier.wait(TIMEOUT)

    def Split_type(self, kind: int) -> "ThreadRank":
        return self

    def Free(self) -> None:
        pass


def on_thread_ranks(n_ranks: int, program: Callable[[Any], Value]) -> list[Value]:
    """Call ``program`` with a communicator on each of ``n_ranks`` threads; return what the ranks return."""
    shared: list[Any] = [None] * n_ranks
    results: list[Any] = [None] * n_ranks
    errors: list[BaseException] = []
    barrier = threading.Barrier(n_ranks)

    def call(rank: int) -> None:
        try:
            results[rank] = program(ThreadRank(rank, n_ranks, shared, barrier))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=call, args=(rank,)) for rank in range(n_ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
    if errors:
        raise (others or errors)[0]
    return results
