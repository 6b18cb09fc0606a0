"""Values that the parameters of several experiments share."""

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from eprop_core.parsing import Whole

Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]
"""Name of a task, a study, a scaling experiment or a variant; it becomes part of file names."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]


def different(values: list[Any]) -> list[Any]:
    """Return ``values``; raise a ValueError if one comes twice."""
    twice = [value for value, number in Counter(values).items() if number > 1]
    if twice:
        raise ValueError(f"{twice[0]} comes twice")
    return values


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(different)]
RankCount = Annotated[Whole, Field(ge=1)]
