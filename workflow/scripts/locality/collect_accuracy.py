"""Collect accuracies: a row per final training, and a row for each pair of learning rates that was tried."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from eprop_core.experiments.locality.parameters import METHODS
from eprop_core.experiments.locality.result import AccuracyResult
from eprop_core.files.text import read_json
from workflow.scripts.locality.numbers import FACTORS
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Count, Share, Table

RUNS = Table(
    {
        "method": Literal[tuple(METHODS.values())],
        "seed": Count,
        "samples": Literal["search", "test"],
        **dict.fromkeys(FACTORS, Annotated[float, Field(gt=0)]),
        "accuracy": Share,
        "commit": str | None,
    },
    key=("method", "seed", "samples", *FACTORS),
)


def rows(result: AccuracyResult) -> list[dict[str, Any]]:
    """Return the rows of a result: those of the ``search`` have accuracies on held-out samples."""
    head = {"method": METHODS[result.method], "seed": result.seed}
    tail = {"commit": result.provenance.code.commit}

    def row(samples: str, factor: float, output_factor: float, accuracy: float) -> dict[str, Any]:
        found = {"samples": samples, "factor": factor, "output_factor": output_factor, "accuracy": accuracy}
        return {**head, **found, **tail}

    tried = [row("search", *one) for one in result.tried]
    return [*tried, row("test", result.factor, result.output_factor, result.accuracy)]


def main() -> None:
    """Write the table."""
    options = program.parser("workflow.scripts.locality.collect_accuracy", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: result files")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    table = [row for file in plan["results"] for row in rows(AccuracyResult.read(file))]
    pd.DataFrame(table).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
