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
from numba.core import sigutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher
from numba.core.types.misc import unliteral

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


class _PartLibrary(JITCodeLibrary):
    """Code that only ever becomes a part of its callers: they optimize it and make machine code of it.

    It is simplified before, without the parts that it has itself. Otherwise each part would be optimized once more in
    every kernel on the way to the one that Python calls.
    """

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        for function in ll_module.functions:
            if not function.is_declaration:
                manager, builder = self._codegen._function_pass_manager(
                    loop_vectorize=False, slp_vectorize=False, opt=1
                )
                manager.run(function, builder)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class _PartCompiler(Compiler):
    """Compiles a function as far as its callers need it."""

    def __init__(self, typing_context: Any, target_context: Any, *arguments: Any) -> None:
        super().__init__(typing_context, target_context, *arguments)
        self.state.library = _PartLibrary(target_context.codegen(), "part")
        self.state.flags.no_compile = True


class _Part(CPUDispatcher):
    """A function that only kernels call. It has no address; they find it by its library."""

    def add_overload(self, compiled: Any) -> None:
        """Keep what was compiled."""
        self.overloads[tuple(compiled.signature.args)] = compiled
        self.targetctx.insert_user_function(compiled.library, compiled.fndesc, [compiled.library])

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return the type of a call by a kernel; values that are known are left to the optimization of the caller."""
        known = {name: unliteral(value) for name, value in kws.items()}
        return super().get_call_template(tuple(map(unliteral, args)), known)

    def get_overload(self, signature: Any) -> Any:
        """Return what stands for the code that a kernel calls."""
        arguments, _ = sigutils.normalize_signature(signature)
        return self.overloads[tuple(arguments)].library


class _InlinedKernel(_Kernel):
    """A kernel that becomes a part of its callers; Python can call it too, and then it is compiled for Python.

    A wrapper for Python unpacks each array of the arguments. For tuples of hundreds of arrays it has more code than
    most kernels.
    """

    def __init__(self, function: Function, targetoptions: dict[str, Any], optimized_alone: bool) -> None:
        super().__init__(function, targetoptions=targetoptions)
        without_wrappers = {**targetoptions, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        if optimized_alone:
            self._part = CPUDispatcher(function, targetoptions=without_wrappers)
        else:
            self._part = _Part(function, targetoptions=without_wrappers, pipeline_class=_PartCompiler)

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


def _decorator(*, optimized_alone: bool = True, **options: Any) -> Callable[[Function], Any]:
    options = {"nopython": True, "boundscheck": None, "error_model": "numpy", **options}

    def decorate(function: Function) -> Any:
        if WITHOUT_COMPILER:
            # Compiled code does not complain about integers that wrap around or numbers that are not finite.
            return np.errstate(all="ignore")(function)
        if options.get("forceinline"):
            dispatcher = _InlinedKernel(function, options, optimized_alone)
        else:
            dispatcher = _Kernel(function, targetoptions=options)
        dispatcher.enable_caching()
        return dispatcher

    return decorate


kernel = _decorator(optimized_alone=False, _nrt=False, forceinline=True)
"""Decorator of functions that neither allocate nor return arrays of their own.

One that only hands parts of large tuples on to others costs nothing, since it becomes a part of its caller.
"""

loop_kernel = _decorator(_nrt=False, forceinline=True)
"""Decorator of kernels with the loops in which most time is spent.

They are optimized to the end before they become a part of their callers, which makes them a few percent faster.
"""

arithmetic_kernel = _decorator(_nrt=False, forceinline=True, fastmath={"nnan", "nsz"})
"""Decorator of such kernels in which a term may be a constant 0 because the model lacks it.

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

    Parameters
    ----------
    without_compiler
        Plain Python function with the same arguments and result, which takes its place where nothing is compiled.
    """
    return lambda generator: without_compiler if WITHOUT_COMPILER else extending.intrinsic(generator)
