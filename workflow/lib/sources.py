"""The source code that the result of a program depends on: the modules that it imports, transitively.

Snakemake repeats a job when an input file changes. One input of each job lists the modules that its program imports,
with a hash of the parsed code of each. Comments, docstrings and the location of the checkout do not change the hashes.
Modules that a program imports by a name in its parameters (readers of data sets, tasks, plug-ins) are listed on their
own.
"""

import ast
import functools
from pathlib import Path
from typing import Any

import grimp
from pydantic import BaseModel

from eprop_core import plug_ins
from eprop_core.parsed_code import content_hash

ROOT = Path(__file__).parents[2]
PACKAGES = ("eprop_core", "workflow")

WITHOUT_INFLUENCE = {
    "eprop_core.progress": "prints the progress",
    "eprop_core.interrupts": "defers Ctrl-C",
    "eprop_core.machine.driver": "ends a program when its driver has ended",
    "eprop_core.recording.frames": "converts recordings for their reader",
    "eprop_core.recording.neo_block": "converts recordings for their reader",
}
"""Modules that cannot change a result, with the reason."""

STARTED = {
    "eprop_core.experiments.baselines.measure": ("eprop_core.experiments.baselines.simulator",),
    "eprop_core.verification.nest": (
        "eprop_core/interoperability/nest/bellec.py",
        "eprop_core/interoperability/nest/eprop_plus.py",
        "eprop_core/interoperability/nest/stdp.py",
    ),
    "eprop_core.verification.published": ("eprop_core/interoperability/nest/published.py",),
    "workflow.scripts.report.page": ("workflow/report/*",),
    "workflow.scripts.reproduction.claims": ("workflow/report/claims.yaml",),
}
"""Modules and files that a module starts or reads instead of importing; file names are relative to the checkout.

A Python file in this list is a program for another interpreter, and imports files of its own folder.
"""


def listing(program: str) -> dict[str, str]:
    """Return the hashes of all files that the result of a program depends on, by file name relative to the checkout.

    The files of a plug-in are listed by module, with the name and version of its distribution.
    """
    files: set[Path] = set()
    plugged_in: dict[str, str] = {}
    pending, seen = [program], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if "/" in name:
            files.update(part for file in sorted(ROOT.glob(name)) for part in _with_neighbours(file))
            continue
        if name.partition(".")[0] not in PACKAGES:
            for module, file in plug_ins.files(name).items():
                plugged_in[f"{plug_ins.distribution(module)}: {module}"] = content_hash(file)
                pending += plug_ins.imported(module, file) & _graph().modules
            continue
        files.add(_file(name))
        pending += imported(name) | _packages(name)
        pending += STARTED.get(name, ())
    irrelevant = {_file(name) for name in WITHOUT_INFLUENCE}
    own = {file.relative_to(ROOT).as_posix(): content_hash(file) for file in sorted(files - irrelevant)}
    return own | dict(sorted(plugged_in.items()))


def chosen_modules(parameters: Any) -> set[str]:
    """Return the modules that a program imports because its parameters, a model or models, choose them."""
    if isinstance(parameters, BaseModel):
        chosen: str | None = getattr(parameters, "implementation", None)
        own = {chosen} if chosen is not None else set()
        if chosen is not None and plug_ins.distribution(type(parameters).__module__) is not None:
            own.add(type(parameters).__module__)
        return own | chosen_modules(dict(parameters))
    parts = parameters.values() if isinstance(parameters, dict) else parameters
    return set().union(*map(chosen_modules, parts)) if isinstance(parameters, dict | list | tuple) else set()


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
