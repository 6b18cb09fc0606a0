"""Machines and settings that differ from the usual: the same numbers, or one line that names the setting that helps.

Consecutive cases take the environments of :data:`ENVIRONMENTS` in turn. A case runs a program in its environment and
compares what it makes with the same in the usual environment, to the bit unless the environment turns off the compiler.
"""

import functools
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.machine_programs import COMPILE, DRAW, HOME, LARGE, PLAN, PREPARE, RANKS, TRAIN, Program
from tests.faults.outcome import Outcome

NAME = "environments"
DEADLINE = 300.0  # s; a program that compiles takes up to a minute

PROJECT = Path(__file__).parents[2]

UNKNOWN_USER = """
import pwd

def getpwuid(user):
    raise KeyError(f"getpwuid(): uid not found: {user}")

pwd.getpwuid = getpwuid
"""
NO_LOCKS = """
import errno, fcntl

def no_locks(*_):
    raise OSError(errno.ENOTSUP, "Operation not supported")

fcntl.flock = fcntl.lockf = no_locks
"""


def group(version: int, controller: str) -> str:
    """Return code that describes a control group of 100 MB, 90 of them in use, or of one processor."""
    files = {
        (1, "memory"): {"memory.limit_in_bytes": "100000000", "memory.usage_in_bytes": "90000000", "memory.stat": ""},
        (2, "memory"): {"memory.max": "100000000", "memory.current": "90000000", "memory.stat": ""},
        (1, "cpu"): {"cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000"},
        (2, "cpu"): {"cpu.max": "100000 100000"},
    }
    lines = f"1:{controller}:/job" if version == 1 else "0::/job"
    return f"""
import os
from pathlib import Path
from eprop_core.machine import control_groups

root = Path(os.environ["FOLDER"]) / "groups"
folder = root / {controller if version == 1 else ""!r} / "job"
folder.mkdir(parents=True, exist_ok=True)
for name, text in {files[version, controller]!r}.items():
    (folder / name).write_text(text + "\\n")
(root / "membership").write_text({lines!r} + "\\n")
control_groups._GROUPS, control_groups._MEMBERSHIP = root, root / "membership"
"""


CACHES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")


@dataclass(frozen=True)
class Environment:
    """An environment, and what a program does in it."""

    name: str
    program: Program
    variables: dict[str, str] = field(default_factory=dict)
    """Values of environment variables; ``{folder}`` stands for the folder of the case."""
    without: tuple[str, ...] = ()
    """Variables that are not set."""
    begin: str = ""
    """Commands of bash before the program, in a user namespace of their own if they mount anything."""
    python: str = ""
    """Code that every Python runs first, in the place of an operating system that behaves like that."""
    words: tuple[str, ...] | None = None
    """Words of the line with which the program may end instead of its result; None: it must work."""
    warned: str = ""
    """Words that the program must print although it works."""
    damage: str = ""
    """Pattern of files in the cache of compiled code that are damaged before."""
    exact: bool = True
    """Whether numbers are equal to the bit; else up to rounding."""


def tmpfs(folder: str, size: str) -> str:
    return f'mkdir -p "{folder}" && mount -t tmpfs -o size={size} none "{folder}" && '


def full_disk(size: str) -> str:
    """Return commands that put the folder of the program on a small disk of its own."""
    return f'cp -r . "$FOLDER/copy" && {tmpfs("$PWD", size)} cd "$PWD" && cp "$FOLDER"/copy/*.json . && '


READ_ONLY = 'mount --bind "$FOLDER/cache" "$FOLDER/cache" && mount -o remount,ro,bind "$FOLDER/cache" && '
NOWHERE = "/dev/null/nothing"
OWN_CACHE = {"NUMBA_CACHE_DIR": "{folder}/cache"}
KEPT = "set NUMBA_CACHE_DIR"
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
LATIN = {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}

