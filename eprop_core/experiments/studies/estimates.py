"""Memory of a rank that a training run will need, estimated before it starts."""

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.network.projections import projections, without_plasticity
from eprop_core.tasks.parameters import Generated

PROCESS_BYTES = 215_000_000
"""Python, the packages and the compiled simulator."""
COUNTED_BYTES, SORTING_BYTES = 52, 3
"""Bytes per synapse of the largest projection that counting its operations takes, and that sorting it takes."""
INPUT_SPIKE_BYTES = 48
"""Step and channel of an input spike, in the task and in its stimulus."""
VALUE_BYTES = 4 * 8
"""Target, readout, error and loss, of each readout in each step."""


def memory_of_rank(task: TaskParameters, n_bytes_of_data: int = 0) -> int:
    """Return about how many bytes each rank of a training run takes at its peak, which is when it is tested.

    Parameters
    ----------
    task
        The task; where its sizes are unknown until the data are read, the network is left out.
    n_bytes_of_data
        Size of the files of its data set, of which all is read.
    """
    sizes, n_ranks, dataset = task.dataset.sizes, task.training.ranks, task.dataset
    if sizes is None:
        return PROCESS_BYTES + n_bytes_of_data
    network = task.network_for(*sizes)
    copies = 2 if task.training.keep == "best" else 1
    largest = max(projection.synapses_per_rank(n_ranks) for projection in projections(network))
    n_samples = task.training.samples_per_group
    if isinstance(dataset, Generated):
        n_samples = min(n_samples, getattr(dataset, "train_samples", 1))
        rates = sum(getattr(dataset, name, 0.0) for name in ("input_rate", "noise_rate"))
        n_bytes_of_data = int(INPUT_SPIKE_BYTES * n_samples * dataset.n_steps * sizes[0] * rates * network.dt * 1e-3)
    return int(
        PROCESS_BYTES
        + copies * estimate_memory(network, n_ranks)
        + estimate_memory(without_plasticity(network), n_ranks)
        + (COUNTED_BYTES + SORTING_BYTES) * largest
        + n_samples * dataset.n_steps * VALUE_BYTES * sizes[1]
        + n_bytes_of_data
    )
