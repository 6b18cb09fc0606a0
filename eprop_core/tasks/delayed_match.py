"""Delayed match to sample: a cue, a delay, and a second cue, which is the same or not.

The answer depends on both cues, so a network must remember the first until the second arrives.
"""

import numpy as np
import numpy.typing as npt

from eprop_core.parameters import Loss
from eprop_core.tasks.cued import CuedTask
from eprop_core.tasks.parameters import DelayedMatch


def generate(
    parameters: DelayedMatch, *, dt: float, seed: int, learning_window: int | None, loss: Loss
) -> "tuple[Matching, Matching]":
    """Return the samples to learn and those to test."""
    return Matching.splits(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss)


class Matching(CuedTask[DelayedMatch]):
    """Samples with two cues, which are equal in half of them."""

    def label(self, sample: int) -> int:
        """Return 1 if the cues are the same, otherwise 0."""
        first, second = self.cues(sample)
        return int(first == second)

    def draw_cues(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw both cues: all are equally frequent at both places, also among those that match."""
        n_cues = self.parameters.n_cues
        first, matches, other = random.integers([n_cues, 2, n_cues - 1])
        return np.array([first, first if matches else (first + 1 + other) % n_cues])

    def rates(self, cues: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the rates of each cue, and of the noise."""
        given = self.parameters
        rates = np.zeros((given.n_steps, given.n_cues + 1))
        second = given.cue + given.delay
        rates[: given.cue, cues[0]] = given.input_rate
        rates[second : second + given.cue, cues[1]] = given.input_rate
        rates[:, given.n_cues] = given.noise_rate
        return rates
