"""Names of parameters and measured values in figures, tables and captions, from the fields of their models.

A field has them as ``json_schema_extra={"label": ..., "unit": ...}``. Where the fields along a path have labels, these
make up the name: "input" and "density" are the input density.
"""

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def name_of(model: type[BaseModel], path: str) -> str:
    """Return the name of the value at a ``path`` below ``model``, such as ``network.input.delay``, without its unit.

    A field without a label is named by its path.
    """
    fields = _fields(model, path)
    labels = [_extra(field, "label") for field in fields]
    if not labels or not labels[-1]:
        return path.removeprefix("network.").replace(".", " ").replace("_", " ")
    text = " ".join(filter(None, labels))
    return text[:1].upper() + text[1:]


def unit_of(model: type[BaseModel], path: str) -> str:
    """Return the unit of the value at a path; nothing where it has none."""
    fields = _fields(model, path)
    return _extra(fields[-1], "unit") if fields else ""


def label_of(model: type[BaseModel], path: str) -> str:
    """Return the name with its unit in brackets: what stands on an axis or above a column."""
    unit = unit_of(model, path)
    return f"{name_of(model, path)} ({unit})" if unit else name_of(model, path)


def _fields(model: type[BaseModel], path: str) -> list[FieldInfo]:
    """Return the fields along a path; none where it leads nowhere."""
    fields: list[FieldInfo] = []
    models = [model]
    for key in path.split("."):
        found = [one.model_fields[key] for one in models if key in one.model_fields]
        if not found:
            return []
        fields.append(found[0])
        models = [one for field in found for one in _models(field.annotation)]
    return fields


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation allows, of which a union has several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _extra(field: FieldInfo, key: str) -> str:
    extra = field.json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""
