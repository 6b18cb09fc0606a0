"""What became of a case."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The result of a case: whether it passed, its kind in a few words that stay the same, and what was seen."""

    passed: bool
    kind: str
    detail: str = ""
