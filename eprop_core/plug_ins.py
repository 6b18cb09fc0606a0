"""Plug-ins: surrogate gradients, tasks and data sets that other distributions bring by entry points.

A configuration calls a plug-in by the name of its entry point. Built-in parts and plug-ins share their names, so no two
may have the same one. To list plug-ins imports nothing of them.
"""

import ast
import functools
import importlib.util
import re
from collections.abc import Collection, Iterator
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar, get_args

from eprop_core.errors import one_line
from eprop_core.parsed_code import combined_hash
from eprop_core.parsing import ParameterError, Parameters

SURROGATE_GRADIENTS = "eprop_core.surrogate_gradients"
TASKS = "eprop_core.tasks"
DATASETS = "eprop_core.datasets"
GROUPS = (SURROGATE_GRADIENTS, TASKS, DATASETS)
"""Groups of entry points."""

_NAME = re.compile("[a-z][a-z0-9_]*")

Model = TypeVar("Model", bound=Parameters)


def found(group: str, taken: Collection[str]) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name.

    Raises
    ------
        ParameterError: if a name is among those ``taken``, comes twice, or is not lower-case letters, digits and _.
    """
    by_name: dict[str, EntryPoint] = {}
    for entry in _entry_points().select(group=group):
        if not _NAME.fullmatch(entry.name):
            raise ParameterError(f"{_place(entry)}: a name has lower-case letters, digits and _, a letter first")
        if entry.name in taken:
            raise ParameterError(f"{_place(entry)}: {', '.join(taken)} are taken")
        if entry.name in by_name:
            raise ParameterError(f"{_place(entry)}: {_distribution(by_name[entry.name])} has this name, too")
        by_name[entry.name] = entry
    return by_name


def load(entry: EntryPoint) -> Any:
    """Import the object that an entry point names.

    Raises
    ------
        ParameterError: if that fails.
    """
    try:
        return entry.load()
    except Exception as error:
        raise ParameterError(
            f"{_place(entry)}: cannot be imported ({type(error).__name__}: {one_line(error)})"
        ) from error


def with_plug_ins(group: str, base: type[Model], *built_in: type[Model]) -> tuple[type[Model], ...]:
    """Return parameter models, those built in and those of the plug-ins of a group.

    Each has a field ``name`` with one allowed value, by which a configuration chooses it.

    Raises
    ------
        ParameterError: if a plug-in is not such a model, or cannot be imported.
    """
    models = list(built_in)
    for name, entry in found(group, [_name_of(model) for model in built_in]).items():
        model = load(entry)
        if not (isinstance(model, type) and issubclass(model, base)) or _name_of(model) != name:
            module = f"{base.__module__}.{base.__qualname__}"
            raise ParameterError(f'{_place(entry)}: must be a subclass of {module} with name: Literal["{name}"]')
        if _file(getattr(model, "implementation", "")) is None:
            raise ParameterError(f"{_place(entry)}: its attribute `implementation` must name a module")
        models.append(model)
    return tuple(models)


def distribution(module: str) -> str | None:
    """Return name and version of the distribution whose plug-in has a module; None for a module of no plug-in."""
    package = module.partition(".")[0]
    for group in GROUPS:
        for entry in _entry_points().select(group=group):
            if entry.module.partition(".")[0] == package:
                return _distribution(entry)
    return None


def distributions() -> set[str]:
    """Return the names of all distributions that bring plug-ins."""
    entries = (entry for group in GROUPS for entry in _entry_points().select(group=group))
    return {entry.dist.name for entry in entries if entry.dist is not None}


def hash_of(entry: EntryPoint) -> str:
    """Return a hash of the parsed code of a plug-in: of its module, and of what that imports of its own package."""
    return combined_hash(files(entry.module))


def files(module: str) -> dict[str, Path]:
    """Return the files, by module, of a plug-in's module and of what it imports of its top-level package, transitively.

    Nothing is imported for that, except where a finder of its own does so.
    """
    own: dict[str, Path] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        file = None if name in own else _file(name)
        if file is not None:
            own[name] = file
            package = name.partition(".")[0]
            pending += [other for other in imported(name, file) if other.partition(".")[0] == package]
    return own


def imported(module: str, file: Path) -> set[str]:
    """Return the names that a module's file imports, and those of the packages around them and around the module.

    A name may be that of an object in a module.
    """
    if file.suffix != ".py":
        return set()
    names = {module.rpartition(".")[0]}
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) + 1 - node.level] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names.add(origin)
            names.update(f"{origin}.{alias.name}" for alias in node.names)
    return {around for name in names for around in _with_packages(name)}


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".") if name else []
    return (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _file(module: str) -> Path | None:
    """Return the file of a module, without importing the packages around it; None if there is none."""
    top, *names = module.split(".")
    spec = importlib.util.find_spec(top) if top else None
    for n in range(len(names)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join([top, *names[: n + 1]]), spec.submodule_search_locations)
    return Path(spec.origin) if spec is not None and spec.origin is not None and spec.has_location else None


@functools.cache
def _entry_points() -> Any:
    return entry_points()


def _name_of(model: type[Parameters]) -> str:
    """Return the only value that a model's field ``name`` allows; empty if it is not such a model."""
    field = model.model_fields.get("name")
    allowed = get_args(field.annotation) if field is not None else ()
    return str(allowed[0]) if len(allowed) == 1 else ""


def _place(entry: EntryPoint) -> str:
    return f"entry point {entry.name} of {entry.group} ({_distribution(entry)})"


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "unknown distribution"
