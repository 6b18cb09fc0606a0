"""Prefetches: memory that will soon be needed is fetched during other work. They change times, but no result.

If many ranks share a network, a spike has few synapses on each rank. They are far from the synapses of the previous
spike, so that without a prefetch every cache line would be waited for. If a spike has many synapses, the hardware
prefetches them, but it starts again at each spike and at each page of memory.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from eprop_core.compiled.compilation import intrinsic, kernel

_FOR_WRITING, _KEEP, _DATA = 1, 3, 1
"""Arguments of LLVM's prefetch: the line will be written to, stays in all caches, and holds data."""

SPIKES_AHEAD = 8
"""Number of spikes by which synapses are fetched before their spike; their place is fetched twice as early."""
SYNAPSES_AHEAD = np.uint64(32)
"""Number of synapses by which a synapse is fetched before it is processed."""
TARGETS_AHEAD = 8
"""Targets of 4 bytes in half a cache line: those of few synapses lie in two lines at the most."""
SYNAPSES_PER_LINE = 3
"""Synapses of 24 bytes in a cache line of 64 bytes, rounded up."""


def _fetch_nothing(array, index):
    pass


@intrinsic(without_compiler=_fetch_nothing)
def prefetch(typing_context, array, index):
    """Begin to fetch ``array[index]``, or the first value of that row; the index may be out of bounds."""
    signature = types.void(array, index)

    def generate(context, builder, signature, arguments):
        array_type, index_type = signature.args
        structure = context.make_array(array_type)(context, builder, arguments[0])
        first = context.cast(builder, arguments[1], index_type, types.intp)
        indices = [first] + [context.get_constant(types.intp, 0)] * (array_type.ndim - 1)
        place = cgutils.get_item_pointer(context, builder, array_type, structure, indices)
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0"
        )
        how = [ir.Constant(word, value) for value in (_FOR_WRITING, _KEEP, _DATA)]
        builder.call(function, [builder.bitcast(place, byte), *how])
        return context.get_dummy_value()

    return signature, generate


@kernel
def synapses_ahead(first, last):
    """Return by how many synapses those of a source are fetched, uint64: 0 if it has few, all of which are there."""
    return SYNAPSES_AHEAD if last - first >= 2 * SYNAPSES_AHEAD else np.uint64(0)


@kernel
def _prefetch_first(synapses, first, n):
    last = first + n - 1
    prefetch(synapses.target, first)
    prefetch(synapses.target, min(first + TARGETS_AHEAD, last))
    prefetch(synapses.values, first)
    prefetch(synapses.values, min(first + SYNAPSES_PER_LINE, last))
    prefetch(synapses.values, min(first + 2 * SYNAPSES_PER_LINE, last))


@kernel
def prefetch_synapses(synapses, ids, n):
    """Fetch the first synapses of the source that comes :data:`SPIKES_AHEAD` places after ``ids[n]``."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        prefetch(synapses.indptr, ids[n + 2 * SPIKES_AHEAD])
    if n + SPIKES_AHEAD < len(ids):
        i = ids[n + SPIKES_AHEAD]
        first = synapses.indptr[i]
        _prefetch_first(synapses, first, synapses.indptr[i + 1] - first)


@kernel
def prefetch_source(records, synapses, ids, n):
    """Fetch the record and the first synapses of the sources that come after ``ids[n]``, as in the function above."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        prefetch(records, ids[n + 2 * SPIKES_AHEAD])
    if n + SPIKES_AHEAD < len(ids):
        source = records[ids[n + SPIKES_AHEAD]]
        _prefetch_first(synapses, source["first_synapse"], source["n_synapses"])
