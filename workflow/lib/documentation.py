"""Write the documents that are generated from the code.

These are the JSON Schemas of the configuration and of the points of the race, and the tables of the configuration's
keys, from their models; the tables of command lines, from their parsers; the layers and the imports of the packages;
the pitfalls of the conformance set; and the page about the claims of the paper, from the evidence in
``docs/reproduction``. Run it in the directory of the project after a change of models, command lines, imports, pitfalls
or evidence.
"""

import json
from pathlib import Path

from eprop_core.files.arguments import Parser
from eprop_core.verification.conformance.pitfalls import PITFALLS
from workflow.lib import architecture, command_lines, configuration_keys
from workflow.scripts.race.points import Points
from workflow.scripts.reproduction import claims, page

SCHEMA = Path("workflow/schemas/config.schema.json")
SCHEMA_OF_POINTS = Path("benchmarks/points.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
KEYS = Path("docs/reference/configuration")
COMMANDS = Path("docs/reference/command_lines.md")
ARCHITECTURE = Path("docs/explanation/architecture.md")
IMPORTS = "| package | imports |\n|---|---|\n"
REPRODUCTION = Path("docs/reproduction.md")
CONFORMANCE = Path("docs/reference/conformance.md")
PITFALL_TABLE = "| pitfall | what is right |\n|---|---|\n"


def schema() -> str:
    """Return the JSON Schema of the configuration."""
    return json.dumps({"$schema": DIALECT, **configuration_keys.schema()}, indent=2) + "\n"


def schema_of_points() -> str:
    """Return the JSON Schema of the points of the race."""
    return json.dumps({"$schema": DIALECT, **Points.model_json_schema()}, indent=2) + "\n"


def documents(directory: Path) -> dict[Path, str]:
    """Return the up-to-date content of the generated documents below ``directory``, by file."""
    packages = (directory / ARCHITECTURE).read_text(encoding="utf-8")
    packages = _with(packages, "```text\n", architecture.layers(directory), "```\n")
    packages = _with(packages, IMPORTS, architecture.imports(directory), "\n")
    conformance = (directory / CONFORMANCE).read_text(encoding="utf-8")
    rows = "".join(f"| {name} | {pitfall.text} |\n" for name, pitfall in PITFALLS.items())
    evidence = page.collected(sorted((directory / REPRODUCTION.with_suffix("")).glob("*.csv")))
    return {
        directory / SCHEMA: schema(),
        directory / SCHEMA_OF_POINTS: schema_of_points(),
        **{directory / KEYS / f"{name}.md": keys for name, keys in configuration_keys.pages().items()},
        directory / COMMANDS: command_lines.page(),
        directory / ARCHITECTURE: packages,
        directory / CONFORMANCE: _with(conformance, PITFALL_TABLE, rows, "\n"),
        directory / REPRODUCTION: page.page(claims.read(), evidence),
    }


def _with(markdown: str, start: str, lines: str, end: str) -> str:
    """Return Markdown with the lines between the first ``start`` and the next line ``end`` replaced by ``lines``."""
    before, start, rest = markdown.partition(start)
    _, end, after = f"\n{rest}".partition(f"\n{end}")
    return before + start + lines + end.removeprefix("\n") + after


def main() -> None:
    """Write the files."""
    Parser(prog="python -m workflow.lib.documentation", description=__doc__).parse_args()
    for file, text in documents(Path.cwd()).items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
