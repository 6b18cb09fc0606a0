"""The parameters of the experiment on sensitivity."""

from typing import Annotated

from pydantic import AfterValidator, Field

from eprop_core.experiments.values import COLUMNS, LOOKS, Name, Seeds
from eprop_core.parsing import Parameters, different


class Sensitivity(Parameters):
    """Training runs with and without one input spike, and the distance between both over time."""

    tasks: Annotated[list[Name], AfterValidator(different)] = Field(
        min_length=1,
        max_length=COLUMNS,
        description="names of the tasks, which have constant learning rates, no rewiring and one rank",
    )
    seeds: Seeds = Field(
        max_length=LOOKS, description="two training runs per seed and task; the figure has a line per seed"
    )
