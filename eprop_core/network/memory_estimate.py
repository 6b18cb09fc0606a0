"""The memory that a network needs, known before it is built."""

from collections.abc import Mapping

from eprop_core.errors import InsufficientMemoryError
from eprop_core.machine.memory import available
from eprop_core.model.running_sums import PSI, P, block_length
from eprop_core.network.assembly import smallest_decay
from eprop_core.network.columns import columns_of
from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.features import follows_output, has_two_filters, is_stepwise, kappa_reg
from eprop_core.parameters import Network

NEGLIGIBLE_BYTES = 10_000_000
"""A network that needs less fits anywhere; to ask the system for its memory takes a notable part of building it."""


def estimate_memory(network: Network, n_ranks: int = 1, n_connections: Mapping[str, int] | None = None) -> int:
    """Bytes that one of ``n_ranks`` ranks will hold: synapses and buffers, from the expected number of connections.

    ``n_connections`` are those of projections whose connections are given, on all ranks.
    """
    n, given = network.n_recurrent / n_ranks, n_connections or {}
    sources = network.n_input + network.n_recurrent

    def synapses(name: str, n_sources: int, n_targets: float) -> float:
        bytes_per_synapse = 4 + 8 * columns_of(network, name).n
        if name in given:
            return given[name] / n_ranks * bytes_per_synapse
        return mean_in_degree(getattr(network, name).connectivity, n_sources) * n_targets * bytes_per_synapse

    all_synapses = (
        synapses("input", network.n_input, n)
        + synapses("recurrent", network.n_recurrent, n)
        + synapses("output", network.n_recurrent, network.n_readout / n_ranks)
        + synapses("feedback", network.n_readout, n)
    )
    depth = 2 * max(network.input.delay, network.recurrent.delay, network.output.delay + network.feedback.delay)
    # Surrogate gradients, rate errors and, where they are kept from their arrival on, learning signals.
    per_neuron = 64 + _history_per_neuron(network) + (24 if follows_output(network) else 16) * depth
    per_source = 8 + 8 + 8 + 1 + 8 + 4 * depth
    return int(all_synapses + n * per_neuron + sources * per_source)


def _history_per_neuron(network: Network) -> int:
    """Bytes of learning signals, and of running sums or, for those who walk, of the rows of a block."""
    filters = 2 if has_two_filters(network) else 1
    if is_stepwise(network):
        block = block_length(smallest_decay(network), network.plasticity.kappa, kappa_reg(network))
        kept = (block + 2) * (1 + filters)
    else:
        kept = filters * ((PSI if network.neuron.adaptation is None else P) + 1)
    n_histories = 1 if network.input.delay == network.recurrent.delay else 2
    return n_histories * 8 * (filters + kept)


def check_memory(
    network: Network, n_ranks_here: int, n_ranks: int, n_connections: Mapping[str, int] | None = None
) -> None:
    """Raise :class:`InsufficientMemoryError` if the ranks on this machine will not fit into its available memory."""
    needed = estimate_memory(network, n_ranks, n_connections) * n_ranks_here
    if needed < NEGLIGIBLE_BYTES:
        return
    left = available()
    if needed > left:
        raise InsufficientMemoryError(
            f"the network needs about {needed / 1e9:.1f} GB on this machine, of which {left / 1e9:.1f} GB are "
            f"available: use fewer neurons, lower in-degrees, or more machines"
        )
