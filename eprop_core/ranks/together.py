"""Processes on this machine that work at the same time without MPI, as the emulated ranks of a dry run do."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Literal, TypeVar

from eprop_core.machine import driver, threads
from eprop_core.ranks.communicator import Value, WithoutMPI

Result = TypeVar("Result")

Kind = Literal["value", "result", "error"]
"""Messages of a process to the one that started it: its part of an exchange, its result, or why it has none."""


class Together(WithoutMPI):
    """Communicator of processes that exchange values through the process that started them."""

    def __init__(self, rank: int, size: int, starter: Connection) -> None:
        self.rank = rank
        self.size = size
        self._starter = starter

    def allgather(self, value: Value) -> list[Value]:
        """Return the values of all processes; waits until all have called it."""
        self._starter.send(("value", value))
        values: list[Value] = self._starter.recv()
        return values


def run_together(n_processes: int, function: Callable[..., Result], *arguments: Any) -> list[Result]:
    """Call ``function(communicator, *arguments)`` in processes that work at the same time; return the results of all.

    All processes must make the same number of exchanges.

    Raises
    ------
    Exception
        The error of the first process that raised one.
    ChildProcessError
        A process was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    processes, connections = [], []
    try:
        for rank in range(n_processes):
            own, other = context.Pipe()
            work = (rank, n_processes, os.getpid(), other, sys.orig_argv, function, arguments)
            process = context.Process(target=_work, args=work, daemon=True)
            process.start()
            other.close()  # so that the end of the process closes the pipe
            processes.append(process)
            connections.append(own)
        while True:
            messages = [_receive(connection) for connection in connections]
            contents = [content for _, content in messages]
            for kind, content in messages:
                if kind == "error":
                    raise content
            if all(kind == "result" for kind, _ in messages):
                return contents
            for connection in connections:
                connection.send(contents)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _receive(connection: Connection) -> tuple[Kind, Any]:
    try:
        message: tuple[Kind, Any] = connection.recv()
    except (EOFError, ConnectionError):
        raise ChildProcessError("a process of those that run together was ended") from None
    return message


def _work(
    rank: int,
    n_processes: int,
    starting_process: int,
    starter: Connection,
    command: list[str],
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    """Do the work of one process, which a result describes as part of the ``command`` that started it."""
    driver.end_with(starting_process, "the process that started this one")
    threads.use_one()
    sys.orig_argv = command
    message: tuple[Kind, Any]
    try:
        message = "result", function(Together(rank, n_processes, starter), *arguments)
    except Exception as error:
        message = "error", error
    try:
        starter.send(message)
    except ConnectionError:  # the process that waits for it has ended
        sys.exit(1)
