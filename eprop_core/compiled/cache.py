"""The cache of compiled code: where a process finds it, and which process adds what is not there yet.

Numba's own cache depends on the date and the place of the file that holds a kernel, and ignores changes of the kernels
that it calls. Here, each state of the parsed code has a directory of its own, below ``NUMBA_CACHE_DIR`` if that is set,
else below the user's cache directory. The code that counts is that of all modules with kernels, which import
``eprop_core.compiled.compilation``, of this package and of the package of the kernel. Kernels use constants of such
modules only.

If several processes need the same kernel at the same time, the first of them compiles it; the others wait, and load the
result. Since compiling never waits for another rank, ranks cannot block each other.
"""

import errno
import fcntl
import functools
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching

from eprop_core.parsed_code import combined_hash

LONGEST_WAIT = 3600.0
"""Time (s) after which a process compiles by itself what another one, perhaps suspended, has not finished."""

_PACKAGE = Path(__file__).parents[1]
_HAS_KERNELS = re.compile(rb"^from eprop_core\.compiled\.compilation import", re.MULTILINE)


class _Locator(caching._CacheLocator):
    """Location of compiled code: the directory stands for the state of the source, the file name for the kernel."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file
        self._module = function.__module__

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "_Locator":
        return cls(function, file)

    def get_cache_path(self) -> str:
        package = sys.modules.get(self._module.partition(".")[0])
        return str(_directory(Path(getattr(package, "__path__", [self._py_file])[0])))

    def get_source_stamp(self) -> None:
        return None

    def get_disambiguator(self) -> str:
        return self._module


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class Cache(caching.FunctionCache):
    """Compiled code of one kernel, by the types of its arguments and by processor."""

    _impl_class = _Implementation

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._held: dict[Any, str] = {}

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled code for ``signature``, or None if this process is to compile it.

        In that case no other process compiles it until :meth:`release`.
        """
        compiled = self._load(signature, target_context)
        if compiled is None:
            lock = repr((self._impl.filename_base, signature, target_context.codegen().magic_tuple()))
            _locks(self.cache_path).take(lock)
            self._held[signature] = lock
            compiled = self._load(signature, target_context)
        return compiled

    def _load(self, signature: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(signature, target_context)
        except OSError:  # of a directory that cannot be read
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep compiled code, if the cache can be written.

        Numba names a new file after those that the index lists; two processes that do so at once would share a name.
        """
        locks = _locks(self.cache_path)
        if locks.can_write:
            with locks.held(self._impl.filename_base):
                super().save_overload(signature, compiled)

    def release(self, signature: Any) -> None:
        """Let other processes load, or compile, the code for ``signature``."""
        lock = self._held.pop(signature, None)
        if lock is not None:
            _locks(self.cache_path).give_back(lock)


@functools.cache
def _directory(package: Path) -> Path:
    """Return the directory for the present code of a package, or of a module without a package."""
    digest = hashlib.sha256()
    for version in (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__):
        digest.update(f"{version}\n".encode())
    for root in dict.fromkeys((_PACKAGE, package)):
        digest.update(_kernels_hash(root).encode())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(numba.config.CACHE_DIR or Path(home) / "eprop-core")
    return base.absolute() / f"kernels-{digest.hexdigest()[:16]}"


@functools.cache
def _kernels_hash(root: Path) -> str:
    """Return a hash of the modules with kernels of a package, by name and parsed code."""
    files = root.rglob("*.py") if root.is_dir() else [root]
    compilation = _PACKAGE / "compiled" / "compilation.py"
    with_kernels = [file for file in files if file == compilation or _HAS_KERNELS.search(file.read_bytes())]
    return combined_hash({file.relative_to(root.parent).as_posix(): file for file in with_kernels})


class _Locks:
    """Locks between processes; the system releases those of a process that ends.

    Each lock is a byte of one file, which need not be that long. On a file system without locks, nobody waits.
    """

    def __init__(self, directory: Path) -> None:
        self.can_write = True
        """Whether files can be written into the directory."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Never closed: closing a file releases all locks that a process has on it.
            self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            self.can_write = False

    def take(self, name: str) -> None:
        """Wait, at most :data:`LONGEST_WAIT`, until no other process has the lock, and take it."""
        deadline = time.monotonic() + LONGEST_WAIT
        while self.can_write and time.monotonic() < deadline:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(name))
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    return
                time.sleep(0.05)
            else:
                return

    def give_back(self, name: str) -> None:
        """Let another process take the lock, if this one has it."""
        if self.can_write:
            with suppress(OSError):  # of a file system without locks
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(name))

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Have the lock while the context lasts."""
        self.take(name)
        try:
            yield
        finally:
            self.give_back(name)


_locks = functools.cache(lambda directory: _Locks(Path(directory)))


def _byte(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])
