"""Losses of a recording, whose gradients the network learns from.

To add a loss: name it and its unit in ``parameters`` (``Loss``, ``LOSS_UNITS``), write its error in
``model/neurons.py`` and in ``time_driven/neurons.py``, and its value here.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eprop_core.parameters import Loss
from eprop_core.recording.recording import Recording

if TYPE_CHECKING:
    from eprop_core.tasks.task import Samples, Task


class LossFunction(NamedTuple):
    """How a loss is computed."""

    summed: "Callable[[Task, Samples, Recording], float]"
    """Sum over the samples that a recording answers to."""
    of_best_constant: Callable[[int, int], float]
    """Of one sample, if the readouts give each of ``n_classes`` the same value in all ``n_steps`` of the window."""


def _summed_squares(task: "Task", samples: "Samples", recording: Recording) -> float:
    return 0.5 * float(np.sum(recording.error**2))


def _squares_of_best_constant(n_classes: int, n_steps: int) -> float:
    return 0.5 * n_steps * (1 - 1 / n_classes)


def _summed_cross_entropy(task: "Task", samples: "Samples", recording: Recording) -> float:
    from scipy.special import log_softmax  # loads long, and few trainings need it

    target = task.targets(samples)[:, -task.learning_window :]
    log_probability = log_softmax(task.readout(samples, recording), axis=2)
    return -float(np.sum(target * log_probability)) / task.learning_window


def _entropy(n_classes: int, n_steps: int) -> float:
    return math.log(n_classes)


LOSSES: dict[Loss, LossFunction] = {
    "mean_squared_error": LossFunction(_summed_squares, _squares_of_best_constant),
    "cross_entropy": LossFunction(_summed_cross_entropy, _entropy),
}
