"""Copies between synapses in memory, compressed by source, and edges in a file, by target.

Each kernel goes through the synapses of one source after the other, as they lie in memory; what it accesses out of
order is a part of the edges, small enough for the cache.
"""

from eprop_core.compiled.compilation import called_kernel
from eprop_core.model.synapse_records import targets_in, values_in


@called_kernel
def count(ids, n_of_id):
    """Add the number of entries of each id to ``n_of_id``, int64."""
    for k in range(len(ids)):
        n_of_id[ids[k]] += 1


@called_kernel
def copy_to_edges(indptr, done, records, columns, first, last, place, source, of_edges):
    """Copy the synapses onto the targets ``first`` .. ``last - 1`` to edges, by target and then by source.

    The synapses of a source have ascending targets; ``done``, int32 (n_sources,), holds how many have been copied.
    ``place``, int64 (last - first,), holds the first place of each target. The indices of the sources are written to
    ``source``, int32 (n,), and the values in ``columns``, int64, to ``of_edges``, float64 (n_columns, n).
    """
    target, values = targets_in(records), values_in(records)
    for i in range(len(done)):
        k, end = indptr[i] + done[i], indptr[i + 1]
        while k < end and target[k] < last:
            edge = place[target[k] - first]
            place[target[k] - first] = edge + 1
            source[edge] = i
            for c in range(len(columns)):
                of_edges[c, edge] = values[k, columns[c]]
            k += 1
        done[i] = k - indptr[i]


@called_kernel
def copy_from_edges(indptr, done, records, columns, first, last, place, of_edges):
    """Copy the values of edges to their synapses; for the arguments see :func:`copy_to_edges`."""
    target, values = targets_in(records), values_in(records)
    for i in range(len(done)):
        k, end = indptr[i] + done[i], indptr[i + 1]
        while k < end and target[k] < last:
            edge = place[target[k] - first]
            place[target[k] - first] = edge + 1
            for c in range(len(columns)):
                values[k, columns[c]] = of_edges[c, edge]
            k += 1
        done[i] = k - indptr[i]


@called_kernel
def append_edges(source, edge_target, of_edges, columns, next_place, records):
    """Append edges to the synapses of their sources; ``next_place``, int64 (n_sources,), holds the next of each."""
    target, values = targets_in(records), values_in(records)
    for edge in range(len(source)):
        k = next_place[source[edge]]
        next_place[source[edge]] = k + 1
        target[k] = edge_target[edge]
        for c in range(len(columns)):
            values[k, columns[c]] = of_edges[c, edge]
