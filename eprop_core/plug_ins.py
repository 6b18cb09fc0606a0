"""Plug-ins: surrogate gradients, tasks and data sets that other distributions bring by entry points.

A configuration calls a plug-in by the name of its entry point. Built-in parts and plug-ins share their names, so no two
may have the same one. To list plug-ins imports nothing of them.

An unusable plug-in is an error only in a configuration that uses it; otherwise :data:`PROBLEMS` has a warning.
"""

import ast
import functools
import importlib
import importlib.util
import inspect
import re
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FrameType, TracebackType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args

from pydantic import Field, TypeAdapter, create_model, model_validator

from eprop_core.errors import one_line, printable
from eprop_core.parsed_code import combined_hash
from eprop_core.parsing import ParameterError, Parameters, kind_of, parse

SURROGATE_GRADIENTS = "eprop_core.surrogate_gradients"
TASKS = "eprop_core.tasks"
DATASETS = "eprop_core.datasets"
GROUPS = (SURROGATE_GRADIENTS, TASKS, DATASETS)
"""Groups of entry points."""

_NAME = re.compile("[a-z][a-z0-9_]*")

Model = TypeVar("Model", bound=Parameters)

PROBLEMS: list[str] = []
"""Messages about unusable plug-ins, in the groups that :func:`found` has listed."""


class PlugInError(ParameterError):
    """The code of a plug-in has raised an exception: its place and message in one line, and its traceback as a note."""


