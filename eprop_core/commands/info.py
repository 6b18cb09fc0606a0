"""Print versions, the machine and the folders in use: what a bug report needs."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import eprop_core
from eprop_core.compiled.cache import kernels_directory
from eprop_core.errors import printable
from eprop_core.experiments import command_line
from eprop_core.files.arguments import Parser
from eprop_core.provenance import provenance

VARIABLES = ("EPROP_BENCH_DATA", "EPROP_BENCH_CACHE", "EPROP_BENCH_NEST_PYTHON", "MPI4PY_LIBMPI")
"""Environment variables that change where something is found. Those of numba are printed, too."""


def info() -> Iterator[str]:
    """Yield lines of name and value."""
    made_by = provenance()
    code = made_by.code
    changes = " with changes" if code.dirty else ""
    rows = {
        "eprop-core": eprop_core.__version__,
        "installed in": Path(eprop_core.__file__).parent,
        "commit": f"{code.commit}{changes}" if code.commit else "none: not in a git repository",
        "Python": made_by.python,
        **{name: version for name, version in made_by.packages.items() if name != "eprop-core"},
        "MPI": "mpi4py is installed" if importlib.util.find_spec("mpi4py") else "mpi4py is not installed",
        "system": made_by.system,
        "processor": made_by.cpu,
        "processors that may be used": f"{made_by.processors[0]:g}",
        "memory": f"{made_by.memory_bytes / 1e9:.0f} GB",
        "compiled code": kernels_directory(),
    }
    set_variables = [name for name in sorted(os.environ) if name in VARIABLES or name.startswith("NUMBA_")]
    rows |= {name: os.environ[name] for name in set_variables}
    for name, value in rows.items():
        yield printable(f"{name}: {value}")


def main() -> None:
    """Run the command line."""
    Parser(prog="eprop-core info", description=__doc__).parse_args()
    for line in info():
        print(line)


if __name__ == "__main__":
    command_line.run(main)
