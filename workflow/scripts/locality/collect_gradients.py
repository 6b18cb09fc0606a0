"""Collect the angles between gradients in one tidy table: a row per point, seed and kind of feedback."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.locality.result import Alignment, GradientResult
from eprop_core.files.text import read_json
from workflow.scripts.locality.numbers import as_text
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Count, Table, columns_of
from workflow.scripts.shared.values import value_at

RUNS = Table(
    {
        "series": str,
        "parameter": str,
        "value": str,
        **columns_of(Alignment),
        "spikes": Count,
        "commit": str | None,
    },
    key=("series", "parameter", "value", "seed", "feedback"),
)


def rows(point: dict[str, Any], result: GradientResult) -> list[dict[str, Any]]:
    """Return the rows of a ``point``, which has ``series`` and ``parameter`` (a path)."""
    value = value_at(result.parameters, point["parameter"])
    head = {
        "series": point["series"],
        "parameter": point["parameter"],
        "value": "none" if value == "null" else as_text(value),
    }
    return [
        {**head, **alignment.model_dump(), "commit": result.provenance.code.commit} for alignment in result.alignments
    ]


def main() -> None:
    """Write the table."""
    options = program.parser("workflow.scripts.locality.collect_gradients", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: points with their result files")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    table = [row for point in plan["points"] for row in rows(point, GradientResult.read(point["result"]))]
    pd.DataFrame(table).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
