"""The sizes of the files of a network, estimated before it is built."""

from eprop_core.model.sources import SOURCE
from eprop_core.network.columns import columns_of
from eprop_core.network.connections import Range
from eprop_core.network.memory_estimate import PAGE, bytes_per_neuron, lists_of_spikes
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import projections, projections_with_weights
from eprop_core.parameters import Network
from eprop_core.storage.checkpoint import state_columns
from eprop_core.storage.edges import bytes_of_edges, weight_name
from eprop_core.storage.hdf5 import bytes_of_dataset
from eprop_core.storage.synapses import Ends

_HEADER_BYTES = 24_000
"""Parameters, provenance and the structure of the file."""
_ID_BYTES = 4
"""Of a source, and of a spike: a source spikes about once in the time that spikes are kept."""


def estimate_network_file(network: Network) -> int:
    """Return about how many bytes the file of a network takes, from the expected number of connections."""
    return _HEADER_BYTES + _bytes_of_values(network) + _bytes_of_edges(network, with_state=False)


def estimate_checkpoint(network: Network) -> int:
    """Return about how many bytes a checkpoint of a network takes, from the expected number of connections."""
    plastic = [own for own in projections(network) if own.plastic or own.spike_timing is not None]
    n_sources = sum(projection.source.size for projection in plastic)
    return (
        2 * _HEADER_BYTES
        + _bytes_of_values(network)
        + _bytes_of_edges(network, with_state=True)
        + bytes_per_neuron(network) * network.n_recurrent
        + sum(max(0, 4 * n - PAGE) for n in lists_of_spikes(network)) * network.n_recurrent
        + (SOURCE.itemsize + 2 * _ID_BYTES) * n_sources
    )


def _bytes_of_values(network: Network) -> int:
    return len(PER_NEURON) * bytes_of_dataset((network.n_recurrent,), float)


def _bytes_of_edges(network: Network, *, with_state: bool) -> int:
    recurrent, n_bytes = Range.whole(network.n_recurrent), 0
    for projection in projections_with_weights(network):
        name, columns = projection.name, columns_of(network, projection)
        datasets = [weight_name(name), *(state_columns(name, columns) if with_state else ())]
        n = round(projection.synapses_per_rank())
        n_bytes += bytes_of_edges(projection, Ends.of(projection, recurrent), n, datasets)
    return n_bytes
