"""Where a listed synapse lies in memory: its target and its values are one record.

Where a source has few synapses on a rank, a spike waits for each of their cache lines. Records lie in as few lines as
possible: side by side and without padding. So values are at multiples of 4 bytes, not of 8; numpy and the compiler know
this.
"""

import numpy as np
from numba.core import types
from numba.np.arrayobj import make_array, populate_array

from eprop_core.compiled.compilation import intrinsic

_WORD, _VALUE = 4, 8
"""Bytes of a target and of a value."""


def new_records(n: int, n_columns: int) -> np.ndarray:
    """Return ``n`` records of zeros, int32 (n, 1 + 2 ``n_columns``): a target and ``n_columns`` values in each."""
    return np.zeros((n, 1 + n_columns * _VALUE // _WORD), np.int32)


def view_targets(records: np.ndarray) -> np.ndarray:
    """Return the targets in records, int32 (n,), a view."""
    return records[:, 0]


def view_values(records: np.ndarray) -> np.ndarray:
    """Return the values in records, float64 (n, n_columns), a view."""
    return records[:, 1:].view(np.float64)


@intrinsic(without_compiler=view_targets)
def targets_in(typing_context, records):
    """:func:`view_targets` for kernels."""
    type_of_view = types.Array(types.int32, 1, "A")

    def generate(context, builder, signature, arguments):
        whole, view = _arrays(context, builder, signature, arguments[0])
        n, _ = _numbers(builder, whole.shape)
        stride, _ = _numbers(builder, whole.strides)
        populate_array(view, whole.data, [n], [stride], _WORD, None)
        return view._getvalue()

    return type_of_view(records), generate


@intrinsic(without_compiler=view_values)
def values_in(typing_context, records):
    """:func:`view_values` for kernels."""
    type_of_view = types.Array(types.float64, 2, "A", aligned=False)

    def generate(context, builder, signature, arguments):
        whole, view = _arrays(context, builder, signature, arguments[0])
        n, width = _numbers(builder, whole.shape)
        stride, _ = _numbers(builder, whole.strides)
        first = builder.gep(whole.data, [context.get_constant(types.intp, 1)])
        n_columns = builder.udiv(width, context.get_constant(types.intp, _VALUE // _WORD))
        strides = [stride, context.get_constant(types.intp, _VALUE)]
        populate_array(view, builder.bitcast(first, view.data.type), [n, n_columns], strides, _VALUE, None)
        return view._getvalue()

    return type_of_view(records), generate


def _arrays(context, builder, signature, records):
    """Return the array of all records and one that is to become a view of it."""
    (type_of_records,) = signature.args
    return make_array(type_of_records)(context, builder, records), make_array(signature.return_type)(context, builder)


def _numbers(builder, pair):
    return builder.extract_value(pair, 0), builder.extract_value(pair, 1)
