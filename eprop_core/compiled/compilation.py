"""How functions are compiled.

Kernels work on arrays that their callers hold and allocate none of their own. Without numba's reference counting
(``_nrt``), which would touch every array of every tuple at each call, a call costs nanoseconds instead of microseconds.
Kernels called by kernels become a part of them (``forceinline``): a rank's tuples hold some thousand numbers, and a
call would hand over each of them, in every step.

With ``NUMBA_DISABLE_JIT=1`` everything runs as plain Python, for debuggers and for measuring coverage.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import extending, njit
from numba.core.registry import CPUDispatcher

from eprop_core.compiled.cache import Cache

WITHOUT_COMPILER = bool(numba.config.DISABLE_JIT)
"""Whether functions stay plain Python."""

Function = Callable[..., Any]


class _Kernel(CPUDispatcher):
    """A function that is compiled at its first call with arguments of new types, by one process for all."""

    def enable_caching(self) -> None:
        """Cache the compiled code, except for a function typed at a prompt, whose changes cannot be detected."""
        if Path(inspect.getfile(self.py_func)).exists():
            self._cache = Cache(self.py_func)

    def compile(self, signature: Any) -> Any:
        try:
            return super().compile(signature)
        finally:
            if isinstance(self._cache, Cache):
                self._cache.release(signature)


class _InlinedKernel(_Kernel):
    """A kernel that becomes a part of its callers; its wrapper for Python is compiled only if Python calls it.

    A wrapper unpacks each array of the arguments. For tuples of hundreds of arrays it has more code than most kernels.
    """

    def __init__(self, function: Function, targetoptions: dict[str, Any]) -> None:
        super().__init__(function, targetoptions=targetoptions)
        self._part = CPUDispatcher(
            function, targetoptions={**targetoptions, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        )

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return the type of a call by a kernel."""
        return self._part.get_call_template(args, kws)

    def get_overload(self, signature: Any) -> Any:
        """Return the code that a kernel calls."""
        return self._part.get_overload(signature)


def reason_of(error: Exception) -> str:
    """Return in one line why numba cannot compile a function; the first line of most errors names its own step."""
    return " ".join(str(error).splitlines()[:2]).removeprefix(_STEP_THAT_FAILED)


_STEP_THAT_FAILED = "Failed in nopython mode pipeline (step: nopython frontend) "


def _decorator(**options: Any) -> Callable[[Function], Any]:
    options = {"nopython": True, "boundscheck": None, "error_model": "numpy", **options}

    def decorate(function: Function) -> Any:
        if WITHOUT_COMPILER:
            # Compiled code does not complain about integers that wrap around or numbers that are not finite.
            return np.errstate(all="ignore")(function)
        dispatcher = (_InlinedKernel if options.get("forceinline") else _Kernel)(function, targetoptions=options)
        dispatcher.enable_caching()
        return dispatcher

    return decorate


kernel = _decorator(_nrt=False, forceinline=True)
"""Decorator of functions that neither allocate nor return arrays of their own.

One that only hands parts of large tuples on to others costs nothing, since it becomes a part of its caller.
"""

arithmetic_kernel = _decorator(_nrt=False, forceinline=True, fastmath={"nnan", "nsz"})
"""Decorator of kernels in which a term may be a constant 0 because the model lacks it.

The compiler leaves out such a term altogether, which it would not do otherwise: 0 times infinity or -1 is not 0.
Numbers keep all their bits but the sign of a zero.
"""

called_kernel = _decorator(_nrt=False)
"""Decorator of kernels that stay calls: code that few networks need slows down a loop of which it becomes a part."""

allocating_kernel = _decorator(nogil=True)
"""Decorator of functions that allocate arrays; other threads of Python may run meanwhile."""

inlined = njit(inline="always")
"""Decorator of short functions that return a view, which a :data:`kernel` cannot return."""


def intrinsic(*, without_compiler: Function) -> Callable[[Function], Any]:
    """Decorator of a function that generates machine code for kernels (numba's ``intrinsic``).

    Args:
        without_compiler: plain Python function with the same arguments and result, which takes its place where nothing
            is compiled.
    """
    return lambda generator: without_compiler if WITHOUT_COMPILER else extending.intrinsic(generator)
