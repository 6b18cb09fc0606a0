"""Write the documents that are generated from the code.

These are the JSON Schema of the configuration and the tables of its keys, from its models; the layers and the diagram
of the packages, from their imports; and the page about the claims of the paper, from the evidence in
``docs/reproduction``. Run it in the directory of the project after a change of models, imports or evidence.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from eprop_core.configuration import Configuration
from eprop_core.parsing import WHOLE_NUMBERS
from workflow.lib import architecture
from workflow.scripts.reproduction import claims, page

SCHEMA = Path("workflow/schemas/config.schema.json")
README = Path("config/README.md")
ARCHITECTURE = Path("docs/architecture.md")
REPRODUCTION = Path("docs/reproduction.md")
HEADING = "## All keys\n"
"""The README is generated from this heading on."""


def schema() -> str:
    """Return the JSON Schema of the configuration."""
    values = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_root()}
    return json.dumps(values, indent=2) + "\n"


def keys() -> str:
    """Return the section with a table of keys for each model of the configuration, in Markdown."""
    root = _root()
    order = ["Configuration"]
    for name in order:  # the list grows in the loop: a model comes before those that its keys refer to
        order += [other for other in dict.fromkeys(_references(_model(root, name)["properties"])) if other not in order]
    parts = [
        HEADING,
        "Made by `python -m workflow.lib.documentation` from the models that check them. Integers are below 2³¹ unless "
        "stated otherwise.\n",
    ]
    for name in order:
        model = _model(root, name)
        parts.append(f"### {name}\n\n{model['description']}\n")
        required = model.get("required", [])
        parts.append("| key | value | default | meaning |\n|---|---|---|---|")
        for key, field in model["properties"].items():
            default = "required" if key in required else _default(field.get("default"))
            parts.append(f"| `{key}` | {_values(field)} | {default} | {field.get('description', '')} |")
        parts.append("")
    return "\n".join(parts)


def _root() -> dict[str, Any]:
    """Return the schema of the configuration, in which a description begins with the unit of the values."""
    root: dict[str, Any] = _with_units(Configuration.model_json_schema())
    return root


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


def _values(field: dict[str, Any]) -> str:
    """Return a description of the values that a key allows."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if alternatives := field.get("oneOf") or field.get("anyOf"):
        return " or ".join(_values(alternative) for alternative in alternatives)
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_values(field['items']) if field['items'] else 'values'}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()))
        return f"{_values(inner) if isinstance(inner, dict) else 'value'} by name"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    stated = {key: field[key] for key in bounds if field.get(key, WHOLE_NUMBERS) != WHOLE_NUMBERS}
    limits = [f"{bounds[key]} {bound:g}" for key, bound in stated.items()]
    return " ".join([str(field.get("type", "any value")), ", ".join(limits)]).strip()


def documents(directory: Path) -> dict[Path, str]:
    """Return the up-to-date content of the generated documents below ``directory``, by file."""
    readme = (directory / README).read_text(encoding="utf-8").partition(HEADING)[0] + keys()
    packages = (directory / ARCHITECTURE).read_text(encoding="utf-8")
    for kind, content in {"text": architecture.layers(directory), "mermaid": architecture.diagram()}.items():
        packages = _with_block(packages, kind, content)
    evidence = page.collected(sorted((directory / REPRODUCTION.with_suffix("")).glob("*.csv")))
    return {
        directory / SCHEMA: schema(),
        directory / README: readme,
        directory / ARCHITECTURE: packages,
        directory / REPRODUCTION: page.page(claims.read(), evidence),
    }


def _with_block(markdown: str, kind: str, content: str) -> str:
    """Return Markdown with the content of its fenced block of a kind replaced."""
    before, fence, rest = markdown.partition(f"```{kind}\n")
    _, end, after = rest.partition("```\n")
    return before + fence + content + end + after


def main() -> None:
    """Write the files."""
    argparse.ArgumentParser(prog="python -m workflow.lib.documentation", description=__doc__).parse_args()
    for file, text in documents(Path.cwd()).items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
