"""Order of the synapses in a file, by target or by source, and their places in memory, by source."""

from eprop_core.compiled.compilation import called_kernel


@called_kernel
def count(ids, n_of_id):
    """Add the number of entries of each id to ``n_of_id``, int64."""
    for k in range(len(ids)):
        n_of_id[ids[k]] += 1


@called_kernel
def order_by_target(indptr, target, first, last, place, order, source):
    """Write the numbers of the synapses onto the targets ``first`` .. ``last - 1`` to ``order``, int64, by target.

    Those onto one target are in the order of their sources, whose indices go to ``source``, int64. The synapses of a
    source have ascending targets. ``place``, int64 (last - first,), holds the first place of each target.
    """
    for i in range(len(indptr) - 1):
        begin, end = indptr[i], indptr[i + 1]
        low, high = begin, end
        while low < high:  # the first synapse of this source onto one of the targets
            middle = (low + high) // 2
            if target[middle] < first:
                low = middle + 1
            else:
                high = middle
        while low < end and target[low] < last:
            j = target[low] - first
            order[place[j]] = low
            source[place[j]] = i
            place[j] += 1
            low += 1


@called_kernel
def take_places(source, next_place, place):
    """Write the place of each synapse to ``place``, int64: after all those of its source before.

    ``next_place``, int64 (n_sources,), holds the next place of each source.
    """
    for k in range(len(source)):
        i = source[k]
        place[k] = next_place[i]
        next_place[i] += 1
