"""Evidence accumulation: cues on two sides, a delay, and the recall of the side with more cues."""

import numpy as np
import numpy.typing as npt

from eprop_core.parameters import Loss
from eprop_core.tasks.cued import CuedTask
from eprop_core.tasks.parameters import EvidenceAccumulation


def generate(
    parameters: EvidenceAccumulation, *, dt: float, seed: int, learning_window: int | None, loss: Loss
) -> "tuple[CueCounting, CueCounting]":
    """Return the samples to learn and those to test."""
    return CueCounting.splits(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss)


class CueCounting(CuedTask[EvidenceAccumulation]):
    """Samples in which each cue is on side 0 or 1."""

    def label(self, sample: int) -> int:
        """Return the side with more cues."""
        return int(2 * self.cues(sample).sum() > self.parameters.n_cues)

    def draw_cues(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the side of each cue."""
        favoured = random.integers(2)
        return np.where(random.random(self.parameters.n_cues) < self.parameters.bias, favoured, 1 - favoured)

    def rates(self, cues: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the rates of cues on side 0, of those on side 1, of the recall and of the noise."""
        given = self.parameters
        rates = np.zeros((given.n_steps, 4))
        for number, side in enumerate(cues):
            end = (number + 1) * (given.pause + given.cue)
            rates[end - given.cue : end, side] = given.input_rate
        rates[-given.recall :, 2] = given.input_rate
        rates[:, 3] = given.noise_rate
        return rates
