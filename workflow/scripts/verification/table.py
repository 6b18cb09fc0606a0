"""Tables of the validation: every difference, the largest ones in print, and what could be compared in part."""

from pathlib import Path
from typing import Any

import pandas as pd

from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.left_out import Reason
from workflow.scripts.shared.write_table import cells
from workflow.scripts.verification.numbers import CHECKS, COLUMNS, largest


def rows(result: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the rows of a result file's list ``key``, with the check, and the variant's seed or number of ranks."""
    one = {"ranks": f", {result['ranks']} rank{'s' * (result['ranks'] > 1)}", "published": ""}
    suffix = one.get(result["check"], f", seed {result['seed']}")
    return [{**row, "check": CHECKS[result["check"]], "variant": row["variant"] + suffix} for row in result[key]]


def printed(table: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    """Return what is printed: a row per check and quantity; first in each check, what its networks did."""
    summary = largest(table, ["check", "quantity"])
    by_check = activities.groupby("check")
    first = summary["check"].where(~summary["check"].duplicated())
    return pd.DataFrame(
        {
            "Compared with": summary["check"],
            "Quantity": summary["quantity"],
            "Comparisons": summary["comparisons"].astype(str),
            "Largest difference": _powers(summary["max_difference"], ".1e"),
            "Tolerance": _powers(summary["tolerance"], ".0e"),
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
    )
    options.add_argument("plan", type=Path, help="JSON file: result files")
    given = options.parse_args()
    results = [program.read_json(Path(file)) for file in program.read_json(given.plan)["results"]]
    table = pd.DataFrame([row for result in results for row in rows(result, "differences")])[list(COLUMNS)]
    *files, divergence, activity = given.output
    caption = (
        "Largest differences of this simulator from its references, relative to the largest value of the quantity; "
        "spikes: zero means that all are equal. Spikes are those of all networks; weights moved by so much of the "
        "largest one (median over networks of the largest change)."
    )
    activities = pd.DataFrame([row for result in results for row in rows(result, "activities")])
    write_table.write(table, printed(table, activities), files, caption, "verification")
    activities[["check", "variant", "spikes", "weight_change"]].to_csv(activity, index=False)
    parted = [row for key in ("partings", "amplifications") for result in results for row in rows(result, key)]
    columns = ["check", "variant", "step", "neuron", "distance", "amplification"]
    pd.DataFrame(parted, columns=columns).astype({"neuron": "Int64"}).to_csv(divergence, index=False)


if __name__ == "__main__":
    program.run(main)
