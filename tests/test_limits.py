"""The tests that ``docs/explanation/limits.md`` names exist."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_every_named_test_exists() -> None:
    text = (PROJECT / "docs" / "explanation" / "limits.md").read_text(encoding="utf-8")
    named, file = 0, ""
    for path, test in re.findall(r"`(tests/[\w/]+\.py)?(?:::(test_\w+)[^`]*)?`", text):
        file = path or file  # `::test_name` alone belongs to the file named before
        content = (PROJECT / file).read_text(encoding="utf-8")
        assert not test or f"\ndef {test}(" in content, f"{file}::{test}"
        named += bool(test)
    assert named > 40


def test_every_limit_names_a_test() -> None:
    text = (PROJECT / "docs" / "explanation" / "limits.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        for entry in re.split(r"\n\n(?=\*\*)", section)[1:]:
            assert "`tests/" in entry, entry[:60]
