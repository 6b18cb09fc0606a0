"""Collect the timing runs of the break-even experiment in one tidy table: a row per repeat."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.break_even.result import BreakEvenResult, SecondsPerStep
from eprop_core.files.text import read_json
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Amount, Count, Number, Table
from workflow.scripts.shared.values import value_at

RUNS = Table(
    {
        "series": str,
        "parameter": str,
        "value": float,
        "seed": Count,
        "synapses": Count,
        "pairs": Count,
        "synaptic_events_per_step": Amount,
        "rate_hz": Amount | None,
        "cpu": str,
        "processors": Amount,
        "threads": Number,
        "repeat": Count,
        **{f"{model}_s": float for model in SecondsPerStep.model_fields},
        "other_work_processors": Amount | None,
    },
    key=("series", "parameter", "value", "seed", "repeat"),
)


def rows(point: dict[str, Any], result: BreakEvenResult) -> list[dict[str, Any]]:
    """Return the rows of one run of a ``point``, which has ``series``, ``parameter`` (a path) and ``results``."""
    head = {
        "series": point["series"],
        "parameter": point["parameter"],
        "value": value_at(result.parameters, point["parameter"]),
        "seed": result.seed,
        **result.model_dump(include={"rate_hz", "synapses", "pairs", "synaptic_events_per_step"}),
        "cpu": result.provenance.cpu,
        "processors": result.provenance.processors[0],
        "threads": result.provenance.threads[0],
    }
    return [
        {
            **head,
            "repeat": repeat,
            **{f"{model}_s": times[repeat] for model, times in result.seconds_per_step},
            "other_work_processors": other_work,
        }
        for repeat, other_work in enumerate(result.other_work_processors)
    ]


def main() -> None:
    """Write the table."""
    options = program.parser("workflow.scripts.break_even.collect", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: points with their result files")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    table = [
        row for point in plan["points"] for file in point["results"] for row in rows(point, BreakEvenResult.read(file))
    ]
    pd.DataFrame(table).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
