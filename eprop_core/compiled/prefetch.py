"""Memory that will soon be needed is fetched while there is other work: it changes times, and no result.

Where many ranks share a network, a spike meets few synapses on each of them, far from those of the spike before. Each
of its cache lines would be waited for. Where it meets many, the processor reads ahead by itself, but starts anew with
each spike and each page of memory.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from eprop_core.compiled.compilation import kernel

_FOR_WRITING, _KEEP, _DATA = 1, 3, 1
"""Arguments of LLVM's prefetch: the line will be written, stays in all caches, and holds data."""

SPIKES_AHEAD = 8
"""Spikes from the one that is visited to that whose synapses are fetched; its source is fetched as much earlier."""
SYNAPSES_AHEAD = np.uint64(32)
"""Synapses from the one that is visited to that which is fetched."""
SYNAPSES_PER_LINE = 3
"""Of 24 bytes in a cache line of 64, rounded up."""


@intrinsic
def prefetch(typing_context, array, index):
    """Begin to fetch ``array[index]``, or the first value of that row; it need not exist."""
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
def prefetch_following(values, k):
    """Fetch the values of a synapse some way behind the ``k``-th, uint64."""
    prefetch(values, k + SYNAPSES_AHEAD)


@kernel
def prefetch_synapses(synapses, ids, n):
    """Fetch what a visit to the synapses of a source in ``ids`` behind the ``n``-th will need first."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        prefetch(synapses.indptr, ids[n + 2 * SPIKES_AHEAD])
    if n + SPIKES_AHEAD < len(ids):
        first = synapses.indptr[ids[n + SPIKES_AHEAD]]
        prefetch(synapses.target, first)
        prefetch(synapses.values, first)
        prefetch(synapses.values, first + SYNAPSES_PER_LINE)


@kernel
def prefetch_source(sources, ids, n):
    """Fetch the state of a source in ``ids`` behind the ``n``-th."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        i = ids[n + 2 * SPIKES_AHEAD]
        prefetch(sources.state, i)
        prefetch(sources.last_emission, i)
        prefetch(sources.trace, i)
        prefetch(sources.optimized, i)
        prefetch(sources.next_in_slot, i)
