"""Prefetches: memory that will soon be needed is fetched during other work. They change times, but no result.

If many ranks share a network, a spike has few synapses on each rank. They are far from the synapses of the previous
spike, so that without a prefetch every cache line would be waited for. If a spike has many synapses, the hardware
prefetches them, but it starts again at each spike and at each page of memory.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from eprop_core.compiled.compilation import intrinsic, kernel

_FOR_READING, _INTO_L2, _DATA = 0, 2, 1
"""Arguments of LLVM's prefetch. Of lines on their way to L1 there may be few; with more, the processor waits."""

SPIKES_AHEAD = 12
"""Number of spikes by which synapses are fetched before their spike; their place is fetched twice as early."""
SYNAPSES_AHEAD = np.uint64(32)
"""Number of synapses by which a synapse is fetched before it is processed."""
CACHE_LINE = 64
"""Bytes of a cache line."""
FIRST_LINES = 5
"""Cache lines of the first synapses of a source that are fetched before its spike."""


def _fetch_nothing(array, index, offset):
    pass


@intrinsic(without_compiler=_fetch_nothing)
def _prefetch_byte(typing_context, array, index, offset):
    """Begin to fetch the cache line ``offset`` bytes after the start of ``array[index]``."""
    signature = types.void(array, index, types.intp)

    def generate(context, builder, signature, arguments):
        array_type, index_type, _ = signature.args
        structure = context.make_array(array_type)(context, builder, arguments[0])
        first = context.cast(builder, arguments[1], index_type, types.intp)
        indices = [first] + [context.get_constant(types.intp, 0)] * (array_type.ndim - 1)
        place = cgutils.get_item_pointer(context, builder, array_type, structure, indices)
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.gep(builder.bitcast(place, byte), [arguments[2]])
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0"
        )
        how = [ir.Constant(word, value) for value in (_FOR_READING, _INTO_L2, _DATA)]
        builder.call(function, [place, *how])
        return context.get_dummy_value()

    return signature, generate


@kernel
def prefetch(array, index):
    """Begin to fetch ``array[index]``, or the first value of that row; the index may be out of bounds."""
    _prefetch_byte(array, index, 0)


@kernel
def synapses_ahead(first, last):
    """Return by how many synapses those of a source are fetched, uint64: 0 if it has few, all of which are there."""
    return SYNAPSES_AHEAD if last - first >= 2 * SYNAPSES_AHEAD else np.uint64(0)


@kernel
def _prefetch_first(synapses, first, n):
    records = synapses.records
    last_byte = n * records.strides[0] - 1
    for line in range(FIRST_LINES):
        _prefetch_byte(records, first, min(line * CACHE_LINE, last_byte))


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
