"""The points of a study: changes of single parameters, named by their path, applied to a task's values."""

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

Changes = dict[str, Any]
"""Values by parameter path, for instance ``{"network.input.connectivity.probability": 0.1}``."""


def expand(vary: Mapping[str, Sequence[Any]], grid: Mapping[str, Sequence[Any]]) -> list[Changes]:
    """Return the changes of every point of a study.

    ``vary`` changes one parameter at a time and leaves the others at the task's own values; ``grid`` takes every
    combination of its values. A study with neither has one point, the task as it is.
    """
    if vary:
        return [{path: value} for path, values in vary.items() for value in values]
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


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


def identifier(parameters: BaseModel) -> str:
    """Return a short name that depends on every parameter, so that equal parameters share their result files."""
    values = json.dumps(parameters.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:10]