ENVIRONMENTS = (
    # No home, or one that cannot be used.
    Environment("no home, training", TRAIN, without=CACHES, python=UNKNOWN_USER),
    Environment("no home, compiling", COMPILE, without=(*CACHES, "NUMBA_CACHE_DIR"), python=UNKNOWN_USER, warned=KEPT),
    Environment("no home, figure", DRAW, without=CACHES, python=UNKNOWN_USER),
    Environment("no home, make", HOME, without=CACHES),
    Environment("user without an entry, Snakemake", PLAN, {"HOME": "{folder}", "LOGNAME": "a"}, python=UNKNOWN_USER),
    Environment("home that is missing, figure", DRAW, {"HOME": NOWHERE}, CACHES[1:]),
    Environment("home that is missing, make", HOME, {"HOME": NOWHERE}, CACHES[1:]),
    Environment("home that is missing, training", TRAIN, {"HOME": NOWHERE}, CACHES[1:]),
    Environment("home that is missing, data", PREPARE, {"HOME": NOWHERE}, CACHES[1:]),
    # Caches of compiled code.
    Environment("cache that cannot be made", COMPILE, {"NUMBA_CACHE_DIR": NOWHERE}, warned=KEPT),
    Environment("full cache", COMPILE, OWN_CACHE, begin=tmpfs("$FOLDER/cache", "16k"), warned=KEPT),
    Environment(
        "read-only empty cache", COMPILE, OWN_CACHE, begin='mkdir "$FOLDER/cache" && ' + READ_ONLY, warned=KEPT
    ),
    Environment("read-only filled cache", COMPILE, OWN_CACHE, begin=READ_ONLY, damage="nothing"),
    Environment("damaged index of the cache", COMPILE, OWN_CACHE, damage="*.nbi"),
    Environment("damaged code in the cache", COMPILE, OWN_CACHE, damage="*.nbc"),
    Environment("damaged cache of one kernel", COMPILE, OWN_CACHE, damage="*philox*"),
    Environment("damaged locks of the cache", COMPILE, OWN_CACHE, damage="lock"),
    # Caches of figures.
    Environment("cache of fonts that cannot be made", DRAW, {"MPLCONFIGDIR": NOWHERE, "XDG_CACHE_HOME": NOWHERE}),
    Environment("full cache of fonts", DRAW, {"MPLCONFIGDIR": "{folder}/fonts"}, begin=tmpfs("$FOLDER/fonts", "4k")),
    Environment(
        "damaged cache of fonts",
        DRAW,
        {"MPLCONFIGDIR": "{folder}/fonts"},
        begin='mkdir "$FOLDER/fonts" && python -c "import matplotlib.font_manager" 2> /dev/null; '
        'for f in "$FOLDER"/fonts/*; do [ -f "$f" ] && truncate -s 100 "$f"; done; ',
    ),
    Environment(
        "lock of a killed process on the cache of fonts",
        DRAW,
        {"MPLCONFIGDIR": "{folder}/fonts"},
        begin='mkdir "$FOLDER/fonts" && python -c "import matplotlib.font_manager" 2> /dev/null; '
        'for f in "$FOLDER"/fonts/*.json; do mv "$f" "$f.matplotlib-lock"; done; ',
    ),
    Environment("no configuration of fonts", DRAW, {"FONTCONFIG_FILE": NOWHERE, "FONTCONFIG_PATH": NOWHERE}),
    Environment("backend of a notebook", DRAW, {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}),
    Environment("date that is none", DRAW, {"SOURCE_DATE_EPOCH": "x"}),
    Environment("backend that does not exist", DRAW, {"MPLBACKEND": "nonsense"}),
    Environment("settings of matplotlib", DRAW, begin='printf "savefig.dpi: 30\\naxes.grid: True\\n" > matplotlibrc; '),
    # File systems.
    Environment("no locks, training", TRAIN, python=NO_LOCKS),
    Environment("no locks, compiling", COMPILE, OWN_CACHE, python=NO_LOCKS),
    Environment("no locks, data", PREPARE, python=NO_LOCKS),
    Environment("no locks, Snakemake", PLAN, python=NO_LOCKS),
    Environment("full disk, training", TRAIN, begin=full_disk("12k"), words=("output/result", "No space left")),
    Environment("full disk, data", PREPARE, begin=full_disk("12k"), words=("No space left",)),
    Environment("no place for temporary files, data", PREPARE, {"TMPDIR": NOWHERE}),
    Environment("full place for temporary files", PREPARE, {"TMPDIR": "{folder}/t"}, begin=tmpfs("$FOLDER/t", "4k")),
    Environment("output that cannot be made", TRAIN, begin="ln -s /dev/null output; ", words=("output",)),
    Environment("small files only", TRAIN, begin="ulimit -f 1; ", words=("output/result", "File too large")),
    Environment(
        "folder with a strange name",
        TRAIN,
        begin='d=$\'\\xc3\\xa4 {b} $c\\n%s\'; mkdir "$d"; cp *.json "$d"; cd "$d"; ',
    ),
    # Languages.
    Environment("ASCII, training", TRAIN, ASCII),
    Environment("ASCII, data", PREPARE, ASCII),
    Environment("ASCII, figure", DRAW, ASCII),
    Environment("ASCII, Snakemake", PLAN, ASCII),
    Environment("Latin-1, training", TRAIN, LATIN),
    Environment("Latin-1, Snakemake", PLAN, LATIN),
    Environment("decimal comma, figure", DRAW, {"LC_ALL": "de_DE.UTF-8"}),
    # MPI.
    Environment("two ranks", RANKS),
    Environment("small shared memory", RANKS, begin=tmpfs("/dev/shm", "6m"), words=("/dev/shm", "UCX_POSIX_DIR")),
    Environment(
        "full shared memory",
        RANKS,
        begin=tmpfs("/dev/shm", "40m") + "head -c 35000000 /dev/zero > /dev/shm/of_another_program && ",
        words=("/dev/shm", "MB free", "UCX_POSIX_DIR"),
    ),
    Environment("just enough shared memory", RANKS, begin=tmpfs("/dev/shm", "11200k")),
    Environment(
        "small shared memory, UCX elsewhere", RANKS, {"UCX_POSIX_DIR": "{folder}"}, begin=tmpfs("/dev/shm", "6m")
    ),
    # Limits.
    Environment("much virtual memory", TRAIN, begin="ulimit -v 4000000; "),
    Environment("little virtual memory", TRAIN, begin="ulimit -v 500000; ", words=("ulimit -v",)),
    Environment("hardly any virtual memory", TRAIN, begin="ulimit -v 250000; ", words=("ulimit -v",)),
    Environment("few open files", TRAIN, begin="ulimit -n 64; "),
    Environment("small stack", TRAIN, begin="ulimit -s 1024; "),
    Environment("one processor", TRAIN, begin="taskset -p -c 0 $$ > /dev/null; "),
    Environment("memory of a container, version 1", LARGE, python=group(1, "memory"), words=("GB are available",)),
    Environment("memory of a container, version 2", LARGE, python=group(2, "memory"), words=("GB are available",)),
    Environment("processors of a container, version 1", RANKS, python=group(1, "cpu"), words=("CPU quota",)),
    Environment("processors of a container, version 2", RANKS, python=group(2, "cpu"), words=("CPU quota",)),
    Environment(
        "little virtual memory, large network", LARGE, begin="ulimit -v 2000000; ", words=("GB are available",)
    ),
    # The compiler, Python and its libraries.
    Environment("no compiler", TRAIN, {"NUMBA_DISABLE_JIT": "1"}, exact=False),
    Environment("threads of libraries", TRAIN, {"OMP_NUM_THREADS": "64", "NUMBA_NUM_THREADS": "64"}),
    Environment("number of threads that is none", TRAIN, {"OMP_NUM_THREADS": "many", "OPENBLAS_NUM_THREADS": "-3"}),
    *(
        Environment(f"NUMBA_NUM_THREADS is {value}", TRAIN, {"NUMBA_NUM_THREADS": value})
        for value in ("0", "many", "-1", "9" * 5000)
    ),
    *(Environment(f"NUMBA_DISABLE_JIT is '{value}'", TRAIN, {"NUMBA_DISABLE_JIT": value}) for value in ("", "x")),
    *(
        Environment(f"locators of numba's cache: {value}", TRAIN, {"NUMBA_CACHE_LOCATOR_CLASSES": value})
        for value in ("InTreeCacheLocator", "none")
    ),
    *(Environment(f"PMI_FD is '{value}'", TRAIN, {"PMI_FD": value}) for value in ("", "x", "9" * 20)),
    Environment("number of a batch job that is not UTF-8", TRAIN, {"SLURM_JOB_ID": os.fsdecode(b"\xff")}),
    Environment("other hashes", PREPARE, {"PYTHONHASHSEED": "7"}),
    Environment("warnings are errors", TRAIN, {"PYTHONWARNINGS": "error"}),
    Environment("driver that is none", TRAIN, {"EPROP_BENCH_DRIVER": "nonsense"}),
    Environment("driver of another machine", TRAIN, {"EPROP_BENCH_DRIVER": "elsewhere:1"}),
    # Clocks.
    Environment("input from the future", TRAIN, begin="touch -d '2 days' *.json; "),
    Environment("zone of time that does not exist", TRAIN, {"TZ": "Nowhere/Nothing"}),
    # Streams.
    Environment("no input", TRAIN, begin="exec < /dev/null; "),
    Environment("closed input and output", TRAIN, begin="exec <&- >&-; "),
    Environment("narrow terminal", TRAIN, {"TERM": "dumb", "COLUMNS": "1"}),
)
DEFAULT_CASES = len(ENVIRONMENTS)


