"""Tables of the verification: every difference, the largest ones in print, and divergences."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eprop_core.experiments.verification.result import VerificationResult
from eprop_core.files.text import read_json
from eprop_core.labels import name_of
from eprop_core.verification.findings import Difference
from workflow.scripts.shared import asked, program, write_table
from workflow.scripts.shared.left_out import Reason
from workflow.scripts.shared.write_table import cells
from workflow.scripts.verification.numbers import CHECKS, DIFFERENCES, largest


def named(result: VerificationResult, variant: str) -> dict[str, Any]:
    """Return check and variant as tables name them: with the seed or the number of ranks."""
    ranks = f", {result.ranks} rank{'s' * (result.ranks > 1)}"
    suffix = {"ranks": ranks, "published": ""}.get(result.check, f", seed {result.seed}")
    return {"check": CHECKS[result.check], "variant": variant + suffix}


def differences(results: list[VerificationResult]) -> pd.DataFrame:
    """Return a row per difference; one that is not finite is missing."""
    rows = [
        {**named(result, variant), **difference.model_dump(), "passed": difference.passed}
        for result in results
        for variant, of_variant in result.differences.items()
        for difference in of_variant
    ]
    return pd.DataFrame(rows)[list(DIFFERENCES.columns)].replace({"max_difference": _NOT_FINITE})


def divergences(results: list[VerificationResult]) -> pd.DataFrame:
    """Return a row per variant in which a spike differs, or rounding grows; what is not finite is missing."""
    rows = [
        {**named(result, variant), **found.model_dump()}
        for of_kind in ("divergences", "amplifications")
        for result in results
        for variant, found in getattr(result, of_kind).items()
    ]
    columns = ["check", "variant", "step", "neuron", "distance", "amplification"]
    table = pd.DataFrame(rows, columns=columns).astype({"neuron": "Int64"})
    return table.replace({"distance": _NOT_FINITE, "amplification": _NOT_FINITE})


def activities(results: list[VerificationResult]) -> pd.DataFrame:
    """Return a row per variant: the activity of its reference."""
    rows = [
        {**named(result, variant), **activity.model_dump()}
        for result in results
        for variant, activity in result.activities.items()
    ]
    return pd.DataFrame(rows, columns=["check", "variant", "spikes", "weight_change"])


_NOT_FINITE = {np.inf: np.nan, -np.inf: np.nan}


def printed(table: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    """Return what is printed: a row per check and quantity; first in each check, the activity of its networks."""
    summary = largest(table, ["check", "quantity"])
    by_check = activities.groupby("check")
    first = summary["check"].where(~summary["check"].duplicated())
    return pd.DataFrame(
        {
            "Compared with": summary["check"],
            "Quantity": summary["quantity"],
            "Comparisons": summary["comparisons"].astype(str),
            name_of(Difference, "max_difference"): _powers(summary["max_difference"], ".1e"),
            name_of(Difference, "tolerance"): _powers(summary["tolerance"], ".0e"),
            "Passed": summary["passed"].astype(str),
            "Spikes": cells(first.map(by_check["spikes"].sum()), ".0f"),
            "Weights moved by": cells(first.map(by_check["weight_change"].median()), ".1%"),
        }
    )


def _powers(values: pd.Series, form: str) -> list[str]:
    """Return numbers as powers of ten; one that is missing is that of two networks that cannot be compared."""
    printed = cells(values, form, {Reason.NOT_FINITE: values.isna()})
    return ["0" if value == 0 else cell for value, cell in zip(values, printed, strict=True)]


def main() -> None:
    """Write all tables."""
    options = program.parser(
        "workflow.scripts.verification.table",
        __doc__,
        "the same three files as for other tables, and tables of divergences and of activities (CSV)",
        5,
    )
    options.add_argument("plan", type=Path, help="JSON file: result files")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    results = [VerificationResult.read(file) for file in plan["results"]]
    table, activity = differences(results), activities(results)
    *files, divergence_file, activity_file = given.output
    caption = (
        "Largest differences of this simulator from its references, relative to the largest value of the quantity; "
        "spikes: zero means that all are equal. Spikes are those of all networks; weights moved by so much of the "
        "largest one (median over networks of the largest change)."
    )
    write_table.write(table, printed(table, activity), files, caption, "verification")
    activity.to_csv(activity_file, index=False)
    divergences(results).to_csv(divergence_file, index=False)


if __name__ == "__main__":
    program.run(main)
