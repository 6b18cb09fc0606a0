"""What all tasks share: samples of equal length with targets, shown one after another, and how they are scored.

The samples follow one another in continuous time. Only the last steps of a sample, the learning window, count.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eprop_core.parameters import Loss
from eprop_core.recording import Recording
from eprop_core.stimulus import Stimulus
from eprop_core.tasks.losses import LOSSES

Samples = npt.NDArray[np.int64]
Events = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]
"""Steps (ascending, from the start of the sample) and channels of a sample's input spikes."""


@dataclass(frozen=True)
class Score:
    """How a network did on some samples; scores of different samples add up."""

    n_samples: int
    summed_loss: float
    n_correct: int | None = None
    """None where a task has no right or wrong answers."""

    @property
    def loss(self) -> float:
        """Mean over samples.

        Mean squared error: of 0.5 * sum over window and readouts of the squared error, mV^2. Cross-entropy: of its
        mean over the window, nats.
        """
        return self.summed_loss / self.n_samples

    @property
    def accuracy(self) -> float | None:
        """Share of the samples that are answered right."""
        return None if self.n_correct is None else self.n_correct / self.n_samples

    def __add__(self, other: "Score") -> "Score":
        correct = None if self.n_correct is None or other.n_correct is None else self.n_correct + other.n_correct
        return Score(self.n_samples + other.n_samples, self.summed_loss + other.summed_loss, correct)


class Task(ABC):
    """Samples of ``n_steps`` steps; those of the window of ``learning_window`` steps (None: all) at their end count."""

    chance: float | None = None
    """Accuracy of a guess; None where a task has no right or wrong answers."""

    def __init__(
        self, *, n_samples: int, n_steps: int, n_input: int, n_readout: int, learning_window: int | None, loss: Loss
    ) -> None:
        self.n_samples = n_samples
        self.n_steps = n_steps
        self.n_input = n_input
        self.n_readout = n_readout
        self.learning_window = n_steps if learning_window is None else learning_window
        self.loss = loss

    @property
    @abstractmethod
    def loss_of_best_constant(self) -> float:
        """Loss per sample of the best constant answer, in the unit of the loss: what a network gets without its input.

        0 where the target is constant.
        """

    @abstractmethod
    def events(self, sample: int) -> Events:
        """Return the input spikes of a sample."""

    @abstractmethod
    def target(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the target of a sample, mV, as an array that broadcasts to (n_steps, n_readout)."""

    def stimulus(self, samples: Samples) -> Stimulus:
        """Return the stimulus that shows ``samples``, one after another."""
        events = [self.events(int(sample)) for sample in samples]
        starts = np.repeat(np.arange(len(events)) * self.n_steps, [len(steps) for steps, _ in events])
        return Stimulus(
            n_steps=len(events) * self.n_steps,
            input_steps=np.concatenate([steps for steps, _ in events]) + starts,
            input_channels=np.concatenate([channels for _, channels in events]),
            target=self.targets(samples).reshape(-1, self.n_readout),
            learning_window=np.tile(np.arange(self.n_steps) >= self.n_steps - self.learning_window, len(events)),
            n_samples=len(events),
        )

    def targets(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return the targets of ``samples``, mV, (samples, n_steps, n_readout)."""
        shape = (self.n_steps, self.n_readout)
        return np.stack([np.broadcast_to(self.target(int(sample)), shape) for sample in samples])

    def score(self, samples: Samples, recording: Recording) -> Score:
        """Score what the network answered to ``stimulus(samples)``."""
        return Score(len(samples), LOSSES[self.loss].summed(self, samples, recording))

    def readout(self, samples: Samples, recording: Recording) -> npt.NDArray[np.float64]:
        """Return the readouts within the learning window, mV, (samples, learning_window, n_readout)."""
        shape = (len(samples), self.n_steps, self.n_readout)
        return recording.readout.reshape(shape)[:, -self.learning_window :]
