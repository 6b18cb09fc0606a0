"""The cache of compiled kernels: what is compiled again, which process compiles it, and what it prints meanwhile.

The kernels are those of a small package; each process that calls them is a program of its own.
"""

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba.core import event

import eprop_core
from eprop_core.compiled import cache
from eprop_core.compiled.compilation import kernel
from eprop_core.compiled.random import philox
from eprop_core.experiments.compile import network_of, run_briefly
from eprop_core.model import loop
from eprop_core.model.neurons import FINITE
from eprop_core.parsed_code import content_hash
from eprop_core.user_cache import user_cache

INNER = '''"""Inner kernel."""

from eprop_core.compiled.compilation import kernel

FACTOR = 2


@kernel
def inner(x):
    """Multiply."""
    return FACTOR * x
'''

OUTER = '''"""Outer kernel."""

from eprop_core.compiled.compilation import kernel
from small.inner import inner


@kernel
def outer(x):
    return inner(x) + 1
'''

WHERE_CACHES_ARE = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
WITHOUT_HOME = """
import pwd


def getpwuid(user):
    raise KeyError(user)


pwd.getpwuid = getpwuid
"""

PROGRAM = """
import sys
import time
from pathlib import Path

from numba.core import event

from eprop_core.compiled import cache
from eprop_core.compiled.announcement import announced
from small.outer import outer

events = Path(sys.argv[1])
wait = len(sys.argv) > 2


class Listener(event.Listener):
    def on_start(self, compilation):
        (events / f"compiles-{compilation.data['dispatcher'].__name__}-{time.time_ns()}").touch()
        if wait:
            while not (events / "go-on").exists():
                time.sleep(0.01)

    def on_end(self, compilation):
        pass


class Clock:
    monotonic = time.monotonic

    @staticmethod
    def sleep(seconds):
        (events / "waits").touch()
        time.sleep(seconds)


cache.time = Clock
with event.install_listener("numba:compile", Listener()), announced(outer, lambda: "Compiling (a moment)"):
    print(outer(3), outer(4))
"""


class Programs:
    """Runs the program with the small package."""

    def __init__(self, directory: Path) -> None:
        self.package = directory / "small"
        self.events = directory / "events"
        self.events.mkdir()
        self.package.mkdir()
        (self.package / "__init__.py").touch()
        self.write("inner", INNER)
        self.write("outer", OUTER)
        self.cache = directory / "cache"

    def write(self, module: str, code: str) -> None:
        (self.package / f"{module}.py").write_text(code, encoding="utf-8")

    def start(self, *options: str) -> subprocess.Popen[str]:
        path = [str(self.package.parent), str(Path(eprop_core.__file__).parents[1])]
        environment = {"PYTHONPATH": os.pathsep.join(path), "NUMBA_CACHE_DIR": str(self.cache)}
        return subprocess.Popen(
            # Python's own cache (-B) looks at the date and the size of a file, which a change may leave equal.
            [sys.executable, "-B", "-c", PROGRAM, str(self.events), *options],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self) -> tuple[int, list[str]]:
        """Return outer(3), and the names of the functions that this process compiled."""
        n_before = len(self.compiled())
        return outer_of_3(self.start()), self.compiled()[n_before:]

    def compiled(self) -> list[str]:
        """Return the names of the functions that were compiled so far, in this order."""
        files = sorted(self.events.glob("compiles-*"), key=lambda file: int(file.name.rpartition("-")[2]))
        return [file.name.split("-")[1] for file in files]

    def waits(self) -> bool:
        """Return whether a process waits, or has waited, for another one."""
        return (self.events / "waits").exists()


def outer_of_3(process: subprocess.Popen[str]) -> int:
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return int(output.split()[0])


def wait_until(condition: Callable[[], bool], *processes: subprocess.Popen[str]) -> None:
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_a_second_process_compiles_nothing(programs: Programs) -> None:
    assert programs.run() == (7, ["outer", "inner"])
    assert programs.run() == (7, [])


def test_a_copy_of_the_code_compiles_nothing(programs: Programs, tmp_path: Path) -> None:
    """Neither the place nor the date of a file matters."""
    programs.run()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(programs.package, elsewhere / "small")
    for file in (elsewhere / "small").iterdir():
        os.utime(file, (1e9, 1e9))
    programs.package = elsewhere / "small"
    assert programs.run() == (7, [])


