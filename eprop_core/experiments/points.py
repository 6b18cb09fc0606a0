"""The points of a study: changes of single parameters, named by their path, applied to a task's values."""

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from eprop_core.parameters import Model, ParameterError, parse

Label = Annotated[str, StringConstraints(pattern=r"^[^|\n]+$")]
"""Name that a figure and a table print."""

Changes = dict[str, Any]
"""Values by parameter path, for instance ``{"network.input.connectivity.probability": 0.1}``."""


def _equally_many(values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if len(set(map(len, values.values()))) > 1:
        raise ValueError("all parameters of a series need equally many values")
    return values


Series = Annotated[
    dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1), AfterValidator(_equally_many)
]
"""Values by parameter path, of parameters that change together."""


class Point(NamedTuple):
    """A task with some parameters changed."""

    changes: Changes
    variant: str = ""
    """Name of the variant that it is."""
    series: str = ""
    """Name of the series that it belongs to."""


def one_at_a_time(values: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Return a point per value; each leaves the other parameters as they are."""
    return [Point({path: value}) for path, of_path in values.items() for value in of_path]


def all_combinations(values: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Return a point per combination of values; the point without a change where there are none."""
    return [Point(dict(zip(values, combined, strict=True))) for combined in itertools.product(*values.values())]


def together(values: Mapping[str, Sequence[Any]], series: str) -> list[Point]:
    """Return a point per position in the lists of values, which are equally long."""
    return [
        Point(dict(zip(values, combined, strict=True)), series=series)
        for combined in zip(*values.values(), strict=True)
    ]


def apply(values: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return nested ``values`` with ``changes`` made; a :class:`KeyError` tells the part of a path that is missing."""
    changed = copy.deepcopy(dict(values))
    for path, value in changes.items():
        *parents, key = path.split(".")
        inner = changed
        for depth, parent in enumerate(parents):
            inner = inner.get(parent) if isinstance(inner, dict) else None  # type: ignore[assignment]
            if not isinstance(inner, dict):
                raise KeyError(".".join(parents[: depth + 1]))
        inner[key] = copy.deepcopy(value)
    return changed


def parse_changed(model: type[Model], values: Mapping[str, Any], changes: Changes) -> Model:
    """Validate nested ``values`` with ``changes`` made as ``model``; raise a :class:`ParameterError` if that fails."""
    try:
        changed = apply(values, changes)
    except KeyError as error:
        raise ParameterError(f"{error.args[0]}: no such key") from None
    return parse(model, changed)


def identifier(parameters: BaseModel) -> str:
    """Return a short name that depends on every parameter, so that equal parameters share their result files."""
    values = json.dumps(parameters.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:10]
