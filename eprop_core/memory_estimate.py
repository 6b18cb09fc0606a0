"""The memory that a network needs, known before it is built."""

from eprop_core.connectivity import mean_in_degree
from eprop_core.layout import layout
from eprop_core.memory import available
from eprop_core.parameters import Network

NEGLIGIBLE_BYTES = 10_000_000
"""A network that needs less fits anywhere; to ask the system for its memory takes a notable part of building it."""


class InsufficientMemoryError(MemoryError):
    """A network that does not fit into the memory there is."""


def estimate_memory(network: Network, n_ranks: int = 1) -> int:
    """Bytes that one of ``n_ranks`` ranks will hold: synapses and buffers, from the expected number of connections."""
    n = network.n_recurrent / n_ranks
    sources = network.n_input + network.n_recurrent

    def synapses(name: str, n_sources: int, n_targets: float) -> float:
        bytes_per_synapse = 4 + 8 * layout(network, name).n
        return mean_in_degree(getattr(network, name).connectivity, n_sources) * n_targets * bytes_per_synapse

    all_synapses = (
        synapses("input", network.n_input, n)
        + synapses("recurrent", network.n_recurrent, n)
        + synapses("output", network.n_recurrent, network.n_readout / n_ranks)
        + synapses("feedback", network.n_readout, n)
    )
    depth = 2 * max(network.input.delay, network.recurrent.delay, network.output.delay + network.feedback.delay)
    per_neuron = 64 + 40 + 16 * depth
    per_source = 8 + 8 + 8 + 1 + 8 + 4 * depth
    return int(all_synapses + n * per_neuron + sources * per_source)


def check_memory(network: Network, n_ranks_here: int, n_ranks: int) -> None:
    """Raise :class:`InsufficientMemoryError` if the ranks on this machine will not fit into its available memory."""
    needed = estimate_memory(network, n_ranks) * n_ranks_here
    if needed < NEGLIGIBLE_BYTES:
        return
    left = available()
    if needed > left:
        raise InsufficientMemoryError(
            f"the network needs about {needed / 1e9:.1f} GB on this machine, of which {left / 1e9:.1f} GB are "
            f"available: use fewer neurons, lower in-degrees, or more machines"
        )
