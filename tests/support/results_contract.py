"""What docs/reference/results.md says of the files below ``results/``, and of the columns of their tables."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "results.md"
SUFFIXES = re.compile(r"_(low|high|median|min|max)$")
"""Of columns that go with another."""
NOT_LISTED = ("tables/race*", "figures/*")
"""Tables whose columns the page leaves to others, and figures, whose numbers are from tables."""


class Section(NamedTuple):
    """Tables of an experiment."""

    patterns: list[str]
    columns: set[str]


def sections() -> Iterator[Section]:
    text = PAGE.read_text(encoding="utf-8").partition("## Columns of the tables")[2]
    for part in text.split("\n### ")[1:]:
        rows = [row.split("|")[1] for row in part.splitlines() if row.startswith("| `")]
        yield Section(re.findall(r"`(tables/[\w*.]+)`", part), {name for row in rows for name in names(row)})


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
    files = [file.relative_to(results).as_posix() for file in results.rglob("*") if file.is_file()]
    return [file for file in files if not any(fnmatch(file, pattern) for pattern in file_patterns())]


def undescribed_columns(table: str, header: list[str]) -> list[str]:
    """Return the columns of a table that the page does not describe; those that are paths of parameters are."""
    chosen = [section for section in sections() if any(fnmatch(table, pattern) for pattern in section.patterns)]
    if not chosen:  # the table with the name of a study
        chosen = [next(sections())]
    known = set().union(*(section.columns for section in chosen))
    return [name for name in header if "." not in name and name not in known and SUFFIXES.sub("", name) not in known]
