"""Processes that run together without MPI: they exchange values, and one error ends them all."""

import os
import time

import pytest

from eprop_core.parsing import ParameterError
from eprop_core.ranks import launch
from eprop_core.ranks.communicator import n_ranks_on_this_machine
from eprop_core.ranks.together import Together, run_together


def exchange_values(communicator: Together, factor: int) -> list[list[int]]:
    assert n_ranks_on_this_machine(communicator) == communicator.size
    assert launch.library(communicator) is None
    return [communicator.allgather(factor * step + communicator.rank) for step in range(3)]


def test_all_processes_get_the_values_of_all() -> None:
    assert run_together(3, exchange_values, 10) == [[[0, 1, 2], [10, 11, 12], [20, 21, 22]]] * 3


def start_together(communicator: Together) -> float:
    time.sleep(0.2 * communicator.rank)
    arrived = time.time()
    communicator.Barrier()
    return time.time() - arrived


def test_a_barrier_waits_for_the_last_process() -> None:
    first, last = run_together(2, start_together)
    assert first > 0
    assert last >= 0


def fail_on_second(communicator: Together) -> None:
    if communicator.rank == 1:
        raise ParameterError("no")
    communicator.Barrier()


def end_second(communicator: Together) -> None:
    if communicator.rank == 1:
        os._exit(9)
    communicator.Barrier()


def test_the_error_of_a_process_is_raised() -> None:
    with pytest.raises(ParameterError, match=r"^no$"):
        run_together(2, fail_on_second)


def test_the_end_of_a_process_raises_an_error() -> None:
    with pytest.raises(ChildProcessError, match="was ended"):
        run_together(2, end_second)
