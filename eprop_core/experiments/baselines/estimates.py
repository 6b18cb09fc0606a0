"""Memory that a comparison of simulators will need, estimated before it starts."""

from typing import NamedTuple

from eprop_core.experiments import points
from eprop_core.experiments.baselines.measure import DENSE_BYTES_PER_PAIR, LARGEST_DENSE, SYNAPSES_OF_OUTPUTS
from eprop_core.experiments.baselines.parameters import BaselineParameters, PoissonBaseline, SampleBaseline
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.network.projections import projections_with_weights
from eprop_core.parameters import Network

PROCESS_BYTES = 215_000_000
"""Python, the packages and the compiled simulator: of the process that compares, and of this simulator's own."""
OTHER_BYTES = 165_000_000
"""The process of another simulator, without a network."""
LISTED_BYTES = 24
"""Source, target and weight of a synapse in the file that all simulators get."""
SAVING_BYTES = 60
"""Additional memory per synapse while the synapses are listed and sorted."""
NEST_SYNAPSE_BYTES = 240
"""A plastic synapse in NEST, and its share of the tables of connections. No other simulator takes more."""
NEST_HISTORY_BYTES = 60
"""NEST's history of a neuron, per step."""
NEST_HISTORY_STEPS = 1500
"""Longest history, about: until each source of a neuron has spiked again."""
READ_BYTES = 2350
"""Additional memory of NEST per synapse while its learned weights are read."""
SPIKE_BYTES = 16
"""Step and channel of an input spike."""
VALUE_BYTES = 4 * 8
"""Target, readout, error and loss, of each readout in each step."""


def memory_of_nest(network: Network, n_steps: int, n_ranks: int = 1, n_ranks_here: int = 1) -> float:
    """Return about how many bytes ``n_ranks_here`` of ``n_ranks`` processes of NEST take for a plastic network.

    Each reads the list of all synapses.
    """
    n_synapses = _synapses(network)
    history = NEST_HISTORY_BYTES * network.n_recurrent * min(n_steps, NEST_HISTORY_STEPS)
    share = (NEST_SYNAPSE_BYTES * n_synapses + history) / n_ranks
    return n_ranks_here * (OTHER_BYTES + LISTED_BYTES * n_synapses + share)


def memory_of_listing(network: Network) -> float:
    """Return the bytes that the process takes which lists all synapses for others."""
    return estimate_memory(network) + (LISTED_BYTES + SAVING_BYTES) * _synapses(network)


def _synapses(network: Network) -> float:
    return sum(projection.synapses_per_rank() for projection in projections_with_weights(network))


class _Shown(NamedTuple):
    """A network, and the size of what it is shown."""

    network: Network
    n_steps: int
    n_spikes: float

    @property
    def n_synapses(self) -> float:
        return _synapses(self.network)

    @property
    def stimulus(self) -> float:
        """Bytes of input and targets."""
        return SPIKE_BYTES * self.n_spikes + VALUE_BYTES * self.n_steps * self.network.n_readout

    def simulating(self, *, by_others: bool, is_read: bool) -> float:
        """Return the bytes of the largest process that simulates it; ``is_read``: its weights are read in the end."""
        own = PROCESS_BYTES + estimate_memory(self.network)
        pairs = self.network.n_recurrent * (self.network.n_input + self.network.n_recurrent)
        dense = DENSE_BYTES_PER_PAIR * pairs
        time_driven = 0.0 if dense > LARGEST_DENSE else PROCESS_BYTES + dense + LISTED_BYTES * self.n_synapses
        other = memory_of_nest(self.network, self.n_steps) + READ_BYTES * self.n_synapses * is_read
        return max(own, time_driven, other * by_others) + self.stimulus


def memory_of_job(baseline: BaselineParameters, task: TaskParameters | None, n_bytes_of_data: int = 0) -> int:
    """Return about how many bytes a comparison takes at its peak, with those of the process that it then waits for.

    Parameters
    ----------
    baseline
        An entry of ``baselines``.
    task
        The task whose samples are shown; None for Poisson input. Where its sizes are unknown until the data are read,
        networks are left out.
    n_bytes_of_data
        Size of the file of its training samples.
    """
    shown = _of_poisson(baseline) if isinstance(baseline, PoissonBaseline) else _of_samples(baseline, task)
    here = PROCESS_BYTES + n_bytes_of_data + sum(of.stimulus for of in shown)
    needed = [0.0]
    for of in shown:
        # A training ends with the weights; otherwise those of small networks are read, to compare them.
        is_read = isinstance(baseline, SampleBaseline) or of.n_synapses <= SYNAPSES_OF_OUTPUTS
        needed += [memory_of_listing(of.network), of.simulating(by_others=bool(baseline.simulators), is_read=is_read)]
    return int(here + max(needed))


def _of_poisson(baseline: PoissonBaseline) -> list[_Shown]:
    per_step = baseline.network.n_input * baseline.input_rate * baseline.network.dt * 1e-3
    lengths = (baseline.n_steps_warm_up + baseline.n_steps, baseline.memory_steps)
    return [_Shown(baseline.network, n, n * per_step) for n in lengths if n is not None]


def _of_samples(baseline: SampleBaseline, task: TaskParameters | None) -> list[_Shown]:
    """Input spikes of samples are among the data."""
    assert task is not None
    timed = points.parse_changed(TaskParameters, task.model_dump(mode="json"), baseline.changes)
    numbers = [(timed, baseline.samples_warm_up + baseline.samples), (task, baseline.training_samples)]
    if baseline.accuracy is not None:
        numbers.append((task, baseline.accuracy.samples))
    return [
        _Shown(of.network_for(*sizes), n_samples * of.dataset.n_steps, 0.0)
        for of, n_samples in numbers
        if (sizes := of.dataset.sizes) is not None
    ]
