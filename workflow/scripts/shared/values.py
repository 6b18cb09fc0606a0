"""Values of parameters by their path."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def value_at(parameters: BaseModel, path: str) -> Any:
    """Return the parameter at a path such as ``network.input.connectivity.probability``, see :func:`in_cell`."""
    value: Any = parameters.model_dump(mode="json")
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return in_cell(value)


def in_cell(value: Any) -> int | float | str:
    """Return a value of a parameter as a cell of a table has it: a number or word as it is, all others as JSON."""
    return value if isinstance(value, int | float | str) else json.dumps(value)


def first_difference(
    found: Mapping[str, Any], expected: Mapping[str, Any], free: Collection[str] = ()
) -> tuple[str, Any, Any] | None:
    """Return the path of the first of nested values that differs, with what is there and what is expected.

    None stands for a value that is left out. Paths in ``free``, and what is below them, may differ.
    """
    here, there = dict(_leaves(found)), dict(_leaves(expected))
    for path in dict.fromkeys((*there, *here)):
        is_free = any(f"{path}.".startswith(f"{one}.") for one in free)
        if not is_free and here.get(path) != there.get(path):
            return path, here.get(path), there.get(path)
    return None


def _leaves(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested parameters by path."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
