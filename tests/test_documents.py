"""Names and files that the documents mention exist, and docstrings have the format that the documentation reads."""

import ast
import importlib
import re
import shlex
import typing
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser

from eprop_core import configuration
from eprop_core.parsing import ParameterError
from results_contract import RULES

PROJECT = Path(__file__).parents[1]


def resolve(name: str) -> Any:
    """Return what a dotted name below ``eprop_core`` stands for; fields of models and tuples stand for their type."""
    value: Any = importlib.import_module("eprop_core")
    path = "eprop_core"
    for part in name.split("."):
        path += f".{part}"
        if hasattr(value, part):
            value = getattr(value, part)
        elif isinstance(value, type) and part in typing.get_type_hints(value):
            value = typing.get_type_hints(value)[part]
        else:
            value = importlib.import_module(path)
    return value


def names_in_glossary() -> list[str]:
    text = (PROJECT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    rows = [row.split("|") for row in re.findall(r"^\| (?!term|---).*$", text, re.MULTILINE)]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[2])]


@pytest.mark.parametrize("name", names_in_glossary())
def test_a_name_in_the_glossary_exists(name: str) -> None:
    resolve(name)


def test_the_glossary_has_names() -> None:
    assert len(names_in_glossary()) > 50


def test_a_name_that_does_not_exist_raises_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        resolve("parameters.Plasticity.kapa")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "config/README.md", "envs/README.md", "docs"])
def test_files_that_documents_name_exist(document: str) -> None:
    """Links, and names of files and folders of the code."""
    path = PROJECT / document
    for file in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
        text = file.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
            assert (file.parent / link).exists(), f"{file.name}: {link}"
        if file.name in ("extending.md", "simulators.md"):  # name files that their reader adds
            continue
        for name in re.findall(
            r"`((?:eprop_core|workflow|config|tests|envs|profiles|simulators|benchmarks)/[\w./]*)`", text
        ):
            assert (PROJECT / name).exists(), f"{file.name}: {name}"


GENERATED = {"docs/reproduction.md"}
"""Its lines are rules, commands and origins of results."""


def test_lines_of_prose_have_at_most_120_characters() -> None:
    """Tables, diagrams and formulas may be wider, and so may names that cannot be broken."""
    files = [
        *PROJECT.glob("*.md"),
        *(file for part in ("config", "docs", "envs") for file in (PROJECT / part).rglob("*.md")),
    ]
    for file in files:
        name = file.relative_to(PROJECT).as_posix()
        prose = re.sub(r"^(```|\$\$)[^$]*?^\1$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for line in prose.splitlines() if name not in GENERATED else ():
            words = line.split()
            assert len(line) <= 120 or line.startswith("|") or len(words) == 1, f"{name}: {line}"


ADDED = {"footprint"}
"""Rules that readers of ``docs/how_to/extending.md`` add."""


def commands() -> list[str]:
    """Calls of Snakemake in documents and configurations, without comments and ellipses."""
    folders = [PROJECT / part for part in ("config", "docs", "envs")]
    files = [*PROJECT.glob("*.md"), *(file for part in folders for file in part.rglob("*.md"))]
    text = "\n".join(
        file.read_text(encoding="utf-8").replace("\\\n", " ") for file in files if "_build" not in file.parts
    )
    text += "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT / "config").glob("*.yaml"))
    found = re.findall(
        r"^ {4,}snakemake ([^#\n]*)|`snakemake (-[^`]*)`|#[^`\n]*\bsnakemake (-[^.`\n]*(?:\.yaml\b)?)", text, re.M
    )
    return sorted({"".join(parts).strip() for parts in found})


def test_commands_of_snakemake_in_documents_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Options have their values; configurations are there, and targets are rules or files."""
    parser = get_argument_parser()
    rules = re.findall(
        r"^(?:use rule \w+ as|rule) (\w+)", "\n".join(file.read_text("utf-8") for file in RULES), re.MULTILINE
    )
    assert len(commands()) > 40 and "--cores all -- race" not in commands()
    for command in commands():
        try:
            given = parser.parse_args(shlex.split(command.replace("...", "")))
        except SystemExit:
            pytest.fail(f"snakemake {command}\n{capsys.readouterr().err.splitlines()[-1]}")
        files = [str(file) for file in given.configfile or ()]
        assert all(file.endswith(".yaml") for file in files), command
        assert all((PROJECT / file).exists() for file in files if re.match(r"config/[a-z]", file)), command
        assert {target for target in given.targets if "/" not in target} <= {*rules, *ADDED}, command


def test_the_gallery_has_the_figures_of_all_studies_and_scalings() -> None:
    text = (PROJECT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"`(\w+)`", text)) | set(re.findall(r"results/figures/(\w+)\.pdf", text))
    drawn = set()
    for file in (PROJECT / "config").glob("*.yaml"):
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        with suppress(ParameterError):  # an addition to another file
            loaded = configuration.load(values, file.name)
            drawn |= set(loaded.studies) | {f"{name}_scaling" for name in loaded.scaling}
    drawn -= {"densities"}  # of smoke.yaml, for tests
    assert {"learning", "size", "nest_weak_scaling"} < drawn
    assert drawn <= shown


def test_sections_of_docstrings_are_in_numpydoc_format() -> None:
    """A heading is underlined, and its entries are not indented; numpydoc takes all else for text."""
    checked = 0
    for file in sorted(file for part in ("eprop_core", "workflow") for file in (PROJECT / part).rglob("*.py")):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        for node in ast.walk(ast.parse(file.read_bytes())):
            text = ast.get_docstring(node) if isinstance(node, documented) else None
            sections = re.findall(r"^(Args|Parameters|Raises|Returns|Yields)(:|\n-+\n\s*)", text or "", re.MULTILINE)
            checked += len(sections)
            for heading, rest in sections:
                underline = f"\n{'-' * len(heading)}\n"
                assert rest == underline, f"{file.relative_to(PROJECT)}: {heading}: {text}"
    assert checked > 300
