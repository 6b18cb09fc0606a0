"""Validation of parameters: each error is one line with the key, the value and the allowed values."""

import difflib
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from eprop_core.errors import printable

WHOLE_NUMBERS = 2**31
"""Bound of all whole numbers but seeds: sizes, lengths and ids are stored in 4 bytes."""
Whole = Annotated[int, Field(lt=WHOLE_NUMBERS)]
"""A whole number."""
EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+\Z")
"""A number like 5e-3, as in JSON and YAML 1.2; YAML 1.1 takes it for text without a dot and a sign of the exponent."""


def is_whole(value: Any, least: int, bound: float = math.inf) -> bool:
    """Whether a value given in Python is a whole number from ``least`` to ``bound`` - 1; true and false are none."""
    return not isinstance(value, bool) and isinstance(value, Integral) and least <= int(value) < bound


def is_seed(value: Any) -> bool:
    """Whether a value given in Python may be a seed, 0 to 2**64 - 1."""
    return is_whole(value, 0, 2**64)


def different(values: list[Any]) -> list[Any]:
    """Return ``values``; raise a ValueError if one comes twice."""
    twice = [value for value, number in Counter(values).items() if number > 1]
    if twice:
        raise ValueError(f"{twice[0]} comes twice")
    return values


def _is_file_name(name: str) -> str:
    if not name or len(name) > 4000 or not name.isprintable():
        raise ValueError("must be a path: 1 to 4000 visible characters")
    return name


FileName = Annotated[str, AfterValidator(_is_file_name)]
"""Name of a file or folder, with its path."""


@dataclass(frozen=True)
class Pattern:
    """Annotation of a string that must match a regular expression.

    The JSON schema contains the expression; error messages describe it in words.
    """

    expression: str
    words: str
    """Description that completes "must ...", such as "begin with a letter"."""

    def matches(self, text: str) -> bool:
        """Return whether the whole text matches."""
        return re.fullmatch(self.expression, text) is not None

    def _checked(self, text: str) -> str:
        if not self.matches(text):
            raise ValueError(f"must {self.words}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> CoreSchema:
        """Return pydantic's schema of the check."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON schema."""
        return handler(schema) | {"pattern": self.expression}


class Parameters(BaseModel):
    """Base of all parameter models: immutable, without unknown keys, type conversions or non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _note_reader(cls, values: Any, info: ValidationInfo) -> Any:
        """Record which model reads these values, so that :func:`parse` can list its keys in an error."""
        if info.context is not None:
            info.context[id(values)] = cls
        return values


class ParameterError(ValueError):
    """A parameter is not allowed; the message has a line per error: the key, the value and the allowed values."""


_MOST_LINES = 20
"""Lines of a message."""
LONGEST_VALUE = 100
"""Characters of a key or value in a message."""

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], values: Any, where: str = "") -> Model:
    """Validate ``values`` as a ``model``.

    Parameters
    ----------
    model
        The model that describes the values.
    values
        Nested dictionaries, as a YAML or JSON file gives them, or a model. numpy's numbers and arrays count as
        Python's.
    where
        Prefix of each line of an error, for instance the name of the file that holds the values.

    Raises
    ------
    ParameterError
        If values are not allowed; the message has one line per wrong key.
    """
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ParameterError(f"parse: the first argument must be a class such as Network, not {kind_of(model)}")
    readers: dict[int, type[BaseModel]] = {}
    values = _without_numpy(values)
    try:
        return model.model_validate(values, context=readers)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        lines = _with_alternatives(_line(detail, values, readers) for detail in details[:_MOST_LINES])
        if len(details) > _MOST_LINES:
            lines.append(f"{len(details) - _MOST_LINES} other values are not allowed either")
        raise ParameterError("\n".join(f"{printable(where)}{line}" for line in lines)) from None


def expect(name: str, value: Any, allowed: type | tuple[type, ...], how: str) -> None:
    """Check the type of an argument.

    Parameters
    ----------
    name
        The argument.
    value
        What was given.
    allowed
        Type or types that are allowed.
    how
        What is expected and how it is made, for the message.

    Raises
    ------
    ParameterError
        The value has another type.
    """
    if not isinstance(value, allowed):
        raise ParameterError(f"{name}: must be {how}, not {kind_of(value)}")


def expect_path(name: str, value: Any) -> None:
    """Check that an argument is a path; a :class:`ParameterError` if not."""
    expect(name, value, (str, os.PathLike), "a path, as text or a Path")


def kind_of(value: Any) -> str:
    """Return the type of a value in words, with the shape of an array and the type of its numbers."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    of_array = f" of shape {shape}" + (f" and type {dtype}" if dtype is not None else "") if shape else ""
    return type(value).__name__ + of_array


def _without_numpy(values: Any) -> Any:
    """Return ``values`` with numbers and arrays of numpy as numbers and lists; the same object if there are none."""
    if type(values).__module__ == "numpy" and hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, dict):
        plain: Any = {key: _without_numpy(inner) for key, inner in values.items()}
        return plain if any(plain[key] is not inner for key, inner in values.items()) else values
    if isinstance(values, list):
        plain = [_without_numpy(inner) for inner in values]
        return plain if any(new is not old for new, old in zip(plain, values, strict=True)) else values
    return values


