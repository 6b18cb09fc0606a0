"""Memory bandwidth of this machine: sequential access to synapses and random access to neurons.

Both are measured on arrays of the size of a network, because a small network fits into a cache, a large one does not.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel

SHORTEST = 0.2
"""s, shortest duration of a measurement, which reports its fastest pass."""

_COLUMNS = 4
"""Running sums of its target that a synapse reads."""


class Bandwidth(NamedTuple):
    """Measured speeds of memory accesses."""

    read_bytes_per_s: float
    """Bytes read per second when an array is read sequentially."""
    update_bytes_per_s: float
    """Bytes read and written per second when every value of an array is updated sequentially."""
    add_s: float
    """s, to add to the input of a random target."""
    gather_s: float
    """s, to read the running sums of a random target and to add to its input."""


@kernel
def _read(values):
    total = 0
    for k in range(len(values)):
        total += values[k]
    return total


@kernel
def _update(values, factor):
    for k in range(len(values)):
        values[k] = values[k] * factor + 1.0


@kernel
def _add(targets, current):
    for k in range(len(targets)):
        current[np.uint64(targets[k])] += 1.0


@kernel
def _gather(targets, sums, current):
    for k in range(len(targets)):
        j = np.uint64(targets[k])
        current[j] += sums[j, 0] + sums[j, 1] + sums[j, 2] + sums[j, 3]


def measure(n_bytes: int, n_targets: int, seed: int = 1) -> Bandwidth:
    """Measure sequential access to ``n_bytes`` and random access to ``n_targets`` neurons."""
    values = np.ones(max(1, n_bytes // 8))
    whole_numbers = values.view(np.int64)
    targets = np.random.default_rng(seed).integers(0, n_targets, min(len(values), 1_000_000), np.int32)
    sums, current = np.ones((n_targets, _COLUMNS)), np.zeros(n_targets)
    return Bandwidth(
        read_bytes_per_s=values.nbytes / _fastest(lambda: _read(whole_numbers)),
        update_bytes_per_s=2 * values.nbytes / _fastest(lambda: _update(values, 0.5)),
        add_s=_fastest(lambda: _add(targets, current)) / len(targets),
        gather_s=_fastest(lambda: _gather(targets, sums, current)) / len(targets),
    )


def _fastest(work: Callable[[], object]) -> float:
    """Return the shortest duration of ``work``, s, without its first call."""
    work()
    shortest, total = math.inf, 0.0
    while total < SHORTEST:
        start = time.perf_counter()
        work()
        passed = time.perf_counter() - start
        shortest, total = min(shortest, passed), total + passed
    return shortest
