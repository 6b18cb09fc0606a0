"""Collect accuracies: a row per final training, and a row for each learning rate that was tried."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.locality.parameters import METHODS
from eprop_core.experiments.locality.result import AccuracyResult
from eprop_core.files.text import read_json
from workflow.scripts.shared import program


def rows(result: AccuracyResult) -> list[dict[str, Any]]:
    """Return the rows of a result: those of the ``search`` have accuracies on held-out samples."""
    head = {"method": METHODS[result.method], "seed": result.seed}
    tail = {"commit": result.provenance.code.commit}
    tried = [
        {**head, "samples": "search", "factor": factor, "accuracy": accuracy, **tail}
        for factor, accuracy in result.tried
    ]
    return [*tried, {**head, "samples": "test", "factor": result.factor, "accuracy": result.accuracy, **tail}]


def main() -> None:
    """Write the table."""
    options = program.parser("workflow.scripts.locality.collect_accuracy", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: result files")
    given = options.parse_args()
    table = [row for file in read_json(given.plan)["results"] for row in rows(AccuracyResult.read(file))]
    pd.DataFrame(table).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
