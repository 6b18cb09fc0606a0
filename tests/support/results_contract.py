"""What docs/reference/results.md says of the files below ``results/``, and of the columns of their tables."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pandas as pd

PROJECT = Path(__file__).parents[2]
RULES = [PROJECT / "workflow" / "Snakefile", *(PROJECT / "workflow" / "rules").glob("*.smk")]
PAGE = PROJECT / "docs" / "reference" / "results.md"
SUFFIXES = re.compile(r"_(low|high|median|min|max)$")
"""Of columns that go with another."""
OF_ANY_STUDY = "tables/NAME.csv"


class Section(NamedTuple):
    """Tables of an experiment."""

    patterns: list[str]
    columns: set[str]


def sections() -> Iterator[Section]:
    text = PAGE.read_text(encoding="utf-8").partition("## Columns of the tables")[2]
    for part in text.split("\n### ")[1:]:
        rows = [row.split("|")[1] for row in part.splitlines() if row.startswith("| `")]
        patterns = re.findall(r"`((?:tables|figures)/[\w*]+\.csv)`", part)
        yield Section(patterns, {name for row in rows for name in names(row)})


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def file_patterns() -> list[str]:
    """Patterns of :func:`fnmatch.fnmatch` for all files; ``{a,b}`` stands for alternatives."""
    text = PAGE.read_text(encoding="utf-8").partition("## Columns of the tables")[0]
    patterns = [name for row in text.splitlines() if row.startswith("| `") for name in names(row.split("|")[1])]
    result = []
    for pattern in patterns:
        pattern = pattern.replace("**/", "*").replace("**", "*")
        for word, any_text in (("NAME", "*"), ("HASH", "?" * 10), ("KIND", "*"), ("N", "[0-9]*")):
            pattern = re.sub(rf"(?<![A-Z]){word}(?![A-Z])", any_text, pattern)
        alternatives = re.search(r"{(.*)}", pattern)
        choices = alternatives[1].split(",") if alternatives else [""]
        result += [re.sub(r"{.*}", choice, pattern) for choice in choices]
    return result


def undescribed_files(results: Path) -> list[str]:
    """Return the files that no pattern of the page matches."""
    return undescribed([file.relative_to(results).as_posix() for file in results.rglob("*") if file.is_file()])


def undescribed(files: list[str]) -> list[str]:
    """Return those of the files, relative to ``results/``, that no pattern of the page matches."""
    return [file for file in files if not any(fnmatch(file, pattern) for pattern in file_patterns())]


def section_of(table: str) -> tuple[str, Section]:
    """Return the section of a table or of the numbers of a figure, with the closest of the patterns that match it."""
    of_table = table.replace("figures/", "tables/")
    matching = [
        (pattern, section)
        for section in sections()
        for pattern in section.patterns
        if any(fnmatch(name, pattern.replace("NAME", "*")) for name in (table, of_table))
    ]
    return max(matching, key=lambda match: (match[0] != OF_ANY_STUDY, len(match[0])))


def undescribed_columns(table: str, header: list[str]) -> list[str]:
    """Return the columns of a table that the page does not describe; those that are paths of parameters are."""
    known = section_of(table)[1].columns
    return [name for name in header if "." not in name and name not in known and SUFFIXES.sub("", name) not in known]


def undescribed_tables(results: Path) -> dict[str, list[str]]:
    """Return the undescribed columns of all tables and figures that have some."""
    files = [*results.glob("tables/*.csv"), *results.glob("figures/*.csv")]
    headers = {
        file.relative_to(results).as_posix(): list(pd.read_csv(file, nrows=0).columns)
        for file in files
        if file.read_text(encoding="utf-8").strip()
    }
    missing = {table: undescribed_columns(table, header) for table, header in headers.items()}
    return {table: columns for table, columns in missing.items() if columns}
