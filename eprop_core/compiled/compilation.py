"""How the kernels are compiled, and where the compiled code is kept.

Kernels work on arrays that their callers hold and allocate none of their own. Without numba's reference counting
(``_nrt``), which would touch every array of every tuple at each call, a call costs nanoseconds instead of microseconds.
Kernels called by kernels become a part of them (``forceinline``): a rank's tuples hold some thousand numbers, and a
call would hand over each of them, in every step.

Compiled code is kept from one process to the next. Numba would look only at the file that holds a kernel to see whether
it is still valid, not at the kernels it calls; so each state of the modules that import this one has a cache of its
own, below ``NUMBA_CACHE_DIR`` if that is set, else below the user's cache directory. Kernels use constants of such
modules alone.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import njit


def _cache_directory() -> str:
    digest, package = hashlib.sha256(), Path(__file__).parents[1]
    for source in sorted(package.rglob("*.py")):
        content = source.read_bytes()
        if b"eprop_core.compiled.compilation import" in content or source == Path(__file__):
            digest.update(f"{source.relative_to(package)}\n".encode())
            digest.update(content)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(numba.config.CACHE_DIR or Path(home) / "eprop-core")
    return str(base / f"kernels-{digest.hexdigest()[:16]}")


_CACHE_DIRECTORY = _cache_directory()


def _save_alone(dispatcher: Any) -> Any:
    """Let one process at a time add to the cache of a kernel.

    Numba names a new file after what the index holds; two processes that do so at once would share a name.
    """
    cache_file = dispatcher._cache._cache_file
    save = cache_file.save

    def save_locked(key: Any, data: Any) -> None:
        Path(_CACHE_DIRECTORY).mkdir(parents=True, exist_ok=True)
        with open(Path(_CACHE_DIRECTORY) / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            save(key, data)

    cache_file.save = save_locked
    return dispatcher


def _cached(options: dict[str, Any]) -> Callable[[Callable[..., Any]], Any]:
    def compile_with_options(function: Callable[..., Any]) -> Any:
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _CACHE_DIRECTORY
        try:
            return _save_alone(njit(cache=True, error_model="numpy", **options)(function))
        finally:
            numba.config.CACHE_DIR = before

    return compile_with_options


kernel = _cached({"_nrt": False, "forceinline": True})
"""Decorator of functions that neither allocate nor return arrays of their own.

One that only hands parts of large tuples on to others costs nothing, since it becomes a part of its caller.
"""

arithmetic_kernel = _cached({"_nrt": False, "forceinline": True, "fastmath": {"nnan", "nsz"}})
"""Decorator of kernels in which a term may be a constant 0 because the model lacks it.

The compiler leaves out such a term altogether, which it else would not: 0 times infinity or -1 is not 0. Numbers keep
all their bits but the sign of a zero.
"""

allocating_kernel = _cached({})
"""Decorator of functions that allocate arrays."""

inlined = njit(inline="always")
"""Decorator of short functions that return a view, which a :data:`kernel` cannot return."""
