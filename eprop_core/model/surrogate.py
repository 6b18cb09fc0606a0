"""Surrogate gradients, which replace the derivative of the spike function with respect to the membrane voltage v.

Each is a function of u = abs(v - threshold) / width, scaled by height (Bellec et al. 2020, Methods). To add one: write
it here, add it to :data:`FUNCTIONS` and :func:`_built_in`, and name it in ``parameters.SURROGATE_GRADIENTS``.

A plug-in brings a function of u alone. It becomes part of the type of its :class:`PlugIn`, so that networks that use it
are compiled on their own, with the function in the loop over neurons.
"""

import functools
import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any, ClassVar

from numba import njit, types
from numba.core.dispatcher import Dispatcher
from numba.extending import NativeValue, models, overload, register_model, typeof_impl, unbox

from eprop_core import plug_ins
from eprop_core.compiled.compilation import kernel, reason_of
from eprop_core.parameters import PLUG_IN_SURROGATE_GRADIENTS, plug_in_surrogate_gradient
from eprop_core.parsing import ParameterError


@kernel
def piecewise_linear(u, height):
    """Height * max(0, 1 - u)."""
    return height * max(0.0, 1.0 - u)


@kernel
def exponential(u, height):
    """Height * exp(-u)."""
    return height * math.exp(-u)


@kernel
def fast_sigmoid_derivative(u, height):
    """Height / (1 + u)^2."""
    return height / ((1.0 + u) * (1.0 + u))


@kernel
def arctan(u, height):
    """Height / (1 + u^2)."""
    return height / (1.0 + u * u)


FUNCTIONS = {
    "piecewise_linear": piecewise_linear,
    "exponential": exponential,
    "fast_sigmoid_derivative": fast_sigmoid_derivative,
    "arctan": arctan,
}

KINDS = {name: number for number, name in enumerate(FUNCTIONS)}
"""Numbers of the built-in surrogate gradients in compiled code."""


@kernel
def _built_in(kind, u, height):
    if kind == 0:
        return piecewise_linear(u, height)
    if kind == 1:
        return exponential(u, height)
    if kind == 2:
        return fast_sigmoid_derivative(u, height)
    return arctan(u, height)


def surrogate_gradient(kind, u, height):
    """Surrogate gradient of the given kind, a value of :data:`KINDS` or a :class:`PlugIn`."""
    if isinstance(kind, PlugIn):
        return height * function_of(kind.name)(u)
    return _built_in(kind, u, height)


class PlugIn(namedtuple("PlugIn", ())):
    """A surrogate gradient that another package brings: an empty tuple, of a class of its own.

    At a call of compiled code, numba tells named tuples apart by the names of their classes, at once. For other objects
    it would ask Python for the type of each array of a rank.
    """

    name: ClassVar[str]
    code: ClassVar[str]
    """Hash of the function's parsed code."""


@functools.cache
def kind_of(name: str) -> int | PlugIn:
    """Return what stands for a surrogate gradient in compiled code.

    Raises
    ------
    ParameterError
        See :func:`function_of`; also for a plug-in that numba cannot compile.
    """
    if name in KINDS:
        return KINDS[name]
    code = plug_ins.hash_of(PLUG_IN_SURROGATE_GRADIENTS[name])
    _compiled(name)  # reports an error at once, and in one line
    plug_in: PlugIn = type(f"PlugIn_{name}_{code}", (PlugIn,), {"name": name, "code": code})()
    return plug_in


@functools.cache
def function_of(name: str) -> Callable[[float], float]:
    """Return the surrogate gradient of height 1 as a Python function of u.

    Raises
    ------
    ParameterError
        See :func:`eprop_core.parameters.plug_in_surrogate_gradient`.
    """
    if name in FUNCTIONS:
        return lambda u: FUNCTIONS[name](u, 1.0)
    return plug_in_surrogate_gradient(name)


class _PlugInType(types.Opaque):  # type: ignore[misc]  # numba has no types
    """Type of a plug-in: as the code is part of its name, compiled code is found again only for the same code."""

    def __init__(self, function: str, code: str) -> None:
        self.function = function
        super().__init__(f"surrogate_gradient({function}, {code})")


register_model(_PlugInType)(models.OpaqueModel)


@typeof_impl.register(PlugIn)
def _type_of(plug_in: PlugIn, _context: Any) -> _PlugInType:
    return _PlugInType(plug_in.name, plug_in.code)


@unbox(_PlugInType)
def _unbox(_type: Any, _value: Any, context: Any) -> NativeValue:
    return NativeValue(context.context.get_dummy_value())


_AS_KERNELS = {"error_model": "numpy", "_nrt": False, "forceinline": True}


@functools.cache
def _compiled(name: str) -> Any:
    """Return a plug-in's function for other kernels, with whose compiled code its own is kept.

    Raises
    ------
    ParameterError
        It cannot be compiled, or does not return a number.
    """
    where, function = plug_ins.place(PLUG_IN_SURROGATE_GRADIENTS[name]), function_of(name)
    try:
        function = njit(**_AS_KERNELS)(function)
        if isinstance(function, Dispatcher):  # NUMBA_DISABLE_JIT leaves it as it is
            function.compile((types.float64,))
    except Exception as error:  # of several kinds
        raise ParameterError(f"{where}: numba cannot compile it ({reason_of(error)})") from error
    if isinstance(function, Dispatcher):
        (returned,) = {overload.signature.return_type for overload in function.overloads.values()}
        if not isinstance(returned, types.Float | types.Integer | types.Boolean):
            raise ParameterError(f"{where}: returns, compiled, a value of type {returned}; must be a number")
    return function


@overload(surrogate_gradient, jit_options=_AS_KERNELS)
def _surrogate_gradient(kind, u, height):
    if not isinstance(kind, _PlugInType):
        return lambda kind, u, height: _built_in(kind, u, height)
    function = _compiled(kind.function)
    return lambda kind, u, height: height * function(u)
