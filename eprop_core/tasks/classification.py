"""Classification of event samples: one readout per class, judged at the end of each sample.

The samples follow one another in continuous time, without a pause or a reset of the network, as in NEST's example
"Tutorial on learning to classify neuromorphic MNIST". Only the last steps of a sample, the learning window, count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import EventDataset
from eprop_core.simulation import Recording
from eprop_core.stimulus import Stimulus


@dataclass(frozen=True)
class Score:
    """How a network did on some samples; scores of different samples add up."""

    n_samples: int
    n_correct: int
    summed_loss: float

    @property
    def accuracy(self) -> float:
        """Share of the samples whose class is predicted."""
        return self.n_correct / self.n_samples

    @property
    def loss(self) -> float:
        """Mean over samples of 0.5 * sum over window and readouts of the squared error, mV^2."""
        return self.summed_loss / self.n_samples

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.n_samples + other.n_samples, self.n_correct + other.n_correct, self.summed_loss + other.summed_loss
        )


@dataclass(frozen=True)
class Classification:
    """The samples of ``dataset`` with one-hot targets and a window of ``learning_window`` steps at their end."""

    dataset: EventDataset
    learning_window: int

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def stimulus(self, samples: npt.NDArray[np.int64]) -> Stimulus:
        """Return the stimulus that shows ``samples`` (indices into the data set), one after another."""
        dataset, n_steps = self.dataset, self.dataset.n_steps
        shown = [dataset.sample(int(index)) for index in samples]
        starts = np.repeat(np.arange(len(shown)) * n_steps, [len(steps) for steps, _ in shown])
        target = np.eye(dataset.n_classes)[dataset.labels[samples]]
        return Stimulus(
            n_steps=len(shown) * n_steps,
            input_steps=np.concatenate([steps for steps, _ in shown]) + starts,
            input_channels=np.concatenate([channels for _, channels in shown]),
            target=np.repeat(target, n_steps, axis=0),
            learning_window=np.tile(np.arange(n_steps) >= n_steps - self.learning_window, len(shown)),
        )

    def score(self, samples: npt.NDArray[np.int64], recording: Recording) -> Score:
        """Score what the network answered to ``stimulus(samples)``.

        The predicted class is the readout with the largest mean over the learning window.
        """
        shape = (len(samples), self.dataset.n_steps, self.dataset.n_classes)
        answer = recording.readout.reshape(shape)[:, -self.learning_window :].mean(axis=1)
        correct = answer.argmax(axis=1) == self.dataset.labels[samples]
        return Score(len(samples), int(correct.sum()), 0.5 * float(np.sum(recording.error**2)))
