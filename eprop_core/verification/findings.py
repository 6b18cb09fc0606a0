"""Findings of a comparison of two simulations, as result files hold them."""

from pydantic import ConfigDict, Field

from eprop_core.records import Record

DISTANCE = "distance to threshold"
LARGEST_DISTANCE = 1e-7
"""Distance of a voltage to the threshold, in widths of the surrogate gradient, that rounding can explain.

Voltages differ by roundings that learning has amplified, up to some 1e-9. The distance itself is read from the
surrogate gradient, whose rounding hides a distance of 1e-8 where that is flat (arctan).
"""
AMPLIFICATION = "difference over that by other last bits"
LARGEST_AMPLIFICATION = 100.0
"""A difference relative to the one that other last bits of the initial weights make, that rounding can explain.

Each of thousands of additions rounds, where the bits of the weights change once; and the event-driven sums are
rounded at up to a hundred times the size of the traces that they stand for (``eprop_core.model.running_sums``).
"""


class _Finding(Record):
    """Base of findings, whose numbers may be infinite or no number."""

    model_config = ConfigDict(allow_inf_nan=True)


class Difference(_Finding):
    """The largest difference of a quantity."""

    quantity: str
    max_difference: float = Field(
        description="relative to the largest value of the quantity", json_schema_extra={"label": "largest difference"}
    )
    tolerance: float = Field(json_schema_extra={"label": "tolerance"})

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.max_difference <= self.tolerance

    def within(self, steps: str) -> "Difference":
        """Return the difference with the name of its steps, unless it has one."""
        named = self.quantity.endswith(" steps")
        return self if named else self.model_copy(update={"quantity": self.quantity + steps})


class Divergence(_Finding):
    """The first spike that only one of two simulations has."""

    step: int
    neuron: int
    distance: float = Field(description="of the voltage to the threshold, in widths of the surrogate gradient")
    amplification: float | None = Field(
        None,
        description="the distance relative to how far other last bits move that voltage; null: the distance is within "
        "rounding",
    )

    @property
    def difference(self) -> Difference:
        """The difference that decides whether rounding explains the divergence."""
        if self.amplification is not None and self.amplification <= LARGEST_AMPLIFICATION:
            quantity, value, largest = AMPLIFICATION, self.amplification, LARGEST_AMPLIFICATION
        else:
            quantity, value, largest = DISTANCE, self.distance, LARGEST_DISTANCE
        return Difference(quantity=f"{quantity}, step {self.step}", max_difference=value, tolerance=largest)


class Amplification(_Finding):
    """Rounding that has grown beyond the tolerance, while all spikes are equal."""

    step: int = Field(description="steps in which all differences are within the tolerance")
    amplification: float = Field(
        description="largest difference, relative to the one that other last bits of the initial weights make in the "
        "reference"
    )


class Activity(_Finding):
    """Activity of a reference: to be equal to a silent or static network would mean little."""

    spikes: int
    weight_change: float = Field(description="largest, relative to the largest initial weight of the projection")
