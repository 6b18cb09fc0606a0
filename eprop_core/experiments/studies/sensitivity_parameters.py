"""The parameters of the experiment on sensitivity."""

from typing import Annotated

from pydantic import AfterValidator, Field

from eprop_core.experiments.values import COLUMNS, LOOKS, Name, Seeds
from eprop_core.parsing import Parameters, different


class Sensitivity(Parameters):
    """Trainings that are repeated with one input spike less, and how far both runs are apart."""

    tasks: Annotated[list[Name], AfterValidator(different)] = Field(
        min_length=1,
        max_length=COLUMNS,
        description="names of the tasks, of constant learning rates, without rewiring and on one rank",
    )
    seeds: Seeds = Field(max_length=LOOKS, description="two trainings per seed and task; each seed has a line")
