"""The keys of a configuration in tables, a page for each topic, from the models that check them."""

import json
from typing import Any

from eprop_core.configuration import Configuration
from eprop_core.parsing import WHOLE_NUMBERS

TOPICS = {
    "network": ("Networks", ("TaskNetwork", "Network"), "neurons, connections, weights, learning rule, optimizers"),
    "training": ("Training", ("Training",), "epochs, learning rate schedules, early stopping, rewiring, ranks"),
    "data": ("Data sets and tasks", ("TaskParameters",), "data sets, recordings of your own, generated tasks"),
    "experiments": ("Experiments", ("Configuration",), "top-level keys, studies, scaling, comparisons, verification"),
}
"""Pages: title, the models that lead to all others there, and what it has. A model is on the first that leads to it."""

_INTRODUCTION = (
    "Made by `python -m workflow.lib.documentation` from the models that check them. Integers are below 2³¹\n"
    "unless stated otherwise.\n"
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration, in which a description begins with the unit of the values."""
    values: dict[str, Any] = _with_units(Configuration.model_json_schema())
    return values


def pages() -> dict[str, str]:
    """Return a page with a table of keys for each model, in Markdown, by topic, and an overview, ``index``."""
    root = schema()
    places: dict[str, str] = {}
    for topic, (_, first, _) in TOPICS.items():
        for name in _reachable(root, first, places):
            places[name] = topic
    result = {"index": _overview()}
    for topic, (title, first, _) in TOPICS.items():
        models = [name for name in places if places[name] == topic]
        models.sort(key=lambda name: name not in first)  # the first ones lead to all others
        tables = [_table(root, name, places) for name in models]
        result[topic] = "\n".join([f"# {title}\n", _INTRODUCTION, *tables])
    return result


def _overview() -> str:
    rows = [f"| [{title}]({topic}.md) | {content} |" for topic, (title, _, content) in reversed(TOPICS.items())]
    return "\n".join(
        [
            "# Configuration keys\n",
            "A configuration is a YAML file. [config/README.md](../../../config/README.md) lists the files of the "
            "project.\nEditors that support JSON Schema can use "
            "[`config.schema.json`](../../../workflow/schemas/config.schema.json).\n",
            "| page | keys |\n|---|---|",
            *rows,
            "",
        ]
    )


def _reachable(root: dict[str, Any], first: tuple[str, ...], known: dict[str, str]) -> list[str]:
    """Return the models that the ``first`` ones lead to and that are not ``known``, in the order of their keys."""
    order = [name for name in first if name not in known]
    for name in order:  # the list grows in the loop: a model comes before those that its keys refer to
        references = dict.fromkeys(_references(_model(root, name)["properties"]))
        order += [other for other in references if other not in order and other not in known]
    return order


def _table(root: dict[str, Any], name: str, places: dict[str, str]) -> str:
    model = _model(root, name)
    required = model.get("required", [])
    rows = ["| key | value | default | meaning |\n|---|---|---|---|"]
    for key, field in model["properties"].items():
        default = "required" if key in required else _default(field.get("default"))
        rows.append(f"| `{key}` | {_values(field, name, places)} | {default} | {field.get('description', '')} |")
    return "\n".join([f"## {name}\n\n{model['description']}\n", *rows, ""])


def _with_units(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_units(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    described = {key: _with_units(inner) for key, inner in value.items()}
    described.pop("label", None)  # no key of the configuration has either name
    if unit := described.pop("unit", None):
        described["description"] = f"{unit}, {described['description']}"
    return described


def _model(root: dict[str, Any], name: str) -> dict[str, Any]:
    model: dict[str, Any] = root if name == "Configuration" else root["$defs"][name]
    return model


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return own + [name for key, inner in value.items() if key != "default" for name in _references(inner)]
    return [name for inner in value for name in _references(inner)] if isinstance(value, list) else []


def _default(value: Any) -> str:
    """Return a default. A section shows only its choices by name, which can differ from the defaults of its model."""
    if isinstance(value, dict):
        choices = ", ".join(f"{key}: {chosen}" for key, chosen in value.items() if isinstance(chosen, str))
        if not choices or any(isinstance(inner, dict) for inner in value.values()):
            return "its own defaults" if value else "none"
        return f"`{{{choices}}}`"
    return f"`{json.dumps(value)}`"


def _values(field: dict[str, Any], page_of: str, places: dict[str, str]) -> str:
    """Return a description of the values that a key allows, with links from the page that has the model ``page_of``."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        page = "" if places[name] == places[page_of] else f"{places[name]}.md"
        return f"[{name}]({page}#{name.lower()})"
    if alternatives := field.get("oneOf") or field.get("anyOf"):
        return " or ".join(_values(alternative, page_of, places) for alternative in alternatives)
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_values(field['items'], page_of, places) if field['items'] else 'values'}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()))
        return f"{_values(inner, page_of, places) if isinstance(inner, dict) else 'value'} by name"
    return f"{field.get('type', 'any value')}{_range(field)}"


def _range(field: dict[str, Any]) -> str:
    """Return the range of a number as people write it: from 0 to 1, above 0, at least 1, 0 or more and below 1."""
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    if below == WHOLE_NUMBERS:  # of all integers
        below = None
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    lower = f"at least {_number(low)}" if low is not None else f"above {_number(above)}" if above is not None else ""
    upper = f"at most {_number(high)}" if high is not None else f"below {_number(below)}" if below is not None else ""
    limits = " and ".join(filter(None, [lower, upper]))
    return f", {limits}" if limits else ""


def _number(value: float) -> str:
    """Return a number in full, and large powers of two as such."""
    superscript = str(int(value).bit_length() - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    is_power = value > 2**30 and int(value) == value and int(value).bit_count() == 1
    return f"2{superscript}" if is_power else f"{value:.10g}"
