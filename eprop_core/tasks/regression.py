"""Regression: the readouts follow a target signal while frozen noise drives the network.

There is one sample, which is repeated in every iteration. The task measures how well it is learned and has no test
samples.
"""

import numpy as np
import numpy.typing as npt

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import generator
from eprop_core.machine import memory
from eprop_core.parameters import Loss
from eprop_core.tasks.parameters import Pattern, SineWaves
from eprop_core.tasks.task import Events, Task

DRAWN_AT_ONCE = 1_000_000
"""Random numbers."""
SPIKE_BYTES = 48
"""Step and channel of an input spike, in the task, in a stimulus and while blocks are joined."""


def generate(
    parameters: SineWaves | Pattern, *, dt: float, seed: int, learning_window: int | None, loss: Loss
) -> tuple[Task, None]:
    """Return the sample to learn; nothing is held out."""
    return Regression(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss), None


class Regression(Task):
    """One sample: frozen noise and its target.

    Parameters
    ----------
    parameters
        Input and target.
    dt
        ms, simulation step.
    seed
        Seed of the noise and of the target.
    learning_window, loss
        See :class:`eprop_core.tasks.task.Task`.
    """

    def __init__(
        self,
        parameters: SineWaves | Pattern,
        *,
        dt: float,
        seed: int,
        learning_window: int | None,
        loss: Loss = "mean_squared_error",
    ) -> None:
        n_input, n_readout = parameters.sizes
        super().__init__(
            n_samples=1,
            n_steps=parameters.n_steps,
            n_input=n_input,
            n_readout=n_readout,
            learning_window=learning_window,
            loss=loss,
        )
        probability = parameters.input_rate * dt * 1e-3
        n_spikes = n_input * parameters.n_steps * probability
        n_waves = len(parameters.periods) if isinstance(parameters, SineWaves) else 2
        memory.check(
            int(SPIKE_BYTES * n_spikes + 24 * n_waves * parameters.n_steps),
            f"the sample of {parameters.n_steps} steps with {n_spikes:.3g} input spikes",
            "use fewer steps, fewer input channels, or a lower input_rate",
        )
        noise = generator(seed=seed, purpose=Purpose.FROZEN_NOISE, identifier=0)
        self._steps, self._channels = frozen_noise(noise, parameters.n_steps, n_input, probability)
        self._target = sine_waves(parameters, seed) if isinstance(parameters, SineWaves) else pattern(parameters)

    @property
    def loss_of_best_constant(self) -> float:
        """Half the variance of the target in time, summed over the readouts and steps of the learning window, mV²."""
        window = self._target[-self.learning_window :]
        return 0.5 * float(np.sum((window - window.mean(axis=0)) ** 2))

    def events(self, sample: int) -> Events:
        """Return steps and channels of the frozen noise."""
        return self._steps, self._channels

    def target(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the target, mV, float64 (n_steps, n_readout)."""
        return self._target


def frozen_noise(random: np.random.Generator, n_steps: int, n_channels: int, probability: float) -> Events:
    """Return steps and channels of spikes with a probability in each step and channel, drawn in blocks of steps."""
    block = max(1, DRAWN_AT_ONCE // n_channels)
    steps, channels = [], []
    for first in range(0, n_steps, block):
        drawn = np.nonzero(random.random((min(block, n_steps - first), n_channels)) < probability)
        steps.append(drawn[0] + first)
        channels.append(drawn[1])
    return np.concatenate(steps), np.concatenate(channels)


def sine_waves(parameters: SineWaves, seed: int) -> npt.NDArray[np.float64]:
    """Return a sum of sine waves that starts at 0 and has a maximum of 1 mV, float64 (n_steps, 1).

    Each wave has a whole number of periods from the first to the last step, so that iterations join continuously.
    """
    random = generator(seed=seed, purpose=Purpose.TARGETS, identifier=0)
    n_waves = len(parameters.periods)
    amplitude = random.uniform(parameters.amplitudes.low, parameters.amplitudes.high, n_waves)
    phase = random.uniform(0.0, 2.0 * np.pi, n_waves)
    turns = parameters.n_steps // np.array(parameters.periods)
    angle = phase + np.linspace(0.0, 2.0 * np.pi * turns, parameters.n_steps)
    waves: npt.NDArray[np.float64] = np.sin(angle) @ amplitude
    waves -= waves[0]
    waves /= max(np.abs(waves).max(), 1e-6)
    return waves[:, np.newaxis]


def pattern(parameters: Pattern) -> npt.NDArray[np.float64]:
    """Return x and y of the curve, mV, float64 (n_steps, 2)."""
    turn = np.linspace(0.0, 2.0 * np.pi, parameters.n_steps)
    curve: npt.NDArray[np.float64] = np.sin(np.outer(turn, [parameters.turns_x, parameters.turns_y]))
    return curve
