"""Values that the parameters of several experiments share."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]
"""Name of a task, a study, a scaling experiment or a variant; it becomes part of file names."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]


def different(values: list[Any]) -> list[Any]:
    """Return ``values``; raise a ValueError if one comes twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} comes twice")
    return values


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(different)]
RankCount = Annotated[int, Field(ge=1)]
