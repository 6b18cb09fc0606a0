"""Errors of the readouts that a function from outside computes, which compiled code calls by its address."""

import ctypes
import functools
from typing import Any

from numba import carray, cfunc, njit, types
from numba.core.errors import NumbaError

from eprop_core.compiled.compilation import WITHOUT_COMPILER, kernel, reason_of
from eprop_core.stimulus import StimulusError
from eprop_core.teacher import CompiledErrorTeacher

_NUMBERS = ctypes.POINTER(ctypes.c_double)
_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, _NUMBERS, _NUMBERS, _NUMBERS)
_SIGNATURE = types.void(types.int64, types.int64, *3 * (types.CPointer(types.float64),))


@functools.cache
def own_function(teacher: CompiledErrorTeacher) -> Any:
    """Return the function of a teacher as :func:`own_error` calls it.

    Raises
    ------
    StimulusError
        Numba cannot compile it.
    """
    if WITHOUT_COMPILER:
        return teacher.function
    compiled = njit(getattr(teacher.function, "py_func", teacher.function))
    try:
        compiled.compile((types.int64, *3 * (types.Array(types.float64, 1, "C"),)))
    except NumbaError as error:
        raise StimulusError(f"teacher: numba cannot compile its function ({reason_of(error)})") from error

    @cfunc(_SIGNATURE)
    def called(step: Any, n: Any, readout: Any, target: Any, error: Any) -> None:
        compiled(step, carray(readout, (n,)), carray(target, (n,)), carray(error, (n,)))

    address = _TYPE(called.address)
    address.code = called  # type: ignore[attr-defined]  # must stay as long as its address is in use
    return address


def _nothing(*_arguments: Any) -> None:
    """Do nothing, in the place of a function that is not called."""


NO_FUNCTION = _nothing if WITHOUT_COMPILER else _TYPE(_nothing)


if WITHOUT_COMPILER:

    def own_error(function, step, readout, target, error):
        """Let a function write the errors of a step to ``error``, float64 (n,)."""
        function(step, readout, target, error)

else:

    @kernel
    def own_error(function, step, readout, target, error):
        """Let a function write the errors of a step to ``error``, float64 (n,)."""
        function(step, len(error), readout.ctypes, target.ctypes, error.ctypes)
