"""Table of event-driven against time-driven cost."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.break_even.result import BreakEvenResult
from eprop_core.labels import label_of
from workflow.scripts.break_even.collect import RUNS
from workflow.scripts.break_even.numbers import MODELS, RIVALS, reasons, summary
from workflow.scripts.shared import other_work, program, write_table
from workflow.scripts.shared.left_out import quotient
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells, ranges


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    why = reasons(table)
    columns: dict[str, Any] = {
        "Series": table["series"],
        "Point": [
            f"{label_of(BreakEvenPoint, parameter)} {value:g}{mark}"
            for parameter, value, mark in zip(table["parameter"], table["value"], other_work.marks(table), strict=True)
        ],
        label_of(BreakEvenResult, "rate_hz"): cells(table["rate_hz"], ".1f", why["rate_hz"]),
        label_of(BreakEvenResult, "synapses"): cells(table["synapses"], ".0f"),
        "Share of pairs (%)": cells(100 * quotient(table["synapses"], table["pairs"]), ".1f"),
    }
    for model, name in MODELS.items():
        median, lowest, highest = (1000 * table[f"{model}_s_{which}"] for which in ("median", "min", "max"))
        spread = ranges(lowest, highest, table["repeats"], ".3g")
        columns[f"{name.capitalize()} (ms per step)"] = cells(median, ".3g", why[f"{model}_s_median"], spread)
    per_event = 1e9 * quotient(table["event_driven_s_median"], table["synaptic_events_per_step"])
    columns["Event-driven (ns per synaptic event)"] = cells(per_event, ".1f", why["event_driven_s_per_event"])
    per_pair = 1e9 * quotient(table["time_driven_s_median"], table["pairs"])
    columns["Time-driven (ns per pair and step)"] = cells(per_pair, ".1f", why["time_driven_s_median"])
    for rival in RIVALS:
        name = f"{MODELS[rival].capitalize()} / event-driven"
        columns[name] = cells(table[f"{rival}_ratio"], ".3g", why[f"{rival}_ratio"])
    return pd.DataFrame(columns)


NOT_IN_LATEX = (
    "Share of pairs (%)",
    f"{MODELS['bound'].capitalize()} (ms per step)",
    "Event-driven (ns per synaptic event)",
    "Time-driven (ns per pair and step)",
)
"""Columns of the full table only: what the others imply."""


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.break_even.table", __doc__)
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    table = summary(read(given.runs, RUNS))
    caption = "Event-driven and time-driven simulation on one core: median and range over repeats and seeds."
    note = other_work.note(table)
    write_table.write(table, printed(table), given.output, caption, "break_even", note, NOT_IN_LATEX)


if __name__ == "__main__":
    program.run(main)
