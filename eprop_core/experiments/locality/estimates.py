"""Memory that a comparison with backpropagation through time will need, estimated before it starts."""

from eprop_core.experiments.studies.estimates import memory_of_rank
from eprop_core.experiments.studies.parameters import TaskParameters

TORCH_BYTES = 450_000_000
"""The process of backpropagation through time, without samples."""
INPUT_BYTES = 4
"""Of each input channel in each step of all samples that it is shown, in single precision."""
KEPT_BYTES = 2 * 4
"""Spikes and readouts of each step, which it collects and joins."""


def memory_of_job(task: TaskParameters, n_bytes_of_data: int = 0) -> int:
    """Return about how many bytes a training takes at its peak, with the process of backpropagation through time.

    Parameters
    ----------
    task
        The task; where its sizes are unknown until the data are read, its samples are left out.
    n_bytes_of_data
        Size of the files of its data set, of which all is read.
    """
    n_samples, sizes = task.dataset.n_training_samples, task.dataset.sizes
    shown = 0
    if n_samples is not None and sizes is not None:
        n_values = INPUT_BYTES * sizes[0] + KEPT_BYTES * (task.network_for(*sizes).n_recurrent + sizes[1])
        shown = n_values * task.training.epochs * n_samples * task.dataset.n_steps
    return memory_of_rank(task, n_bytes_of_data) + TORCH_BYTES + shown
