"""Tasks whose samples are those of a data set: classification, or regression where the samples have targets."""

import functools

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import EventDataset
from eprop_core.parameters import Loss
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.task import Events, Task


class DatasetTask(Task):
    """The samples of a data set, one after another.

    Parameters
    ----------
    dataset
        Samples with their classes or targets.
    learning_window, loss
        See :class:`eprop_core.tasks.task.Task`.
    validation
        Validation samples; their numbers follow those of ``dataset``. None: the share of ``dataset`` that the training
        parameters state.

    Raises
    ------
    DatasetError
        If the data sets differ in their channels, steps, classes or outputs.
    """

    def __init__(
        self,
        dataset: EventDataset,
        learning_window: int | None,
        loss: Loss = "mean_squared_error",
        validation: EventDataset | None = None,
    ) -> None:
        self.dataset = dataset if validation is None else dataset.joined(validation)
        if validation is not None:
            self.validation = np.arange(len(dataset), len(self.dataset))
        super().__init__(
            n_samples=len(self.dataset),
            n_steps=dataset.n_steps,
            n_input=dataset.n_channels,
            n_readout=dataset.n_readout,
            learning_window=learning_window,
            loss=loss,
        )

    def events(self, sample: int) -> Events:
        """Return steps and channels of the input spikes of a sample."""
        return self.dataset.sample(sample)


class DatasetClassification(DatasetTask, Classification):
    """Classification of the samples of a data set."""

    def label(self, sample: int) -> int:
        """Return the class of a sample, 0 to n_readout - 1."""
        return int(self.dataset.labels[sample])


class DatasetRegression(DatasetTask):
    """Regression: the readouts follow the targets of the samples of a data set."""

    @functools.cached_property
    def loss_of_best_constant(self) -> float:
        """Half the variance of the targets, summed over readouts and the steps of the learning window, mV².

        Readouts constantly give the mean of their target over all samples.
        """
        sums = sum(self._window(sample).sum(axis=0) for sample in range(self.n_samples))
        mean = sums / (self.n_samples * self.learning_window)
        squares = sum(float(np.sum((self._window(sample) - mean) ** 2)) for sample in range(self.n_samples))
        return 0.5 * squares / self.n_samples

    def target(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the target of a sample, mV, float64 (n_steps, n_readout)."""
        return self.dataset.target(sample)

    def _window(self, sample: int) -> npt.NDArray[np.float64]:
        return self.target(sample)[-self.learning_window :]


def task_of(
    dataset: EventDataset,
    learning_window: int | None,
    loss: Loss = "mean_squared_error",
    validation: EventDataset | None = None,
) -> DatasetTask:
    """Return the task that the samples of a data set are; the parameters are those of :class:`DatasetTask`."""
    kind = DatasetClassification if dataset.n_outputs is None else DatasetRegression
    return kind(dataset, learning_window, loss, validation)
