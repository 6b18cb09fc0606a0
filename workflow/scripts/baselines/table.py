"""Table of the comparison of simulators: a row per network, variant and simulator."""

from pathlib import Path

import pandas as pd

from eprop_core.experiments.baselines.result import Measurement
from eprop_core.labels import label_of
from workflow.scripts.baselines.collect import RUNS
from workflow.scripts.baselines.numbers import COLUMNS, reasons, summary
from workflow.scripts.shared import other_work, program, write_table
from workflow.scripts.shared.left_out import quotient
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells

VARIANTS = {
    "plastic": "plastic",
    "static": "static",
    "training": "plastic, training run",
    "time_driven": "plastic, time-driven",
}


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    why = reasons(table)
    spread = [f"{iqr:.3f}" if n > 1 else "" for iqr, n in zip(table["seconds_iqr"], table["repeats"], strict=True)]
    times = cells(table["seconds"], ".3f", why["seconds"], spread)
    built = 1e-6 * table["synapses_built_per_second"]
    columns = {
        "Network": table["network"],
        "Synapses are": table["variant"].map(VARIANTS),
        "Simulator": table["simulator"] + " " + table["version"],
        "Computes": table["computes"].fillna(""),
        "Rate (spikes/s)": cells(table["rate_hz"], ".1f"),
        label_of(Measurement, "synapses"): cells(table["synapses"], ".0f"),
        "Events (million)": cells(1e-6 * table["synaptic_events"], ".2f"),
        label_of(Measurement, "seconds"): times + other_work.marks(table),
        "ns per event": cells(table["ns_per_synaptic_event"], ".1f", why["ns_per_synaptic_event"]),
        "NEST / this": cells(table["ratio_to_nest"], ".3g", why["ratio_to_nest"]),
        "Times the limit": cells(
            quotient(table["ns_per_synaptic_event"], table["limit_ns"]), ".1f", why["times_the_limit"]
        ),
        "Bytes per synapse": cells(table["bytes_per_synapse"], ".1f", why["bytes_per_synapse"]),
        "Buffers per neuron (bytes)": cells(table["buffer_bytes_per_neuron"], ".0f", why["buffer_bytes_per_neuron"]),
        "Synapses built per s (million)": cells(built, ".2f", why["synapses_built_per_second"]),
    }
    if table["equal_spikes"].notna().any():
        columns["Equal spikes (%)"] = cells(100 * table["equal_spikes"], ".1f")
        columns["Difference of learned weights"] = cells(table["weight_difference"], ".1g")
    return pd.DataFrame(columns)


NOT_IN_LATEX = (
    "Times the limit",
    "Buffers per neuron (bytes)",
    "Synapses built per s (million)",
    "Equal spikes (%)",
    "Difference of learned weights",
)
"""Columns of the full table only."""


def main() -> None:
    """Write the table of all networks."""
    options = program.table_parser("workflow.scripts.baselines.table", __doc__)
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    runs = read(given.runs, RUNS)
    table = summary(runs)
    left_out = runs.drop_duplicates("network")[["network", "left_out"]].dropna()
    words = "".join(f" {row.network}: {row.left_out}." for row in left_out.itertuples())
    caption = (
        "This simulator, its time-driven model and other simulators on the same networks with the same input spikes, "
        "one core each: medians (interquartile range) over processes that took turns."
    )
    if words:
        caption += f" Left out:{words}"
    note = other_work.note(table)
    write_table.write(table[list(COLUMNS)], printed(table), given.output, caption, "baselines", note, NOT_IN_LATEX)


if __name__ == "__main__":
    program.run(main)