def test_changed_comments_compile_nothing(programs: Programs) -> None:
    programs.run()
    reworded = INNER.replace('"""Multiply."""', '"""Reword."""').replace("FACTOR = 2", "# A comment\n\nFACTOR = 2")
    programs.write("inner", reworded)
    assert programs.run() == (7, [])


@pytest.mark.parametrize("locator", [None, "InTreeCacheLocator", "no_locator"])
def test_changed_code_is_compiled_again(
    locator: str | None, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the change is in a kernel that it calls. The code compiled before the change stays in the cache.

    A setting of numba for other code, by which it would find the code compiled before the change, has no effect.
    """
    if locator is not None:
        monkeypatch.setenv("NUMBA_CACHE_LOCATOR_CLASSES", locator)
    programs.run()
    programs.write("inner", INNER.replace("FACTOR = 2", "FACTOR = 5"))
    assert programs.run() == (16, ["outer", "inner"])
    programs.write("inner", INNER)
    assert programs.run() == (7, [])


def test_a_change_of_the_package_changes_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A copy of the package has the same hash; a change of the code of a module with kernels changes the hash."""
    package = tmp_path / "eprop_core"
    shutil.copytree(cache._PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    original = cache._kernels_hash(cache._PACKAGE)
    monkeypatch.setattr(cache, "_PACKAGE", package)

    def changed(module: str, code: str) -> bool:
        file = package / module
        before = file.read_text(encoding="utf-8")
        file.write_text(before + code, encoding="utf-8")
        content_hash.cache_clear()
        cache._kernels_hash.cache_clear()
        result = cache._kernels_hash(package) != original
        file.write_text(before, encoding="utf-8")
        return result

    for module in ("model/loop.py", "model/surrogate.py", "compiled/random.py", "compiled/compilation.py"):
        assert changed(module, "\nNUMBER = 1\n")
        assert not changed(module, "\n# A comment\n")
    assert not changed("parameters.py", "\nNUMBER = 1\n")
    cache._kernels_hash.cache_clear()


def test_the_home_directory_may_be_given_as_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "~/mine")
    assert user_cache("eprop-core") == tmp_path / "mine/eprop-core"
    monkeypatch.setattr(cache.numba.config, "CACHE_DIR", "~/compiled")
    assert cache._directory.__wrapped__(cache._PACKAGE).parent == tmp_path / "compiled"


def test_versions_of_libraries_change_the_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "module.py").touch()
    before = cache._directory.__wrapped__(tmp_path / "module.py")
    for module in (cache.numba, cache.llvmlite, cache.np):
        with monkeypatch.context() as patch:
            patch.setattr(module, "__version__", "0")
            assert cache._directory.__wrapped__(tmp_path / "module.py") != before
    assert cache._directory.__wrapped__(tmp_path / "module.py") == before


def test_kernels_use_only_names_of_modules_with_kernels() -> None:
    """Changes in any other module of the package would leave the compiled code as it is."""
    package = Path(eprop_core.__file__).parent
    sources = {file: file.read_text(encoding="utf-8") for file in package.rglob("*.py")}
    with_kernels = {file: source for file, source in sources.items() if cache._HAS_KERNELS.search(source.encode())}
    modules = {".".join(file.relative_to(package.parent).with_suffix("").parts) for file in with_kernels}
    found = 0
    for file, source in with_kernels.items():
        tree = ast.parse(source)
        imported = {
            alias.asname or alias.name: node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("eprop_core")
            for alias in node.names
        }
        functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
        for function in functions:
            if not any(isinstance(d, ast.Name) and "kernel" in d.id for d in function.decorator_list):
                continue
            found += 1
            for node in (node for part in function.body for node in ast.walk(part)):
                if isinstance(node, ast.Name) and node.id in imported:
                    assert imported[node.id] in modules, f"{file}: {function.name} uses {node.id}"
    assert found > 50


def test_processes_that_need_the_same_kernel_compile_it_once(programs: Programs) -> None:
    """The second process starts while the first compiles; it waits and loads the result."""
    first = programs.start("wait")
    wait_until(lambda: programs.compiled() == ["outer"], first)
    second = programs.start()
    wait_until(lambda: programs.waits() or programs.compiled() != ["outer"], first, second)
    (programs.events / "go-on").touch()
    assert outer_of_3(first) == outer_of_3(second) == 7
    assert programs.compiled() == ["outer", "inner"]


