"""Numbers that would mean nothing are left out, for a reason that table and figure state.

A quotient of nothing, and a time or memory that is a difference of two measurements and not clearly above zero, are
missing from tables of numbers (NaN) and from figures. In print a dash takes their place, with a mark for the reason.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pandas as pd
from pandas.api.typing import DataFrameGroupBy

MARKS = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐ"


class Reason(Enum):
    """Where numbers are left out, as a note says it."""

    NO_EVENTS = "no synaptic event happened"
    NO_SYNAPSES = "there is no synapse"
    NOT_LONGER = "a time is the difference between two runs, and the longer one did not take clearly longer"
    NOT_LARGER = "the memory of the process did not clearly grow"
    GIVEN_BACK = "the process gave memory back while it ran"
    NO_REFERENCE = "the reference is zero"
    NO_LOGARITHM = "a cost is zero, of which there is no geometric mean"
    NOT_REACHED = "no run reached the goal"
    ONE_SEED = "there is a single seed, and no spread to test a difference against"
    NO_SPREAD = "all seeds differ by the same, and there is no spread to test that against"
    NOTHING_SEEN = "there are no events"
    CONSTANT = "numbers are all equal, and have no correlation"
    NOT_FINITE = "synapses differ, or a value is not finite"

    @property
    def mark(self) -> str:
        """A superscript letter."""
        return MARKS[list(Reason).index(self)]


Reasons = Mapping[Reason, "pd.Series[bool]"]
"""The rows of a table for which a reason holds; of several, the first one counts."""


def positive(values: "pd.Series[float]") -> "pd.Series[float]":
    """Return ``values``, missing where they are not above zero or not finite."""
    return values.where((values > 0) & (values < float("inf")))


def quotient(numerator: "pd.Series[float]", denominator: "pd.Series[float]") -> "pd.Series[float]":
    """Return the quotient, missing where the denominator is not above zero."""
    return numerator / positive(denominator)


def clearly_positive(groups: "DataFrameGroupBy[Any, Any]", column: str) -> "pd.Series[bool]":
    """Return by group whether a difference of two measurements is above zero in all but a quarter of the repeats."""
    return groups[column].quantile(0.25) > 0


def reasons_of(values: "pd.Series[float]", reasons: Reasons) -> list[Reason]:
    """Return the reasons for which some of ``values`` are missing."""
    missing, found = values.isna(), []
    for reason, holds in reasons.items():
        if (missing & holds).any():
            found.append(reason)
        missing &= ~holds
    return found
