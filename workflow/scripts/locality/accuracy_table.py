"""Table of the accuracies of methods: a row per method."""

from pathlib import Path

import pandas as pd

from workflow.scripts.locality.collect_accuracy import RUNS
from workflow.scripts.locality.numbers import FACTORS, accuracies
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells, ranges

CAPTION = (
    "Methods trained on the same samples: mean test accuracy over seeds and half width of its 95 % confidence "
    "interval (Student's t). Factors of all learning rates (linear readout: C), and of those of the output weights: "
    "median and range over seeds."
)


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    return pd.DataFrame(
        {
            "Method": table["method"],
            "Test accuracy (%)": [
                write_table.mean_with_interval(mean, high, 100, 1)
                for mean, high in zip(table["accuracy"], table["accuracy_high"], strict=True)
            ],
            "Factor": _factors(table, "factor"),
            "Factor, output": _factors(table, "output_factor"),
            "Seeds": table["seeds"].astype(str),
        }
    )


def _factors(table: pd.DataFrame, column: str) -> list[str]:
    """Return the median of the chosen factors, and their range."""
    spread = ranges(table[f"{column}_min"], table[f"{column}_max"], table["seeds"], "g")
    return cells(table[f"{column}_median"], "g", None, spread)


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.locality.accuracy_table", __doc__)
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    table = accuracies(read(given.runs, RUNS)).query("samples == 'test'").drop(columns=["samples", *FACTORS])
    write_table.write(table, printed(table), given.output, CAPTION, "locality_accuracy")


if __name__ == "__main__":
    program.run(main)