def run_case(random: np.random.Generator, folder: Path) -> Outcome:
    """Run the program of one environment."""
    case: int = random.bit_generator.seed_seq.entropy[-1]  # type: ignore[attr-defined]
    environment = ENVIRONMENTS[case % len(ENVIRONMENTS)]
    (folder / "python").mkdir()
    (folder / "work").mkdir()
    (folder / "python" / "sitecustomize.py").write_text(environment.python, encoding="utf-8")
    variables = usual(folder / "python")
    for name in environment.without:
        variables.pop(name, None)
    variables |= {name: value.replace("{folder}", str(folder)) for name, value in environment.variables.items()}
    if environment.damage:
        make(COMPILE, folder / "first", variables)
        for file in sorted((folder / "cache").rglob(environment.damage)):
            damage(file, random)
    command = ["bash", "-c", environment.begin + 'exec "$@"', "bash", *environment.program.command]
    if "mount" in environment.begin:
        command = ["unshare", "--user", "--map-root-user", "--mount", *command]
        if subprocess.run([*command[:4], "true"], capture_output=True, check=False).returncode:
            return Outcome(True, "not tried", f"{environment.name}: this machine has no namespaces for users")
    environment.program.prepare(folder / "work")
    done = call(command, folder / "work", variables)
    return judge(environment, done, folder / "work")