def test_the_next_process_compiles_if_the_first_dies(programs: Programs) -> None:
    first = programs.start("wait")
    wait_until(lambda: programs.compiled() == ["outer"], first)
    second = programs.start()
    wait_until(programs.waits, first, second)
    first.kill()
    first.communicate()
    assert outer_of_3(second) == 7
    assert programs.compiled() == ["outer", "outer", "inner"]


def test_a_failed_compilation_keeps_no_lock() -> None:
    @kernel
    def adds_what_cannot_be_added(x):  # type: ignore[no-untyped-def]
        return x + "text"

    with pytest.raises(cache.numba.TypingError):
        adds_what_cannot_be_added(1)
    assert adds_what_cannot_be_added._cache._held == {}


def test_kernels_run_without_a_writable_cache(programs: Programs) -> None:
    programs.cache = Path("/dev/null/cache")
    assert programs.run() == (7, ["outer", "inner"])
    assert programs.run() == (7, ["outer", "inner"])
    _, said = programs.start().communicate()
    assert said.count("/dev/null/cache/kernels-") == said.count("set NUMBA_CACHE_DIR to a folder that can be writ") == 1


def with_changed_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[:100],
    "empty": lambda content: b"",
    "a bit": with_changed_bit,
    "something else": lambda content: b"something else" * 10,
}


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_of_the_cache_are_replaced(programs: Programs, kind: str, damage: str) -> None:
    programs.run()
    (file,) = (file for file in programs.cache.rglob(f"*.{kind}") if "outer" in file.name)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert programs.run() == (7, ["outer", "inner"])
    assert programs.run() == (7, [])


def test_what_a_killed_process_began_to_write_is_removed(programs: Programs) -> None:
    programs.run()
    (file,) = (file for file in programs.cache.rglob("*.nbi") if "outer" in file.name)
    left = file.with_name(f"{file.name}.tmp.0123456789abcdef")
    left.touch()
    file.unlink()
    assert programs.run() == (7, ["outer", "inner"])
    assert not left.exists()


def test_a_user_without_a_home_compiles_and_is_told_the_setting(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_HOME, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(eprop_core.__file__).parents[1])])
    environment = {name: value for name, value in os.environ.items() if name not in WHERE_CACHES_ARE}
    done = subprocess.run(
        [sys.executable, "-c", "from eprop_core.compiled.random import philox; print(philox(1, 2, 3, 4)[0])"],
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == philox(1, 2, 3, 4)[0]
    assert "set NUMBA_CACHE_DIR" in done.stderr


def test_the_process_that_compiles_prints_one_line(programs: Programs) -> None:
    """A process that loads the code prints nothing."""
    assert programs.start().communicate() == ("7 9\n", "Compiling (a moment)\n")
    assert programs.start().communicate() == ("7 9\n", "")


def test_the_simulator_names_the_kind_that_it_compiles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compile_only(rank: Any, run: Any, first_step: int, last_step: int, *others: Any) -> tuple[int, int]:
        with event.trigger_event("numba:compile", data={"dispatcher": compile_only}):
            return last_step, FINITE

    monkeypatch.setattr(loop, "run_steps", compile_only)
    run_briefly(network_of("adaptive"))
    line = "Compiling the simulator for networks of the kind adaptive (about a minute, once per machine)"
    assert set(capsys.readouterr().err.splitlines()) == {line}


def test_only_a_change_of_the_code_changes_its_hash(tmp_path: Path) -> None:
    def hash_of(code: str, name: str = "module.py") -> str:
        (tmp_path / name).write_text(code, encoding="utf-8")
        content_hash.cache_clear()
        return content_hash(tmp_path / name)

    code = 'def f(x):\n    """Add."""\n    return x + 1\n'
    same = '# A comment\ndef f(x):\n    """Reworded."""\n\n    return (x\n        + 1)\n'
    assert hash_of(code) == hash_of(same) == hash_of(same, "other.py")
    assert hash_of(code, "data.txt") != hash_of(same, "data.txt")
    for other in ("x + 2", "x + 1.0", "x + True", "x - 1", "y + 1", "x + '1'"):
        assert hash_of(code) != hash_of(code.replace("x + 1", other))
    assert hash_of("Field(1, description='a')") == hash_of("Field(1, description='b')")
    assert hash_of("Field(1, ge='a')") != hash_of("Field(1, ge='b')")
    assert hash_of("{None: 1, **a}") != hash_of("{**a, None: 1}")