def no_such_key(key: str, known: Iterable[str]) -> str:
    """Return the message for a key that is not among the ``known`` ones, with the closest of them."""
    known = list(known)
    close = difflib.get_close_matches(key, known, n=1)
    return f"no such key; close to it: {close[0]}" if close else f"no such key; allowed: {', '.join(known)}"


_PLAIN_WORDS = {
    "too_short": "must have entries, at least {min_length}",
    "too_long": "must have entries, at most {max_length}",
    "string_type": "Input should be text, in quotes if it looks like a number",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be keys with values, `key: value`"),
}
"""Messages that replace those in which pydantic speaks of its own types, by the type of the error."""


def _line(detail: ErrorDetails, values: Any, readers: Mapping[int, type[BaseModel]]) -> str:
    """Return the line for one error; ``readers`` holds the model that read a value, by the identity of the value."""
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    keys, section = _keys(values, detail)
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"{'.'.join(keys)}: {_unknown_key(keys[-1], readers[id(section)])}"
    if kind.startswith("union_tag"):  # the key that selects one of several models is wrong or missing
        if not isinstance(given, dict):
            message = _PLAIN_WORDS["dict_type"]
        else:
            keys.append(context["discriminator"].strip("'_()"))
            kind, given = ("missing", None) if kind == "union_tag_not_found" else (kind, context["tag"])
            message = "Field required" if kind == "missing" else f"Input should be one of {context['expected_tags']}"
    key = ".".join(keys) or "configuration"
    message = _PLAIN_WORDS[kind].format(**context) if kind in _PLAIN_WORDS else message
    if kind == "value_error" and not keys:  # the message names the keys
        return message
    if kind == "missing" or isinstance(given, dict | BaseModel):
        return f"{key}: {message}"
    text = json.dumps(given) if given is None or isinstance(given, bool) else repr(given)
    return f"{key} = {visible(text)}: {message}"


def _with_alternatives(lines: Iterable[str]) -> list[str]:
    """Return lines in which a value that may be of several types has one line for all of them."""
    expected: dict[str, list[str]] = {}
    for line in lines:
        start, words, alternative = line.partition(_INPUT_SHOULD_BE)
        expected.setdefault(f"{start}{words}", []).append(alternative)
    return [f"{start}{' or '.join(dict.fromkeys(alternatives))}" for start, alternatives in expected.items()]


_INPUT_SHOULD_BE = ": Input should be "


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    """Return the message for a key that ``model`` lacks; it names the model if several were possible."""
    message = no_such_key(key, model.model_fields)
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            message = message.replace("no such key", f"no such key where {name} is {get_args(field.annotation)[0]}", 1)
    return message


def _keys(values: Any, detail: ErrorDetails) -> tuple[list[str], Any]:
    """Return the keys in the location of an error, and the dictionary or list that contains the last of them.

    pydantic's locations also contain the names of alternative models, which are no keys, but may equal some. Of all
    ways to read a location, the one that leads to the input of the error is right.
    """
    location, missing = detail["loc"], detail["type"] == "missing"
    ways = _ways(values, location[:-1] if missing else location)
    path, section, value = next(ways)
    if value is not detail["input"]:
        path, section, _ = next((way for way in ways if way[2] is detail["input"]), (path, section, value))
    keys = [*path, location[-1]] if missing else path
    return [visible(str(key)) for key in keys], section


def _ways(values: Any, location: tuple[int | str, ...]) -> Iterator[tuple[list[int | str], Any, Any]]:
    """Yield the keys, the container of the last of them, and its value, the ways with the most keys first."""
    if not location:
        yield [], None, values
        return
    part, *rest = location
    if part in values if isinstance(values, dict) else isinstance(values, list) and isinstance(part, int):
        for keys, section, value in _ways(values[part], tuple(rest)):
            yield [part, *keys], section if keys else values, value
    yield from _ways(values, tuple(rest))


def shown(value: Any) -> str:
    """Return any value as a part of a line, see :func:`visible`."""
    return visible(repr(value))


def visible(text: str) -> str:
    """Return ``text`` as a part of a line: short, and with escapes for what ends a line or controls a terminal."""
    text = printable(text[: LONGEST_VALUE + 1])
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
