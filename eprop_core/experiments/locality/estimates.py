"""Memory that a comparison with backpropagation through time will need, estimated before it starts."""

from eprop_core.experiments.locality.parameters import AccuracyParameters, GradientPoint
from eprop_core.experiments.studies.estimates import memory_of_rank
from eprop_core.experiments.studies.parameters import TaskParameters

TORCH_BYTES = 260_000_000
"""The process of backpropagation through time, without samples."""
INPUT_BYTES = 2
"""Of an input channel in a step of a sample, in two copies."""
TARGET_BYTES = 3 * 8
"""Of a readout in a step of a sample: its target here and, in two copies, in the other process."""
EVENT_TIMES = 8
"""Step and channel of an event, in both processes, as a multiple of their size in the data set."""
BATCH_BYTES_OF_INPUT, BATCH_BYTES_OF_NEURON = 3 * 8, 20 * 8
"""Of a channel and of a neuron in a step of a sample whose gradient is being computed."""


def memory_of_training(parameters: AccuracyParameters, n_bytes_of_data: int = 0) -> int:
    """Return about how many bytes a training takes at its peak, with the process of backpropagation through time.

    ``n_bytes_of_data`` is the size of the files of the data set. Where its numbers are unknown until the data are read,
    its samples are left out.
    """
    task = parameters.task
    n_shown = task.training.epochs * (task.dataset.n_training_samples or 0)
    return _memory(task, n_shown, min(parameters.batch_size, n_shown), n_bytes_of_data)


def memory_of_gradients(point: GradientPoint, n_bytes_of_data: int = 0) -> int:
    """Return the same for the gradients of a point, which are those of all its samples at once."""
    return _memory(point, point.samples, point.samples, n_bytes_of_data)


def _memory(task: TaskParameters, n_shown: int, n_at_once: int, n_bytes_of_data: int) -> int:
    n_bytes = memory_of_rank(task, n_bytes_of_data) + TORCH_BYTES
    n_there, sizes = task.dataset.n_training_samples, task.dataset.sizes
    if n_there is None or sizes is None:
        return n_bytes
    n_channels, n_readout = sizes
    n_recurrent = task.network_for(*sizes).n_recurrent
    shown = n_shown * (INPUT_BYTES * n_channels + TARGET_BYTES * n_readout)
    at_once = n_at_once * (BATCH_BYTES_OF_INPUT * n_channels + BATCH_BYTES_OF_NEURON * n_recurrent)
    events = EVENT_TIMES * n_bytes_of_data * n_shown // n_there
    return n_bytes + task.dataset.n_steps * (shown + at_once) + events
