"""Schedules of the learning rate: factors of the learning rates that the network has when training begins."""

import itertools
import math
from abc import abstractmethod
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from eprop_core.parsing import ParameterError, Parameters, Whole

Factor = Annotated[float, Field(ge=0)]


class Place(NamedTuple):
    """Place of a group of samples in a training."""

    group: int
    """Number of the group, from 0."""
    n_groups: int
    """Number of all groups."""
    epoch: int
    """Number of its epoch, from 0."""
    samples: int
    """Samples that are shown before it."""


class _Schedule(Parameters):
    @abstractmethod
    def at(self, place: Place) -> float:
        """Return the factor of the learning rate for a group of samples."""

    def of(self, projection: str) -> Self:
        """Return the schedule of a projection, which is the same for all."""
        return self


class Constant(_Schedule):
    """Constant learning rate."""

    kind: Literal["constant"] = "constant"

    def at(self, place: Place) -> float:
        """Return 1."""
        return 1.0


class Steps(_Schedule):
    """Step decay: the learning rate is multiplied by a factor at regular intervals."""

    kind: Literal["steps"]
    factor: float = Field(gt=0, description="factor of the learning rate at each step")
    epochs: Whole | None = Field(None, ge=1, description="epochs from one step to the next; null: groups are given")
    groups: Whole | None = Field(None, ge=1, description="groups from one step to the next; null: epochs are given")

    @model_validator(mode="after")
    def _one_length_is_given(self) -> Self:
        if (self.epochs is None) == (self.groups is None):
            raise ValueError("steps have either epochs or groups")
        return self

    def at(self, place: Place) -> float:
        """Return the factor after the steps so far."""
        n_steps = place.group // self.groups if self.groups is not None else place.epoch // (self.epochs or 1)
        try:
            return float(self.factor**n_steps)
        except OverflowError:
            raise ParameterError(
                f"learning_rate_schedule: {self.factor:g} to the power of {n_steps} steps is too large; expected a "
                "smaller factor or longer steps"
            ) from None


class Cosine(_Schedule):
    """Cosine annealing: the factor falls from 1 in the first group to its final value in the last one."""

    kind: Literal["cosine"]
    final_factor: Factor = Field(0.0, description="factor of the last group")

    def at(self, place: Place) -> float:
        """Return final_factor + (1 - final_factor) (1 + cos(pi group / (n_groups - 1))) / 2."""
        progress = place.group / max(1, place.n_groups - 1)
        return self.final_factor + (1.0 - self.final_factor) * 0.5 * (1.0 + math.cos(math.pi * progress))


class Listed(_Schedule):
    """List of factors, one per epoch, or each from a given number of samples on."""

    kind: Literal["list"]
    factors: list[Factor] = Field(min_length=1, description="factors in temporal order; the last one remains")
    samples: list[Annotated[Whole, Field(ge=0)]] | None = Field(
        None,
        description="training samples before each factor, ascending from 0; a factor applies from the first group with "
        "at least as many samples before it. null: one factor per epoch",
    )

    @model_validator(mode="after")
    def _lists_fit_together(self) -> Self:
        if self.samples is None:
            return self
        if len(self.samples) != len(self.factors):
            raise ValueError(f"samples must be as many as the {len(self.factors)} factors")
        if self.samples[0] != 0 or any(first >= second for first, second in itertools.pairwise(self.samples)):
            raise ValueError("samples must ascend from 0")
        return self

    def at(self, place: Place) -> float:
        """Return the factor that has begun last."""
        begun = place.epoch + 1 if self.samples is None else sum(first <= place.samples for first in self.samples)
        return self.factors[min(begun, len(self.factors)) - 1]


Schedule = Annotated[Constant | Steps | Cosine | Listed, Field(discriminator="kind")]


class ByProjection(Parameters):
    """A schedule for each projection."""

    kind: Literal["by_projection"]
    input: Schedule = Field(Constant(), description="schedule of the input projection")
    recurrent: Schedule = Field(Constant(), description="schedule of the recurrent projection")
    output: Schedule = Field(Constant(), description="schedule of the output projection")

    def of(self, projection: str) -> Schedule:
        """Return the schedule of a projection."""
        schedule: Schedule = getattr(self, projection)
        return schedule


LearningRateSchedule = Annotated[Constant | Steps | Cosine | Listed | ByProjection, Field(discriminator="kind")]
