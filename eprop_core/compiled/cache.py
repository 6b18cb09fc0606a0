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
import glob
import hashlib
import os
import pickle
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching

from eprop_core.parsed_code import combined_hash
from eprop_core.user_cache import user_cache

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
    """Numba's cache with the locator above, whatever ``NUMBA_CACHE_LOCATOR_CLASSES`` names."""

    _locator_classes = (_Locator,)

    def __init__(self, function: Callable[..., Any]) -> None:
        named, numba.config.CACHE_LOCATOR_CLASSES = numba.config.CACHE_LOCATOR_CLASSES, ""
        try:
            super().__init__(function)
        finally:
            numba.config.CACHE_LOCATOR_CLASSES = named


class _File(caching.IndexDataCacheFile):
    """Cache files of one kernel, with checksums. A damaged file is treated as missing and written again."""

    def _dump(self, content: Any) -> bytes:
        pickled: bytes = super()._dump(content)
        return hashlib.sha256(pickled).digest() + pickled

    def _load_index(self) -> dict[Any, str]:
        try:
            with open(self._index_path, "rb") as file:
                pickle.load(file)  # numba's version, of which the directory is
                _, names = _checked(file.read())
        except (OSError, pickle.UnpicklingError, EOFError, ValueError):
            return {}
        return dict(names)

    def _load_data(self, name: str) -> Any:
        return _checked(Path(self._data_path(name)).read_bytes())

    def remove_leftovers(self) -> None:
        """Remove what killed processes began to write; no other process may write meanwhile."""
        for file in Path(self._cache_path).glob(f"{glob.escape(Path(self._index_path).stem)}.*.tmp.*"):
            file.unlink(missing_ok=True)


def _checked(content: bytes) -> Any:
    """Return the object in the content of a file; raise an OSError if its checksum is wrong."""
    checksum, pickled = content[: hashlib.sha256().digest_size], content[hashlib.sha256().digest_size :]
    if hashlib.sha256(pickled).digest() != checksum:
        raise OSError("damaged")
    return pickle.loads(pickled)


class Cache(caching.FunctionCache):
    """Compiled code of one kernel, by the types of its arguments and by processor."""

    _impl_class = _Implementation

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _File(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())
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
        """Keep compiled code; warn if the cache cannot be written.

        Numba names a new file after those that the index lists; two processes that do so at once would share a name.
        """
        locks = _locks(self.cache_path)
        if locks.error is not None:
            _warn(self.cache_path, locks.error)
            return
        with locks.held(self._impl.filename_base) as alone:
            try:
                if alone:
                    self._cache_file.remove_leftovers()
                super().save_overload(signature, compiled)
            except OSError as error:  # for instance, the disk is full
                _warn(self.cache_path, error)

    def release(self, signature: Any) -> None:
        """Let other processes load, or compile, the code for ``signature``."""
        lock = self._held.pop(signature, None)
        if lock is not None:
            _locks(self.cache_path).give_back(lock)


def kernels_directory() -> Path:
    """Return the directory of the compiled code of this package, which may not be there yet."""
    return _directory(_PACKAGE)


@functools.cache
def _directory(package: Path) -> Path:
    """Return the directory for the present code of a package, or of a module without a package."""
    digest = hashlib.sha256()
    for version in (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__):
        digest.update(f"{version}\n".encode())
    for root in dict.fromkeys((_PACKAGE, package)):
        digest.update(_kernels_hash(root).encode())
    base = Path(os.path.expanduser(numba.config.CACHE_DIR)) if numba.config.CACHE_DIR else user_cache("eprop-core")
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
        self.error: OSError | None = None
        """Why no file can be written into the directory."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Never closed: closing a file releases all locks that a process has on it.
            self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self.error = error

    def take(self, name: str) -> bool:
        """Wait, at most :data:`LONGEST_WAIT`, until no other process has the lock; return whether it was taken."""
        deadline = time.monotonic() + LONGEST_WAIT
        while self.error is None and time.monotonic() < deadline:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(name))
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    return False
                time.sleep(0.05)
            else:
                return True
        return False

    def give_back(self, name: str) -> None:
        """Let another process take the lock, if this one has it."""
        if self.error is None:
            with suppress(OSError):  # of a file system without locks
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(name))

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Have the lock while the context lasts; yield whether it was taken."""
        taken = self.take(name)
        try:
            yield taken
        finally:
            self.give_back(name)


def _warn(directory: str, error: OSError) -> None:
    """Warn, once for a directory, that the next process will compile again."""
    if directory not in _warned:
        _warned.add(directory)
        reason = error.strerror or str(error)
        warnings.warn(
            f"{directory}: compiled code cannot be kept there ({reason}), so that every program compiles it again; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            stacklevel=2,
        )


_warned: set[str] = set()
_locks = functools.cache(lambda directory: _Locks(Path(directory)))


def _byte(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])
