"""Classification: one readout per class, scored in the learning window at the end of each sample.

Samples follow one another without a pause, as in NEST's example "Tutorial on learning to classify neuromorphic
MNIST".
"""

from abc import abstractmethod
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eprop_core.recording.recording import Recording
from eprop_core.tasks.losses import LOSSES
from eprop_core.tasks.task import Samples, Score, Task


class Classification(Task):
    """Samples that each belong to a class, with one-hot targets."""

    @property
    def chance(self) -> float:  # type: ignore[override]
        """Accuracy of random guesses."""
        return 1 / self.n_readout

    @property
    def loss_of_best_constant(self) -> float:
        """Loss per sample, mV² or nats, of readouts that constantly give each class the same probability."""
        return LOSSES[self.loss].of_best_constant(self.n_readout, self.learning_window)

    @abstractmethod
    def label(self, sample: int) -> int:
        """Return the class of a sample, 0 to n_readout - 1."""

    def target(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the target, mV, float64 (n_readout,): 1 for the readout of the sample's class, 0 for the others."""
        label, target = self.label(sample), np.zeros(self.n_readout)
        if np.ndim(label) or label not in range(self.n_readout):
            raise self.fault(sample, f"label = {label}: must be a whole number from 0 to {len(target) - 1}")
        target[int(label)] = 1.0
        return target

    def score(self, samples: Samples, recording: Recording) -> Score:
        """Return the score of the network's response to ``stimulus(samples)``.

        The predicted class is that of the readout with the largest mean over the learning window.
        """
        predicted = self.readout(samples, recording).mean(axis=1).argmax(axis=1)
        n_correct = sum(int(label == self.label(int(sample))) for label, sample in zip(predicted, samples, strict=True))
        return replace(super().score(samples, recording), n_correct=n_correct)
