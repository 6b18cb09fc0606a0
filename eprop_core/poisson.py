"""Poisson input, the same on any number of ranks: whether a channel spikes depends on seed, channel and step alone."""

import numpy as np
import numpy.typing as npt

from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import philox, to_uniform
from eprop_core.stimulus import StimulusError

_DRAWS_PER_BLOCK = 4  # a counter of the generator gives four numbers
_PURPOSE = int(Purpose.INPUT_SPIKES)


def poisson_input(
    rates: npt.ArrayLike, *, n_steps: int, dt: float = 1.0, steps_per_row: int = 1, seed: int = 1, first_step: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the spikes of Poisson input whose rates may differ between channels and vary in time.

    In each step of ``dt`` a channel spikes with the probability rate * dt, independently of all others. The spikes of a
    step depend on the seed and the rates of that step alone. So a long input can be drawn in parts, from one
    ``first_step`` to the next.

    Parameters
    ----------
    rates
        (n_channels,), spikes/s, at all times; or (n_rows, n_channels), where each row holds for ``steps_per_row`` steps
        and the last one also for those that follow.
    n_steps
        Length in steps.
    dt
        Simulation step, ms.
    steps_per_row
        Steps for which a row holds.
    seed
        Seed of the draws, 0 to 2**64 - 1.
    first_step
        Number of the first step, at which the first row begins.

    Returns
    -------
    tuple
        ``input_steps``, int64 (n_events,), ascending from 0, and ``input_channels``, int64 (n_events,), as a
        :class:`Stimulus <eprop_core.stimulus.Stimulus>` takes them.

    Raises
    ------
    StimulusError
        A rate that is negative or above one spike per step, or another value that is not allowed.

    Examples
    --------
    A hundred channels, whose rates rise from 0 to 20 spikes/s in ten seconds:

    >>> rates = np.linspace(0.0, 20.0, 10)[:, np.newaxis] * np.ones(100)
    >>> steps, channels = poisson_input(rates, n_steps=10_000, steps_per_row=1000)
    """
    by_row = np.atleast_2d(np.asarray(rates, np.float64))
    if by_row.ndim != 2 or by_row.shape[0] == 0:
        raise StimulusError(f"rates have the shape {np.shape(rates)}: must be (n_channels,) or (n_rows, n_channels)")
    for name, value, least in (("n_steps", n_steps, 1), ("steps_per_row", steps_per_row, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**64:
            raise StimulusError(f"{name} = {value!r}: must be a whole number of at least {least}")
    probability = by_row * dt * 1e-3
    wrong = ~((probability >= 0.0) & (probability <= 1.0))
    if wrong.any():
        row, channel = np.argwhere(wrong)[0]
        raise StimulusError(
            f"rates[{row}, {channel}] = {by_row[row, channel]:g}: must be from 0 to {1000 / dt:g} spikes/s, one spike "
            f"per step of {dt} ms"
        )
    return poisson_spikes(probability, n_steps, steps_per_row=steps_per_row, seed=seed, first_step=first_step)


def poisson_spikes(
    probability: npt.NDArray[np.float64], n_steps: int, *, steps_per_row: int = 1, seed: int, first_step: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return steps and channels of spikes as :func:`poisson_input` does, from probabilities per step.

    ``probability`` is float64 (n_rows, n_channels).
    """
    n_spikes = np.zeros(n_steps, np.int64)
    _draw(probability, steps_per_row, first_step, seed, n_spikes, np.empty(0, np.int64))
    ends = np.cumsum(n_spikes)
    channels = np.empty(int(ends[-1]), np.int64)
    _draw(probability, steps_per_row, first_step, seed, ends - n_spikes, channels)
    return np.repeat(np.arange(n_steps), n_spikes), channels


@kernel
def _draw(probability, steps_per_row, first_step, seed, position, channels):
    """Add the number of spikes in each step to ``position``, int64 (n_steps,).

    Write their channels, those of a step one after another from its ``position``, unless there is no room for any.
    """
    n_steps, n_rows = len(position), len(probability)
    for channel in range(probability.shape[1]):
        for block in range(first_step // _DRAWS_PER_BLOCK, (first_step + n_steps - 1) // _DRAWS_PER_BLOCK + 1):
            draws = philox(seed, _PURPOSE, channel, block)
            for index in range(_DRAWS_PER_BLOCK):
                step = block * _DRAWS_PER_BLOCK + index - first_step
                row = min(step // steps_per_row, n_rows - 1)
                if 0 <= step < n_steps and to_uniform(draws[index]) < probability[row, channel]:
                    if len(channels) > 0:
                        channels[position[step]] = channel
                    position[step] += 1
