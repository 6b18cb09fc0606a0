"""The training and test samples of a generated task."""

import importlib

from eprop_core.parameters import Loss
from eprop_core.tasks.parameters import Generated
from eprop_core.tasks.task import Task


def generate(
    parameters: Generated,
    *,
    dt: float,
    seed: int,
    learning_window: int | None,
    loss: Loss,
) -> tuple[Task, Task | None]:
    """Return what is learned, and what is shown once after training: None where nothing is held out.

    Args:
        parameters: parameters of the task; their ``implementation`` names the module that makes the samples.
        dt: ms, length of a step.
        seed: of the random numbers that the samples are made from.
        learning_window: steps at the end of each sample in which errors count; None: all.
        loss: what the error is the gradient of.
    """
    module = importlib.import_module(parameters.implementation)
    learnt, tested = module.generate(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss)
    return learnt, tested
