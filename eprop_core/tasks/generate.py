"""The training and test samples of a generated task."""

from eprop_core.tasks.evidence_accumulation import TEST_SAMPLES, CueCounting
from eprop_core.tasks.parameters import EvidenceAccumulation, Pattern, SineWaves
from eprop_core.tasks.regression import Regression
from eprop_core.tasks.task import Loss, Task


def generate(
    parameters: SineWaves | Pattern | EvidenceAccumulation,
    *,
    dt: float,
    seed: int,
    learning_window: int | None,
    loss: Loss,
) -> tuple[Task, Task | None]:
    """Return the task of the training samples, and that of the test samples.

    Parameters
    ----------
    parameters
        Parameters of the task.
    dt
        ms, simulation step.
    seed
        Seed of the samples.
    learning_window
        Steps at the end of each sample in which errors count; None: all.
    loss
        Loss whose gradient by the readout is the error.

    Returns
    -------
    train
        Samples to learn.
    test
        Samples that are shown once, after training; None if the task has no test samples.
    """
    if not isinstance(parameters, EvidenceAccumulation):
        return Regression(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss), None
    learnt, tested = (
        CueCounting(
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
