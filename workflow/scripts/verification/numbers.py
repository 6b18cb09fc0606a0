"""Numbers in table and figure of the verification: the largest differences by check and quantity."""

from pathlib import Path
from typing import Literal

import pandas as pd

from eprop_core.errors import printable
from eprop_core.experiments.verification.result import Check
from eprop_core.parsing import ParameterError
from workflow.scripts.shared.read_table import Amount, Table, read

CHECKS: dict[Check, str] = {
    "nest_eprop_plus": "NEST, e-prop+",
    "nest_bellec": "NEST, Bellec's rule",
    "nest_stdp": "NEST, STDP",
    "time_driven": "time-driven model",
    "reference": "reference implementation",
    "ranks": "MPI ranks",
    "published": "published losses",
    "gradients": "exact gradients",
}
"""Names of the checks in print, in their order there."""
DIFFERENCES = Table(
    {
        "check": Literal[tuple(CHECKS.values())],
        "variant": str,
        "quantity": str,
        "max_difference": Amount | None,
        "tolerance": Amount,
        "passed": bool,
    },
    key=("check", "variant", "quantity"),
)


def read_differences(file: Path) -> pd.DataFrame:
    """Return the table of differences.

    Raises
    ------
    ParameterError
        It is no such table, or a row says that it passed and did not, or the other way round.
    """
    table = read(file, DIFFERENCES)
    wrong = table.index[table["passed"] != (table["max_difference"] <= table["tolerance"])]
    if len(wrong):
        raise ParameterError(
            f"{printable(file)}: row {wrong[0] + 2}, passed = {table['passed'][wrong[0]]}: must say whether "
            "max_difference is within the tolerance"
        )
    return table


def without_steps(quantities: pd.Series) -> pd.Series:
    """Return names of quantities without the steps in which they were compared."""
    return quantities.str.replace(r", (first \d+ steps|step \d+)$", "", regex=True)


def without_seed(variants: pd.Series) -> pd.Series:
    """Return names of variants without their seeds."""
    return variants.str.replace(r", (seed \d+|\d+ ranks?)$", "", regex=True)


def largest(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return a row per group: number of comparisons, largest difference and tolerance, and how many passed.

    A difference that is no number is larger than all others: then there is no largest one.
    """
    ours = table.assign(quantity=without_steps(table["quantity"]), variant=without_seed(table["variant"]))
    groups = ours.groupby(by, sort=False)
    return groups.agg(
        comparisons=("passed", "size"),
        max_difference=("max_difference", lambda differences: differences.max(skipna=False)),
        tolerance=("tolerance", "max"),
        passed=("passed", "sum"),
    ).reset_index()
