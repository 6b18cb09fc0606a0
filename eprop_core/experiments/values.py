"""Values that the parameters of several experiments share."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from eprop_core.parsing import Pattern, Whole, different

Name = Annotated[
    str,
    StringConstraints(max_length=100),
    Pattern(
        "^[a-z][a-z0-9_]*$",
        "begin with a lower-case letter and have lower-case letters, digits and underscores only",
    ),
]
"""Name of a task, a study, a scaling experiment or a variant; it becomes part of file names, of 255 letters at most."""

LOOKS = 6
"""Lines of a panel that can be told apart, by colour and marker."""
COLUMNS = 6
"""Columns of panels for which a figure has the width."""
VALUES = 100
"""Values for which an axis has the length."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(different)]


RankCount = Annotated[Whole, Field(ge=1)]
RankCounts = Annotated[list[RankCount], AfterValidator(different)]
