"""The claims of the paper and their tests, as they stand in ``workflow/report/claims.yaml``."""

from collections.abc import Container
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from eprop_core.experiments.values import Name
from eprop_core.parsing import Parameters, parse

CLAIMS = Path(__file__).parents[2] / "report" / "claims.yaml"

Rows = dict[str, str | float]
"""Values by column of the rows of a table that are meant."""


class Question(Parameters):
    """A question that a table of results answers: is a mean at least, or at most, a bound?"""

    configuration: str = Field(description="file in config/ whose results are asked")
    target: str = Field("", description="target of Snakemake; empty: all")
    table: str = Field(description="table in results/tables, without its end .csv")
    figure: str = Field("", description="figure in results/figures that shows the number")
    quantity: str = Field(description="what is asked about")
    column: str = Field(description="column of the table; false and true count as 0 and 1")
    where: Rows = Field({}, description="rows that are asked")
    against: Rows | None = Field(
        None, description="rows whose values are subtracted, paired by the column seed; null: nothing is subtracted"
    )
    statistic: Literal["mean", "minimum", "maximum"] = Field(
        "mean", description="over the rows; minimum and maximum have no interval, and all rows must meet the bound"
    )
    at_least: float | None = None
    at_most: float | None = None
    unit: Literal["", "%", "points", "mV²", "ms", "ns"] = Field(
        "", description="of printed numbers; % and points: x 100"
    )
    digits: int = Field(1, ge=0, description="decimals of printed numbers")

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a test has either at_least or at_most")
        return self

    @property
    def bound(self) -> float:
        """The bound, in the unit of the column."""
        bound = self.at_most if self.at_least is None else self.at_least
        assert bound is not None
        return bound

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.at_most is None else -1

    def printed(self, value: float) -> str:
        """Return a number in the unit of the test, without the unit."""
        factor = 100 if self.unit in ("%", "points") else 1
        return f"{factor * value:z.{self.digits}f}"

    @property
    def rule(self) -> str:
        """The test in words; evidence counts only for the rule that it was collected for."""
        relation = "≤" if self.at_least is None else "≥"
        which = "" if self.statistic == "mean" else f"{self.statistic} "
        bound = " ".join(filter(None, [self.printed(self.bound), self.unit]))
        return f"{which}{self.quantity} {relation} {bound}"

    @property
    def command(self) -> str:
        """The command that makes the table."""
        target = f" -- {self.target}" if self.target else ""
        return f"snakemake --cores all --configfile config/{self.configuration}{target}"


class Claim(Parameters):
    """A claim of the paper, and how it is tested."""

    claim: str
    source: str = Field(description="where the paper has it")
    tests: dict[Name, Question] = Field({}, description="by name")
    untestable: str = Field("", description="why no table of this suite can answer; empty: one can")

    @model_validator(mode="after")
    def _is_tested_or_not(self) -> Self:
        if bool(self.tests) == bool(self.untestable):
            raise ValueError("a claim has either tests or a reason why it is untestable")
        return self


class _Claims(Parameters):
    claims: dict[Name, Claim]


def read(file: Path = CLAIMS) -> dict[str, Claim]:
    """Return the claims by name; raises a ParameterError where the file does not hold claims."""
    content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    return parse(_Claims, {"claims": content}, f"{file.name}: ").claims


def tests_of(claims: dict[str, Claim], configuration: str, tables: Container[str]) -> dict[tuple[str, str], Question]:
    """Return the tests of a configuration that ask some tables, by names of claim and test."""
    return {
        (of_claim, name): test
        for of_claim, claim in claims.items()
        for name, test in claim.tests.items()
        if test.configuration == configuration and test.table in tables
    }
