"""A function of many items, computed on all processors that this process may use."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from eprop_core.machine import processors

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
"""Tasks for each thread that are computed before their results are needed."""


def in_order(function: Callable[[Item], Result], items: Iterable[Item], at_once: int = 16) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in the order of the items, whatever the number of processors.

    Threads share the work, so that it takes little more memory than on one processor and ends with the process. The
    function must be safe to run in several threads; it gains by them where numpy, scipy and compiled code do its work.
    An error that it raises is raised here when it is the turn of the result. Few results are held at the same time. A
    task of a thread is ``at_once`` items.
    """
    n_threads = int(processors.available())
    if n_threads <= 1:
        yield from map(function, items)
        return
    rest, pending = iter(items), deque[Future[list[Result]]]()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            while True:
                while len(pending) < _AHEAD * n_threads and (chunk := list(islice(rest, at_once))):
                    pending.append(pool.submit(_results, function, chunk))
                if not pending:
                    return
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _results(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]
