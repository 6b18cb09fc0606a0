"""The memory that a network needs, estimated before it is built."""

import math
from collections.abc import Mapping

from eprop_core.machine import memory
from eprop_core.model.blocks import block_length
from eprop_core.model.local_sources import LOCAL_SOURCE_BYTES
from eprop_core.model.running_sums import PSI, P
from eprop_core.model.sources import SOURCE
from eprop_core.model.stdp import block_of, longest_list
from eprop_core.network.columns import columns_of
from eprop_core.network.features import (
    follows_output,
    has_two_filters,
    is_stepwise,
    kappa_reg,
    may_lack_filter,
    projections_in_rows,
    shortest_interval,
    signal_delay,
    smallest_decay,
)
from eprop_core.network.projections import ProjectionSpec, Role, projections
from eprop_core.parameters import Network

ADVICE = "use fewer neurons, lower in-degrees, or more machines"
"""What to do about a network that does not fit."""

PAGE = 4096
"""Bytes of a page of memory."""


def estimate_memory(network: Network, n_ranks: int = 1, n_connections: Mapping[str, int] | None = None) -> int:
    """Estimate the memory of one rank from the expected number of connections.

    Parameters
    ----------
    network
        Parameters of the network.
    n_ranks
        Number of ranks that share the network.
    n_connections
        Number of connections on all ranks, by projection, where they are given explicitly.

    Returns
    -------
    int
        Bytes of synapses, sources, neurons and their buffers on one rank.
    """
    n, given = network.n_recurrent / n_ranks, n_connections or {}
    synapses = sources = 0.0
    in_rows = projections_in_rows(network, int(n)) - set(given)
    for projection in projections(network):
        n_bytes = (0 if projection.name in in_rows else 4) + 8 * columns_of(network, projection).n
        if projection.role is Role.FEEDBACK and projection.is_full and not follows_output(network):
            n_bytes += 8  # its weights once more
        n_given = given.get(projection.name)
        n_synapses = projection.synapses_per_rank(n_ranks) if n_given is None else n_given / n_ranks
        synapses += n_bytes * n_synapses
        sources += _bytes_of_sources(network, projection, n_synapses, n)
    return int(synapses + sources + n * bytes_per_neuron(network))


def bytes_per_neuron(network: Network) -> int:
    """Return the bytes of a recurrent neuron and its buffers."""
    delays = (projection.parameters.delay for projection in projections(network) if projection.onto_neurons)
    depth = 2 * max(*delays, signal_delay(network))
    # Surrogate gradients, rate errors and, where they are kept from their arrival on, learning signals.
    stdp = sum(28 + min(PAGE, 4 * n) for n in lists_of_spikes(network))
    return 64 + _sums_per_neuron(network) + (24 if follows_output(network) else 16) * depth + stdp


def lists_of_spikes(network: Network) -> list[int]:
    """Return the longest list of a neuron's spikes, for each projection with spike-timing-dependent plasticity.

    Memory is used only as far as lists grow, by pages.
    """
    return [
        longest_list(block_of(own.tau_plus, network.dt), projection.parameters.delay, shortest_interval(network))
        for projection in projections(network)
        if (own := projection.spike_timing) is not None
    ]


def _bytes_of_sources(network: Network, projection: ProjectionSpec, n_synapses: float, n: float) -> float:
    """Bytes of the sources of a projection on a rank with ``n`` recurrent neurons."""
    per_source = (
        8.0
        + (SOURCE.itemsize if projection.plastic or projection.spike_timing else 0)
        + (16 if is_stepwise(network) else 0)
    )
    if not projection.onto_neurons:
        return n * per_source
    size = projection.n_sources
    with_targets = size if projection.is_full else size * (1.0 - math.exp(-n_synapses / size))  # placed at random
    # 4 B for its id and 4 B for a spike: spikes are kept until the cutoff, and a source spikes about once in that time.
    return LOCAL_SOURCE_BYTES * projection.source.size + (per_source + 4 + 4) * with_targets


def _sums_per_neuron(network: Network) -> int:
    """Bytes of learning signals, and of running sums or, for stepwise synapses, of the steps of a block."""
    filters, kappas = 2 if has_two_filters(network) else 1, (network.plasticity.kappa, kappa_reg(network))
    steps = block_length(smallest_decay(network), *filter(None, kappas)) + 2
    if is_stepwise(network):
        kept = steps * (1 + filters)
    else:
        kept = filters * ((PSI if network.neuron.adaptation is None else P) + 1)
        if 0.0 in kappas and may_lack_filter(network):
            # Without a filter, the responses, and the premature gradient of each step of a block.
            kept += (1 if network.neuron.adaptation is None else 2) + steps
    n_sums = len({projection.parameters.delay for projection in projections(network) if projection.onto_neurons})
    return n_sums * 8 * (filters + kept)


def check_memory(
    network: Network, n_ranks_here: int, n_ranks: int, n_connections: Mapping[str, int] | None = None
) -> None:
    """Check that a network fits into the available memory of this machine.

    Parameters
    ----------
    network
        Parameters of the network.
    n_ranks_here, n_ranks
        Number of ranks on this machine, and of all ranks.
    n_connections
        Number of connections on all ranks, by projection, where they are given explicitly.

    Raises
    ------
    InsufficientMemoryError
        The network does not fit.
    """
    memory.check(estimate_memory(network, n_ranks, n_connections) * n_ranks_here, "the network", ADVICE)
