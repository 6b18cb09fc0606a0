"""How parameters are read: every wrong one is told in one line, which names the key, the value and what is allowed."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic_core import ErrorDetails


class Parameters(BaseModel):
    """Base of all parameter sets: frozen, no unknown keys, no conversion of wrong types, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _note_reader(cls, values: Any, info: ValidationInfo) -> Any:
        """Note which model reads these values, for :func:`parse` to tell the keys that it has."""
        if info.context is not None:
            info.context[id(values)] = cls
        return values


class ParameterError(ValueError):
    """A parameter that is not allowed; the message is one line: where, what, and what is allowed."""


Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], values: Any, where: str = "") -> Model:
    """Validate ``values`` as ``model``; raise a :class:`ParameterError` of one line per wrong key.

    ``where`` is put before each key, for instance the name of the file that the values come from.
    """
    readers: dict[int, type[BaseModel]] = {}
    try:
        return model.model_validate(values, context=readers)
    except pydantic.ValidationError as error:
        lines = [_line(detail, values, readers) for detail in error.errors()]
        raise ParameterError("\n".join(f"{where}{line}" for line in lines)) from None


def no_such_key(key: str, known: Iterable[str]) -> str:
    """Return what is told of a key that is none of those ``known``."""
    known = list(known)
    close = difflib.get_close_matches(key, known, n=1)
    return f"no such key; close to it: {close[0]}" if close else f"no such key; allowed: {', '.join(known)}"


_PLAIN_WORDS = {
    "too_short": "must have entries, at least {min_length}",
    "too_long": "must have entries, at most {max_length}",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be keys with values, `key: value`"),
}
"""Where those of pydantic are about its insides."""


def _line(detail: ErrorDetails, values: Any, readers: Mapping[int, type[BaseModel]]) -> str:
    """Return the line on one error, where ``readers`` are the models that have read values, by identity."""
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    keys, section = _keys(values, detail["loc"], missing=kind == "missing")
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"{'.'.join(keys)}: {_unknown_key(keys[-1], readers[id(section)])}"
    if kind.startswith("union_tag"):  # the key that tells which of several models is meant is wrong or missing
        if not isinstance(given, dict):
            message = _PLAIN_WORDS["dict_type"]
        else:
            keys.append(context["discriminator"].strip("'_()"))
            kind, given = ("missing", None) if kind == "union_tag_not_found" else (kind, context["tag"])
            message = "Field required" if kind == "missing" else f"Input should be one of {context['expected_tags']}"
    key = ".".join(keys) or "configuration"
    message = _PLAIN_WORDS[kind].format(**context) if kind in _PLAIN_WORDS else message
    if kind == "missing" or isinstance(given, dict | BaseModel):
        return f"{key}: {message}"
    return f"{key} = {json.dumps(given) if given is None or isinstance(given, bool) else repr(given)}: {message}"


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    """Return what is told of a key that ``model`` lacks; where it is one of several, also which one it is."""
    told = no_such_key(key, model.model_fields)
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            told = told.replace("no such key", f"no such key where {name} is {get_args(field.annotation)[0]}", 1)
    return told


def _keys(values: Any, location: tuple[int | str, ...], missing: bool) -> tuple[list[str], Any]:
    """Return the parts of an error's location that are keys, and the values in which the last of them is.

    Kinds of alternatives are parts that are no keys. ``missing`` tells that the last part is one, although ``values``
    lack it.
    """
    keys = []
    section = values
    for depth, part in enumerate(location):
        if part in values if isinstance(values, dict) else isinstance(values, list) and isinstance(part, int):
            keys.append(_visible(str(part)))
            section, values = values, values[part]
        elif missing and depth + 1 == len(location):
            keys.append(_visible(str(part)))
    return keys, section


def _visible(key: str) -> str:
    """Return ``key`` with escapes for what would end the line, or change how a terminal shows it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in key)
