"""Prefetches: memory that will soon be needed is fetched during other work. They change times, but no result.

If many ranks share a network, a spike has few synapses on each rank. They are far from the synapses of the previous
spike, so that without a prefetch every cache line would be waited for. If a spike has many synapses, the hardware
prefetches them, but it starts again at each spike and at each page of memory.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from eprop_core.compiled.compilation import intrinsic, kernel

_INTO_L1_FOR_WRITING, _INTO_L2 = (1, 3), (0, 2)
"""Arguments of LLVM's prefetch: whether the line will be written to, and how close it should stay.

Few lines at a time can be on their way to L1, and the processor waits when there are more. The next synapses of a loop
go there all the same; what belongs to the next spikes only goes to L2.
"""
_DATA = 1

SPIKES_AHEAD = 8
"""Number of spikes by which synapses are fetched before their spike; their place is fetched twice as early.

A power of two, so that a remainder needs no division.
"""
SYNAPSES_AHEAD = np.uint64(32)
"""Number of synapses by which a synapse is fetched before it is processed."""
CACHE_LINE = 64
"""Bytes of a cache line."""
FIRST_LINES = 5
"""Cache lines of the first synapses of a source that are fetched before its spike."""


def _fetch_nothing(array, index, offset):
    pass


def _prefetch(*how):
    """Return a function that begins to fetch the cache line ``offset`` bytes after the start of ``array[index]``."""

    @intrinsic(without_compiler=_fetch_nothing)
    def prefetch_byte(typing_context, array, index, offset):
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
            builder.call(function, [place, *(ir.Constant(word, value) for value in (*how, _DATA))])
            return context.get_dummy_value()

        return signature, generate

    return prefetch_byte


_prefetch_into_l1 = _prefetch(*_INTO_L1_FOR_WRITING)
_prefetch_into_l2 = _prefetch(*_INTO_L2)


@kernel
def prefetch(array, index):
    """Begin to fetch ``array[index]``, or the first value of that row; the index may be out of bounds."""
    _prefetch_into_l1(array, index, 0)


@kernel
def synapses_ahead(first, last):
    """Return by how many synapses those of a source are fetched, uint64: 0 if it has few, all of which are there."""
    return SYNAPSES_AHEAD if last - first >= 2 * SYNAPSES_AHEAD else np.uint64(0)


@kernel
def prefetch_first(synapses, first, n):
    """Fetch the first of the ``n`` synapses of a source, which begin with the number ``first``."""
    records = synapses.records
    last_byte = n * records.strides[0] - 1
    for line in range(FIRST_LINES):
        _prefetch_into_l2(records, first, min(line * CACHE_LINE, last_byte))


@kernel
def prefetch_synapses(synapses, ids, n):
    """Fetch the first synapses of the source that comes :data:`SPIKES_AHEAD` places after ``ids[n]``."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        _prefetch_into_l2(synapses.indptr, ids[n + 2 * SPIKES_AHEAD], 0)
    if n + SPIKES_AHEAD < len(ids):
        i = ids[n + SPIKES_AHEAD]
        first = synapses.indptr[i]
        prefetch_first(synapses, first, synapses.indptr[i + 1] - first)


@kernel
def prefetch_record(records, ids, n):
    """Fetch the record of the source that comes two times :data:`SPIKES_AHEAD` places after ``ids[n]``."""
    if n + 2 * SPIKES_AHEAD < len(ids):
        _prefetch_into_l2(records, ids[n + 2 * SPIKES_AHEAD], 0)


@kernel
def prefetch_source(records, synapses, ids, n):
    """Fetch the record and the first synapses of the sources that come after ``ids[n]``, as in the function above."""
    prefetch_record(records, ids, n)
    if n + SPIKES_AHEAD < len(ids):
        source = records[ids[n + SPIKES_AHEAD]]
        prefetch_first(synapses, source["first_synapse"], source["n_synapses"])
