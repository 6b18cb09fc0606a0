"""Base of tasks whose samples are cues: groups of channels that spike at the rates of a sample.

Each sample is a function of the seed and of its number, so the number of samples is unlimited.
"""

from abc import abstractmethod
from typing import Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import generator
from eprop_core.machine import memory
from eprop_core.parameters import Loss
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.parameters import Cued
from eprop_core.tasks.task import Events

TEST_SAMPLES = 2**32
"""Number of the first test sample; training samples are numbered from 0."""

CuedParameters = TypeVar("CuedParameters", bound=Cued)


class CuedTask(Classification, Generic[CuedParameters]):
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
        parameters: CuedParameters,
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

    @classmethod
    def splits(
        cls, parameters: CuedParameters, *, dt: float, seed: int, learning_window: int | None, loss: Loss
    ) -> tuple[Self, Self]:
        """Return the samples to learn and those to test."""
        learnt, tested = (
            cls(
                parameters,
                n_samples=n_samples,
                first=first,
                dt=dt,
                seed=seed,
                learning_window=learning_window,
                loss=loss,
            )
            for n_samples, first in ((parameters.train_samples, 0), (parameters.test_samples, TEST_SAMPLES))
        )
        return learnt, tested

    def cues(self, sample: int) -> npt.NDArray[np.int64]:
        """Return the group of each cue, int64 (n_cues,)."""
        return self.draw_cues(self._generator(sample))

    def events(self, sample: int) -> Events:
        """Return steps and channels of the input spikes of a sample."""
        random = self._generator(sample)
        rates = np.repeat(self.rates(self.draw_cues(random)), self.parameters.channels_per_group, axis=1)
        steps, channels = np.nonzero(random.random(rates.shape) < rates * self._dt * 1e-3)
        return steps, channels

    @abstractmethod
    def draw_cues(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the group of each cue, int64 (n_cues,)."""

    @abstractmethod
    def rates(self, cues: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the rate of the channels of each group, spikes/s, float64 (n_steps, n_groups)."""

    def _generator(self, sample: int) -> np.random.Generator:
        return generator(seed=self._seed, purpose=Purpose.CUES, identifier=self._first + sample)
