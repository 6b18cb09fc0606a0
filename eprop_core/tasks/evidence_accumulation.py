"""Evidence accumulation: cues on two sides, a delay, and the recall of the side with more cues.

Each sample is a function of the seed and of its number, so the number of samples is unlimited.
"""

import numpy as np
import numpy.typing as npt

from eprop_core.compiled.random import Purpose, generator
from eprop_core.machine import memory
from eprop_core.parameters import Loss
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.parameters import EvidenceAccumulation
from eprop_core.tasks.task import Events

TEST_SAMPLES = 2**32
"""Number of the first test sample; training samples are numbered from 0."""


def generate(
    parameters: EvidenceAccumulation, *, dt: float, seed: int, learning_window: int | None, loss: Loss
) -> "tuple[CueCounting, CueCounting]":
    """Return the samples to learn and those to test."""
    learnt, tested = (
        CueCounting(
            parameters, n_samples=n_samples, first=first, dt=dt, seed=seed, learning_window=learning_window, loss=loss
        )
        for n_samples, first in ((parameters.train_samples, 0), (parameters.test_samples, TEST_SAMPLES))
    )
    return learnt, tested


class CueCounting(Classification):
    """The ``n_samples`` samples from number ``first`` on.

    Parameters
    ----------
    parameters
        Cues, delays and rates.
    n_samples
        Number of samples.
    first
        Number of the first sample.
    dt
        ms, simulation step.
    seed
        Seed of the cues and spikes.
    learning_window, loss
        See :class:`eprop_core.tasks.task.Task`.
    """

    def __init__(
        self,
        parameters: EvidenceAccumulation,
        *,
        n_samples: int,
        first: int = 0,
        dt: float,
        seed: int,
        learning_window: int | None,
        loss: Loss = "cross_entropy",
    ) -> None:
        n_input, n_readout = parameters.sizes
        super().__init__(
            n_samples=n_samples,
            n_steps=parameters.n_steps,
            n_input=n_input,
            n_readout=n_readout,
            learning_window=learning_window,
            loss=loss,
        )
        memory.check(
            18 * n_input * parameters.n_steps + 24 * n_samples,
            f"a sample of {parameters.n_steps} steps and {n_input} channels, and the order of {n_samples} samples",
            "use fewer or shorter samples, or fewer channels",
        )
        self.parameters = parameters
        self._first = first
        self._dt = dt
        self._seed = seed

    def sides(self, sample: int) -> npt.NDArray[np.int64]:
        """Return the side of each cue, 0 or 1, int64 (n_cues,)."""
        return self._draw_sides(self._generator(sample))

    def label(self, sample: int) -> int:
        """Return the side with more cues."""
        return int(2 * self.sides(sample).sum() > self.parameters.n_cues)

    def events(self, sample: int) -> Events:
        """Return steps and channels of the input spikes of a sample."""
        random = self._generator(sample)
        rates = np.repeat(self._rates(self._draw_sides(random)), self.parameters.channels_per_group, axis=1)
        steps, channels = np.nonzero(random.random(rates.shape) < rates * self._dt * 1e-3)
        return steps, channels

    def _generator(self, sample: int) -> np.random.Generator:
        return generator(seed=self._seed, purpose=Purpose.CUES, identifier=self._first + sample)

    def _draw_sides(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        favoured = random.integers(2)
        return np.where(random.random(self.parameters.n_cues) < self.parameters.bias, favoured, 1 - favoured)

    def _rates(self, sides: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the rate of the channels of each group, spikes/s, float64 (n_steps, 4)."""
        given = self.parameters
        rates = np.zeros((given.n_steps, 4))
        for number, side in enumerate(sides):
            end = (number + 1) * (given.pause + given.cue)
            rates[end - given.cue : end, side] = given.input_rate
        rates[-given.recall :, 2] = given.input_rate
        rates[:, 3] = given.noise_rate
        return rates
