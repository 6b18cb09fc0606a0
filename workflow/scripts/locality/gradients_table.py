"""Table of the angles between gradients: a row per point and kind of feedback."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.locality.parameters import GradientPoint
from eprop_core.experiments.locality.result import Alignment
from eprop_core.labels import label_of, name_of
from workflow.scripts.locality.collect_gradients import RUNS
from workflow.scripts.locality.numbers import COSINES, cosines, reasons
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.read_table import read

CAPTION = (
    "Cosine between the gradients of e-prop and of backpropagation through time: mean over seeds and half width of its "
    "95 % confidence interval (Student's t)."
)


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    why = reasons(table)
    columns: dict[str, Any] = {
        "Series": table["series"],
        "Point": [
            f"{label_of(GradientPoint, parameter)} {value}"
            for parameter, value in zip(table["parameter"], table["value"], strict=True)
        ],
        "Feedback": table["feedback"],
    }
    for column in COSINES:
        left_out = [write_table.left_out(row, why[column]) for row in range(len(table))]
        columns[name_of(Alignment, column)] = [
            write_table.mean_with_interval(mean, high, 1, 3) or dash
            for mean, high, dash in zip(table[column], table[f"{column}_high"], left_out, strict=True)
        ]
    return pd.DataFrame(columns)


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.locality.gradients_table", __doc__)
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    table = cosines(read(given.runs, RUNS))
    write_table.write(table, printed(table), given.output, CAPTION, "locality_gradients")


if __name__ == "__main__":
    program.run(main)
