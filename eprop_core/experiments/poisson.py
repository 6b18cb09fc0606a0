"""Poisson input, the same on any number of ranks: whether a channel spikes depends on seed, channel and step alone."""

import numpy as np
import numpy.typing as npt

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.random import Purpose, philox, to_uniform

_DRAWS_PER_BLOCK = 4  # a counter of the generator gives four numbers
_PURPOSE = int(Purpose.INPUT_SPIKES)


def poisson_spikes(
    n_channels: int, first_step: int, n_steps: int, probability: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return steps (ascending, relative to ``first_step``) and channels of the spikes of ``n_steps`` steps.

    Each channel spikes with ``probability`` in each step, independently of all others.
    """
    n_spikes = np.zeros(n_steps, np.int64)
    _count(n_channels, first_step, n_steps, probability, seed, n_spikes)
    ends = np.cumsum(n_spikes)
    channels = np.empty(int(ends[-1]), np.int64)
    _fill(n_channels, first_step, n_steps, probability, seed, ends - n_spikes, channels)
    return np.repeat(np.arange(n_steps), n_spikes), channels


@kernel
def _count(n_channels, first_step, n_steps, probability, seed, n_spikes):
    """Add the number of spikes in each step to ``n_spikes``, int64 (n_steps,)."""
    for channel in range(n_channels):
        for block in range(first_step // _DRAWS_PER_BLOCK, (first_step + n_steps - 1) // _DRAWS_PER_BLOCK + 1):
            draws = philox(seed, _PURPOSE, channel, block)
            for index in range(_DRAWS_PER_BLOCK):
                step = block * _DRAWS_PER_BLOCK + index - first_step
                if 0 <= step < n_steps and to_uniform(draws[index]) < probability:
                    n_spikes[step] += 1


@kernel
def _fill(n_channels, first_step, n_steps, probability, seed, position, channels):
    """Write the channels of the spikes, those of a step one after another from its ``position``."""
    for channel in range(n_channels):
        for block in range(first_step // _DRAWS_PER_BLOCK, (first_step + n_steps - 1) // _DRAWS_PER_BLOCK + 1):
            draws = philox(seed, _PURPOSE, channel, block)
            for index in range(_DRAWS_PER_BLOCK):
                step = block * _DRAWS_PER_BLOCK + index - first_step
                if 0 <= step < n_steps and to_uniform(draws[index]) < probability:
                    channels[position[step]] = channel
                    position[step] += 1