def usual(*paths: Path) -> dict[str, str]:
    """Return the environment variables of an ordinary call."""
    path = os.pathsep.join(map(str, (*paths, PROJECT)))
    return os.environ | {"PYTHONPATH": path, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def call(command: list[str], folder: Path, variables: dict[str, str]) -> "subprocess.CompletedProcess[str] | None":
    """Run a command in a session of its own; return None if it did not end in time, and end it."""
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=variables | {"FOLDER": str(folder.parent)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None
        output.seek(0)
        return subprocess.CompletedProcess(command, code, output.read().decode("utf-8", "replace"))


def make(program: Program, folder: Path, variables: dict[str, str]) -> Any:
    """Run a program in an environment in which it works; return what it made."""
    folder.mkdir()
    program.prepare(folder)
    done = call(list(program.command), folder, variables)
    if done is None or done.returncode:
        raise RuntimeError(f"{program.command}: {done and done.stdout}")
    return program.read(folder, done.stdout)


@functools.cache
def expected(program: Program) -> Any:
    """Return what a program makes in the usual environment."""
    with tempfile.TemporaryDirectory() as folder:
        return make(program, Path(folder) / "work", usual())


def damage(file: Path, random: np.random.Generator) -> None:
    """Cut a file off, change a bit of it, or replace it by other bytes."""
    content = file.read_bytes()
    position = int(random.integers(max(1, len(content))))
    kind = random.choice(["cut off", "a bit", "other bytes"])
    if kind == "cut off":
        file.write_bytes(content[:position])
    elif kind == "a bit" and content:
        file.write_bytes(
            content[:position] + bytes([content[position] ^ 1 << int(random.integers(8))]) + content[position + 1 :]
        )
    else:
        file.write_bytes(random.bytes(len(content)))


def judge(environment: Environment, done: "subprocess.CompletedProcess[str] | None", folder: Path) -> Outcome:
    """Compare what a program made with what it should."""
    name = environment.name
    if done is None:
        return Outcome(False, "hang", name)
    said = done.stdout
    if "Traceback" in said:
        return Outcome(False, "traceback", f"{name}: {said}")
    if done.returncode == 0:
        if environment.warned not in said:
            return Outcome(False, "no word of the setting", f"{name}: {said}")
        made, right = environment.program.read(folder, said), expected(environment.program)
        if not (made == right if environment.exact else close(made, right)):
            return Outcome(False, "other numbers", f"{name}: {made} instead of {right}")
        return Outcome(True, "equal numbers", name)
    lines = [line for line in said.splitlines() if line.startswith("error: ") or "error" in line.lower()]
    if environment.words is None or not all(word in said for word in environment.words):
        return Outcome(False, "does not work", f"{name}: exit code {done.returncode}: {said}")
    if len(lines) != 1:
        return Outcome(False, "not one line", f"{name}: {said}")
    if environment.program.left(folder):
        return Outcome(False, "half a file", f"{name}: {environment.program.left(folder)}")
    return Outcome(True, "refused in one line", f"{name}: {lines[0]}")


def close(one: Any, other: Any) -> bool:
    """Return whether numbers in nested lists and dictionaries are equal up to rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == other or (isinstance(one, float) and bool(np.isclose(one, other, rtol=1e-9)))
