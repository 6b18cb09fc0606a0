"""The source code that the result of a program depends on: the modules that it imports, transitively.

Snakemake repeats a job when an input file changes. One input of each job lists the modules that its program imports,
with a hash of the parsed code of each. Comments, docstrings and the location of the checkout do not change the hashes.
"""

import ast
import functools
from pathlib import Path

import grimp

from eprop_core.parsed_code import content_hash

ROOT = Path(__file__).parents[2]
PACKAGES = ("eprop_core", "workflow")

WITHOUT_INFLUENCE = {
    "eprop_core.progress": "prints the progress",
    "eprop_core.interrupts": "defers Ctrl-C",
    "eprop_core.experiments.driver": "ends a program when its driver has ended",
}
"""Modules that cannot change a result, with the reason."""

STARTED = {
    "eprop_core.experiments.baselines.measure": (
        "eprop_core.experiments.baselines.simulator",
        "eprop_core/interoperability/nest/measure.py",
    ),
    "eprop_core.interoperability.describe_nest": ("eprop_core/interoperability/nest/describe.py",),
    "eprop_core.verification.nest": (
        "eprop_core/interoperability/nest/bellec.py",
        "eprop_core/interoperability/nest/eprop_plus.py",
    ),
    "eprop_core.verification.published": ("eprop_core/interoperability/nest/published.py",),
    "workflow.scripts.report.page": ("workflow/report/*",),
}
"""Modules and files that a module starts or reads instead of importing; file names are relative to the checkout.

A Python file in this list is a program for another interpreter, and imports files of its own folder.
"""


def listing(program: str) -> dict[str, str]:
    """Return the hashes of all files that the result of a program depends on, by file name relative to the checkout."""
    files: set[Path] = set()
    pending, seen = [program], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if "/" in name:
            files.update(part for file in sorted(ROOT.glob(name)) for part in _with_neighbours(file))
            continue
        files.add(_file(name))
        pending += imported(name) | _packages(name)
        pending += STARTED.get(name, ())
    irrelevant = {_file(name) for name in WITHOUT_INFLUENCE}
    return {file.relative_to(ROOT).as_posix(): content_hash(file) for file in sorted(files - irrelevant)}


def imported(module: str) -> set[str]:
    """Return the modules of the project that a module imports directly."""
    return set(_graph().find_modules_directly_imported_by(module))


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def _packages(module: str) -> set[str]:
    """Return the packages that contain a module, which Python imports first."""
    parts = module.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts))}


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _with_neighbours(file: Path) -> set[Path]:
    """Return a file and, for a Python file, the files of its folder that it imports, transitively."""
    found, pending = {file}, [file] if file.suffix == ".py" else []
    while pending:
        for node in ast.walk(ast.parse(pending.pop().read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            beside = {file.with_name(f"{name}.py") for name in names}
            new = {neighbour for neighbour in beside if neighbour.exists()} - found
            found |= new
            pending += new
    return found
