"""Poisson spikes: whether a channel spikes in a step depends on the seed, the channel and the step alone.

The generator gives four numbers at a time, those of a *block* of four steps. Blocks begin in the steps 0, 4, 8, ...
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import called_kernel, kernel
from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import philox, to_uniform

STEPS_PER_BLOCK = 4
_PURPOSE = int(Purpose.INPUT_SPIKES)


class PoissonSource(NamedTuple):
    """Channels whose spikes are drawn one step after another, from step 0 on, and room for those of one block."""

    channels: np.ndarray
    """int32 (n,), ascending."""
    probability: np.ndarray
    """float64 (n_rows, n), of a spike in a step; the last row holds to the end."""
    steps_per_row: int
    elapsed: int
    """Steps of the first row before step 0."""
    number: int
    """Number of step 0 in the sequence of draws."""
    seed: np.uint64
    spikes: np.ndarray
    """int32 (4 * n,), channels that spike in the block that was drawn last: room for n in each of its steps."""
    n_spikes: np.ndarray
    """int64 (4,), number of spikes in each of these steps."""
    row: np.ndarray
    """int64 (4,), row of the probabilities that holds in each of these steps."""

    @classmethod
    def of(
        cls,
        channels: np.ndarray,
        probability: np.ndarray,
        *,
        steps_per_row: int = 1,
        elapsed: int = 0,
        first_step: int = 0,
        seed: int = 0,
    ) -> "PoissonSource":
        """Return the source of ``channels``, whose first row begins in the step ``first_step`` of the sequence."""
        return cls(
            np.ascontiguousarray(channels, np.int32),
            np.ascontiguousarray(probability, np.float64),
            int(steps_per_row),
            int(elapsed),
            int(first_step) + int(elapsed),
            np.uint64(seed),
            np.zeros(STEPS_PER_BLOCK * len(channels), np.int32),
            np.zeros(STEPS_PER_BLOCK, np.int64),
            np.zeros(STEPS_PER_BLOCK, np.int64),
        )

    @classmethod
    def none(cls) -> "PoissonSource":
        """Return a source without channels."""
        return cls.of(np.zeros(0, np.int32), np.zeros((1, 0)))


@kernel
def draw_step(source, step):
    """Draw the spikes of the next step; return where they begin in ``source.spikes``, and their number."""
    slot = (source.number + step) % STEPS_PER_BLOCK
    if step == 0 or slot == 0:
        _draw_block(source, step - slot)
    return slot * len(source.channels), source.n_spikes[slot]


@called_kernel
def _draw_block(source, begin):
    """Draw the spikes of the block that begins in the step ``begin``."""
    channels, probability, row, n_spikes = source.channels, source.probability, source.row, source.n_spikes
    for slot in range(STEPS_PER_BLOCK):
        # The first block may begin before step 0. What it has there is not used, so any row does.
        passed = max(0, source.elapsed + begin + slot)
        row[slot] = min(passed // source.steps_per_row, len(probability) - 1)
        n_spikes[slot] = 0
    block = (source.number + begin) // STEPS_PER_BLOCK
    for k in range(len(channels)):
        largest = _largest_probability(source, k)
        if largest == 0.0:
            continue  # nothing needs to be drawn
        draws = philox(source.seed, _PURPOSE, channels[k], block)
        if to_uniform(min(min(draws[0], draws[1]), min(draws[2], draws[3]))) >= largest:
            continue  # as at most times
        for slot in range(STEPS_PER_BLOCK):
            if to_uniform(draws[slot]) < probability[row[slot], k]:
                source.spikes[slot * len(channels) + n_spikes[slot]] = channels[k]
                n_spikes[slot] += 1


@kernel
def _largest_probability(source, k):
    """Return the largest probability of the k-th channel in the block."""
    largest = 0.0
    for slot in range(STEPS_PER_BLOCK):
        largest = max(largest, source.probability[source.row[slot], k])
    return largest


@called_kernel
def draw_steps(source, step, n_spikes, channels):
    """Draw the spikes from ``step`` on while there is room; return the step and the number of spikes reached.

    ``n_spikes``, int64 (n_steps,), receives the number in each step, and ``channels``, int32, those that spike, one
    step after another. There must be room for one spike of each channel.
    """
    n_drawn = 0
    while step < len(n_spikes) and n_drawn + len(source.channels) <= len(channels):
        first, n = draw_step(source, step)
        for k in range(n):
            channels[n_drawn + k] = source.spikes[first + k]
        n_spikes[step] = n
        n_drawn += n
        step += 1
    return step, n_drawn