class Call(NamedTuple):
    """How this project calls a function of a plug-in."""

    function: str
    arguments: tuple[str, ...]
    by_name: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the head of a function that can be called so."""
        return f"{self.function}({', '.join([*self.arguments, *(['*', *self.by_name] if self.by_name else [])])})"


def found(group: str, taken: Collection[str]) -> tuple[dict[str, EntryPoint], dict[str, str]]:
    """Return the entry points of a group by name, and why others cannot be used, by name.

    A name that is taken stays that of the built-in part.
    """
    by_name: dict[str, EntryPoint] = {}
    unusable: dict[str, str] = {}
    for entry in _entry_points().select(group=group):
        if not _NAME.fullmatch(entry.name):
            unusable[entry.name] = f"{place(entry)}: a name has lower-case letters, digits and _, a letter first"
        elif entry.name in taken:
            PROBLEMS.append(f"{place(entry)}: {', '.join(taken)} are taken")
        elif entry.name in by_name:
            unusable[entry.name] = f"{place(entry)}: {_distribution(by_name[entry.name])} has this name, too"
        else:
            by_name[entry.name] = entry
    PROBLEMS.extend(unusable.values())
    return {name: entry for name, entry in by_name.items() if name not in unusable}, unusable


def load(entry: EntryPoint) -> Any:
    """Import the object that an entry point names.

    Raises
    ------
    ParameterError
        The plug-in cannot be imported; the message names the place in its code.
    """
    return _import(entry.load, place(entry))


@contextmanager
def blaming(where: str = "") -> Iterator[None]:
    """Raise a :class:`PlugInError` in place of what the code of a plug-in raises inside; other exceptions pass.

    Parameters
    ----------
    where
        Prefix of its message.
    """
    try:
        yield
    except PlugInError:
        raise
    except (Exception, SystemExit) as error:
        if (trace := _own(error.__traceback__)) is None:
            raise
        raised = PlugInError(f"{where}{_told(error)}")
        raised.add_note("".join(traceback.format_exception(error.with_traceback(trace))))
        raise raised from None


def check_callable(function: Any, call: Call, where: str) -> None:
    """Check that an object of a plug-in can be called; one whose signature Python does not know counts as fitting.

    Raises
    ------
    ParameterError
        It cannot; the message begins with ``where``.
    """
    if not callable(function):
        raise ParameterError(f"{where}: must be a function {call}, not {kind_of(function)}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*call.arguments, **dict.fromkeys(call.by_name))
    except TypeError as error:
        raise ParameterError(f"{where}: must be a function {call} ({error})") from None


def check(parameters: Any, stated: type[Parameters], call: Call, *methods: Call) -> None:
    """Check parameters of a task or data set, if a plug-in brings them, and import the module that they name.

    Parameters
    ----------
    parameters
        A model, of :func:`with_plug_ins`.
    stated
        What its properties must be.
    call
        The function that the module ``parameters.implementation`` must have.
    methods
        Methods that the parameters must have.

    Raises
    ------
    ParameterError
        The first problem, with the file and the name in it.
    """
    kind = type(parameters)
    if distribution(kind.__module__) is None:
        return
    where = f"{described(kind.__module__)}: class {kind.__name__}"
    values = {}
    for name in stated.model_fields:
        try:
            values[name] = getattr(parameters, name)
        except (Exception, SystemExit) as error:
            raise ParameterError(f"{where}: needs the field or property {name} ({_told(error)})") from None
    _first_problem(stated, values, where)
    try:
        written = parameters.model_dump(mode="json")
    except Exception as error:
        raise ParameterError(f"{where}: its values cannot be written as JSON ({_told(error)})") from None
    _first_problem(kind, written, f"{where}: its values, written as JSON")
    for method in methods:
        check_callable(getattr(parameters, method.function, None), method, f"{where}: {method.function}")
    where = described(kind.implementation)
    module = _import(functools.partial(importlib.import_module, kind.implementation), where)
    check_callable(getattr(module, call.function, None), call, f"{where}: {call.function}")


def _first_problem(model: type[Parameters], values: Any, where: str) -> None:
    """Raise a :class:`ParameterError` of one line if these values are not allowed."""
    try:
        parse(model, values)
    except ParameterError as error:
        raise ParameterError(f"{where}: {str(error).splitlines()[0]}") from None


def with_plug_ins(group: str, base: type[Model], *built_in: type[Model]) -> tuple[type[Model], ...]:
    """Return parameter models, those built in and those of the plug-ins of a group.

    Each has a field ``name`` with one allowed value, by which a configuration chooses it. A plug-in that cannot be used
    has a model in its place that says why.

    Parameters
    ----------
    group
        Of entry points.
    base
        Class of all models.
    built_in
        Models of this project.
    """
    usable, unusable = found(group, [_name_of(model) for model in built_in])
    models = {}
    for name, entry in usable.items():
        try:
            models[name] = _model(entry, base, built_in[0])
        except ParameterError as error:
            unusable[name] = str(error)
            PROBLEMS.append(str(error))
    return (*built_in, *models.values(), *(_stand_in(base, name, problem) for name, problem in unusable.items()))


def _model(entry: EntryPoint, base: type[Model], other: type[Model]) -> type[Model]:
    """Return the parameter model that an entry point names; a :class:`ParameterError` if it names none."""
    model = load(entry)
    if not (isinstance(model, type) and issubclass(model, base)) or _name_of(model) != entry.name:
        module = f"{base.__module__}.{base.__qualname__}"
        raise ParameterError(f'{place(entry)}: must be a subclass of {module} with name: Literal["{entry.name}"]')
    implementation = getattr(model, "implementation", "")
    if not isinstance(implementation, str) or _file(implementation) is None:
        raise ParameterError(f"{place(entry)}: its attribute `implementation` must name a module")
    check_callable(model.__init__, Call("__init__", ("self",), tuple(model.model_fields)), f"{place(entry)}: __init__")
    try:
        model.model_rebuild()
        TypeAdapter(Annotated[model | other, Field(discriminator="name")])  # type: ignore[arg-type]
    except Exception as error:  # of several kinds, such as that of an unknown name in an annotation
        raise ParameterError(f"{place(entry)}: {model.__name__} is no model of parameters ({_told(error)})") from None
    return model


def _stand_in(base: type[Model], name: str, problem: str) -> type[Model]:
    """Return a model that refuses all values with the line ``problem``."""

    def refuse(values: Any) -> Any:
        raise ValueError(problem)

    validators: dict[str, Any] = {"refuse": model_validator(mode="before")(refuse)}
    fields: dict[str, Any] = {"name": (Literal[name], ...)}
    model: type[Model] = create_model(f"Unusable_{name}", __base__=base, __validators__=validators, **fields)
    return model


def described(module: str) -> str:
    """Return a module for a message: of a plug-in, its file and distribution; otherwise its name."""
    owner = distribution(module)
    return f"module {module}" if owner is None else printable(f"{_file(module) or module} of {owner}")


@functools.cache
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


def place(entry: EntryPoint) -> str:
    """Return an entry point for a message, with its file."""
    file = _file(entry.module)
    where = _distribution(entry) + ("" if file is None else f", {file}")
    return printable(f"entry point {entry.name} of {entry.group} ({where})")


def _import(load: Callable[[], Any], where: str) -> Any:
    try:
        return load()
    except (Exception, SystemExit) as error:
        raise ParameterError(f"{where}: cannot be imported ({_told(error)})") from None


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the first call of a plug-in's code on; None if it has none."""
    while trace is not None and _owner(trace.tb_frame) is None:
        trace = trace.tb_next
    return trace


def _told(error: BaseException) -> str:
    """Return type and message of an exception in one line, behind the last place in the code of a plug-in, if any."""
    why = f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")
    own = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _owner(frame) is not None]
    for frame, line in own[-1:]:
        why = f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_name}, of {_owner(frame)}: {why}"
    return printable(why)


def _owner(frame: FrameType) -> str | None:
    return distribution(str(frame.f_globals.get("__name__")))


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "unknown distribution"
