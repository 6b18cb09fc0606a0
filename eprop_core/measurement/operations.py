"""Synaptic operations at inference, as NeuroBench counts them (Yik et al. 2025, doi:10.1038/s41467-025-56739-4).

A spike adds the weight of each of its synapses to a voltage; this is an *effective accumulate* if the weight is not
zero. *Dense* operations are those of hardware without sparsity: one per step and pair of neurons, connected or not.
"""

import numpy as np
import numpy.typing as npt

from eprop_core.network.projections import Role, spiking_projections
from eprop_core.parameters import Network
from eprop_core.ranks.communicator import Communicator
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


class OperationCounter:
    """Counts the effective accumulates of a network with constant weights; collective.

    Parameters
    ----------
    simulation
        The network.
    communicator
        Communicator of the simulation.
    """

    def __init__(self, simulation: Simulation, communicator: Communicator) -> None:
        network = simulation.network
        self._communicator = communicator
        self._of_channel = np.zeros(network.n_input, np.int64)
        self._of_neuron = np.zeros(network.n_recurrent, np.int64)
        for spec in spiking_projections(network):
            of_sources = self._of_channel if spec.role is Role.INPUT else self._of_neuron
            of_rank = _fan_out(simulation, spec.name, spec.source.size)
            of_sources += np.sum(communicator.allgather(of_rank), axis=0)

    def count(self, stimulus: Stimulus, recording: Recording) -> int:
        """Return the number of effective accumulates of one run; collective."""
        of_rank = np.bincount(recording.spike_neurons, minlength=len(self._of_neuron))
        spikes = np.sum(self._communicator.allgather(of_rank), axis=0)
        events = np.bincount(stimulus.input_channels, minlength=len(self._of_channel))
        return int(events @ self._of_channel + spikes @ self._of_neuron)


def dense_operations(network: Network, n_steps: int) -> int:
    """Return the number of dense operations in ``n_steps`` steps."""
    return n_steps * network.n_recurrent * (network.n_input + network.n_recurrent + network.n_readout)


def _fan_out(simulation: Simulation, projection: str, n_sources: int) -> npt.NDArray[np.int64]:
    """Return the number of this rank's synapses with a weight other than zero, by source, int64 (n_sources,)."""
    source, _, weight = simulation.own_connections(projection)
    return np.bincount(source[weight != 0], minlength=n_sources)
