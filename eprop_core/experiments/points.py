"""The points of a study: changes of single parameters, named by their path, applied to a task's values."""

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, Field

from eprop_core.experiments.values import COLUMNS, VALUES
from eprop_core.parsing import Model, ParameterError, Pattern, no_such_key, parse, visible

_HIDDEN = (
    r"\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
    r"\ufffe\uffff"
)
_OBEYED = r"[\s=@+\uff1d\uff20\uff0b\uff0d-]"
"""Characters with which a text begins that a spreadsheet computes, if it reads a table."""
_LABEL = Pattern(
    rf"^(?!{_OBEYED})[^{_HIDDEN}]{{1,100}}(?<!\s)$",
    "be one line of visible characters, at most 100, without control characters, marks that turn the direction of "
    "writing, spaces at its ends, and = + - @ at its beginning, which spreadsheets obey",
)
Label = Annotated[str, _LABEL]
"""Name that figures and tables print as it is, whatever punctuation it has."""

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


def _two_parameters(values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if len(values) != 2:
        raise ValueError("must have two parameters, on the axis and as colours; for one use vary")
    return values


Grid = Annotated[
    dict[str, Annotated[list[Any], Field(min_length=1)]],
    Field(json_schema_extra={"minProperties": 2, "maxProperties": 2}),
    AfterValidator(_two_parameters),
]
"""Values by parameter path, of two parameters that are combined."""


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet that reads a table may compute a text instead of showing it."""
    return re.match(_OBEYED, text) is not None


def check_cells(changes: Changes) -> None:
    """Raise a ValueError where a value is text that cannot stand in a table, such as an odd name of a file."""
    for path, value in changes.items():
        if isinstance(value, str) and is_formula(value):
            raise ValueError(
                f"{path} = {visible(json.dumps(value))}: begins as what spreadsheets compute, but it stands in tables; "
                "begin with ./ if it is a file"
            )


def check_axis(path: str, values: Sequence[Any], *, words: bool) -> None:
    """Raise a ValueError where values of a parameter cannot stand on an axis: numbers, or ``words`` in a row."""
    allowed = "numbers, words and truth values" if words else "numbers"
    for value in values:
        fits = isinstance(value, bool) or (isinstance(value, str) and _LABEL.matches(value)) if words else False
        if not fits and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(
                f"{path} = {visible(json.dumps(value))}: has no place on an axis, which shows {allowed}; use variants"
            )
    if len(values) > VALUES:
        raise ValueError(f"{path}: {len(values)} values are more than the {VALUES} that an axis has room for")


def check_series(series: Mapping[str, Series], *, may_lack: bool = False) -> None:
    """Raise a ValueError where series have no place in a figure, with a panel each and the first parameter as its axis.

    ``may_lack``: values of the axis may be null, for none.
    """
    if len(series) > COLUMNS:
        raise ValueError(f"series: {len(series)} are more than the {COLUMNS} that the figure has room for")
    for name, of_series in series.items():
        path, values = next(iter(of_series.items()))
        numbers = [value for value in values if not (may_lack and value is None)]
        check_axis(f"series.{name}: {path}", numbers, words=False)


class Point(NamedTuple):
    """A task with some parameters changed."""

    changes: Changes
    variant: str = ""
    """Name of the variant that it is."""
    series: str = ""
    """Name of the series that it belongs to."""

    def __str__(self) -> str:
        """Return it as a message names it."""
        return self.variant or ", ".join(
            f"{path} = {visible(json.dumps(value))}" for path, value in self.changes.items()
        )


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
    """Return nested ``values`` with ``changes`` made.

    Raises
    ------
    ParameterError
        A path leads nowhere; the message says where.
    """
    changed = copy.deepcopy(dict(values))
    for path, value in changes.items():
        *parents, key = path.split(".")
        inner: Any = changed
        for depth, parent in enumerate(parents):
            reached = visible(".".join(parents[: depth + 1]))
            if parent not in inner:
                raise ParameterError(f"{reached}: {no_such_key(parent, inner)}")
            inner = inner[parent]
            if not isinstance(inner, dict):
                rest = visible(".".join([*parents[depth + 1 :], key]))
                raise ParameterError(f"{reached} = {visible(json.dumps(inner))}: has no key {rest}")
        inner[key] = copy.deepcopy(value)
    return changed


def parse_changed(model: type[Model], values: Mapping[str, Any], changes: Changes) -> Model:
    """Validate nested ``values`` with ``changes`` made as ``model``; raise a :class:`ParameterError` if that fails."""
    return parse(model, apply(values, changes))


def _without_signs_of_zeros(value: Any) -> Any:
    """Return values in which -0.0 is 0.0, as they are equal."""
    if isinstance(value, dict):
        return {key: _without_signs_of_zeros(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_without_signs_of_zeros(own) for own in value]
    return 0.0 if isinstance(value, float) and value == 0.0 else value


def content_hash(parameters: BaseModel) -> str:
    """Return a short name that depends on every parameter, so that equal parameters share their result files."""
    values = json.dumps(_without_signs_of_zeros(parameters.model_dump(mode="json")), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:10]
