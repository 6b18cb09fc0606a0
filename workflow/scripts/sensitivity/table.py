"""Table of pairs of trainings that differ by one spike: a row per task, with the spread over seeds."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.parameters import LOSS_UNITS
from workflow.scripts.sensitivity.collect import RUNS
from workflow.scripts.shared import program, style, write_table
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.spread import with_means

CAPTION = (
    "Two trainings that differ by one input spike, at the end of training: mean over seeds and half width of its 95 % "
    "confidence interval (Student's t). Weights: distance between the runs over that which the first one has learned."
)
COLUMNS = {
    "same_spikes_ms": ("Equal spikes for (ms)", 1, 0),
    "voltage_difference": ("Difference of membrane voltages (mV)", 1, 2),
    "share_of_differing_spikes": ("Spikes in one run only (%)", 100, 0),
    "weight_distance": ("Distance of weights", 1, 2),
    "test_accuracy": ("Test accuracy (%)", 100, 1),
    "test_accuracy_without_spike": ("Test accuracy without the spike (%)", 100, 1),
    "test_accuracy_difference": ("Difference (points)", 100, 1),
}
"""Names in print, factors and decimals."""


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per task: mean and 95 % confidence interval of each number."""
    table = runs.groupby("task", sort=False).agg(seeds=("seed", "nunique"), loss=("loss", "first")).reset_index()
    return with_means(table, runs, ["task"], [*COLUMNS, "training_loss", "training_loss_without_spike"])


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns: dict[str, Any] = {"Task": table["task"].map(style.task_name), "Seeds": table["seeds"].astype(str)}
    units = "/".join(dict.fromkeys(LOSS_UNITS[loss] for loss in table["loss"]))
    shown = COLUMNS | {
        "training_loss": (f"Training loss ({units})", 1, 2),
        "training_loss_without_spike": (f"Training loss without the spike ({units})", 1, 2),
    }
    for column, (name, factor, digits) in shown.items():
        if table[column].notna().any():
            columns[name] = [
                write_table.mean_with_interval(mean, high, factor, digits)
                for mean, high in zip(table[column], table[f"{column}_high"], strict=True)
            ]
    return pd.DataFrame(columns)


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.sensitivity.table", __doc__)
    options.add_argument("runs", type=Path, help="table of pairs of trainings (CSV)")
    given = options.parse_args()
    table = numbers(read(given.runs, RUNS))
    write_table.write(table, printed(table), given.output, CAPTION, "sensitivity")


if __name__ == "__main__":
    program.run(main)
