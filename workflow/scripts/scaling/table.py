"""Table of a scaling experiment: a row per variant and number of ranks."""

from pathlib import Path

import pandas as pd

from eprop_core.experiments.scaling.result import RankRecord
from eprop_core.labels import label_of, name_of
from workflow.scripts.scaling.collect import RUNS
from workflow.scripts.scaling.numbers import ranks_and_how, reasons, summary, variant_name
from workflow.scripts.shared import other_work, program, write_table
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells, ranges


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    why, per_event, per_synapse = reasons(table), "time_per_synaptic_event_ns", "memory_per_synapse_bytes"
    spread = ranges(table["propagation_min_s"], table["propagation_max_s"], table["repeats"], ".3f")
    columns = {
        "Variant": table["variant"].map(variant_name),
        "Ranks": ranks_and_how(table),
        name_of(RankRecord, "counts.neurons"): cells(table["neurons"], ".0f"),
        "Synapses (million)": cells(1e-6 * table["synapses"], ".2f"),
        "Rate (spikes/s)": cells(table["rate_hz"], ".1f"),
        "Synaptic events (million)": cells(1e-6 * table["synaptic_events"], ".2f"),
        label_of(RankRecord, "times_s.build"): cells(table["build_s"], ".3f"),
        label_of(RankRecord, "propagation_s"): cells(table["propagation_s"], ".3f", spread=spread),
        "Real-time factor": cells(table["real_time_factor"], ".2f"),
        "Speed-up": cells(table["speed_up"], ".2f", spread=_interval(table, "speed_up", 1, ".2f")),
        "Efficiency (%)": cells(100 * table["efficiency"], ".0f", spread=_interval(table, "efficiency", 100, ".0f")),
        "ns per synaptic event, per rank": cells(table[per_event], ".1f", why[per_event]),
        name_of(RankRecord, "bytes_per_event"): cells(table["bytes_per_event"], ".0f", why["bytes_per_event"]),
        f"{name_of(RankRecord, 'peak_memory_bytes')} (MB)": cells(1e-6 * table["peak_memory_bytes"], ".0f"),
        "Estimated before (MB)": cells(1e-6 * table["estimated_memory_bytes"], ".0f"),
        "Bytes per synapse": cells(table[per_synapse], ".0f", why[per_synapse]),
    }
    return pd.DataFrame(columns)


def _interval(table: pd.DataFrame, column: str, factor: float, form: str) -> list[str]:
    """Return intervals of ratios of pairs as they are printed, nothing where nothing was paired."""
    low, high = (factor * table[f"{column}_{end}"] for end in ("low", "high"))
    return ["" if pd.isna(a) else f"{a:{form}}-{b:{form}}" for a, b in zip(low, high, strict=True)]


def note_of_pairs(table: pd.DataFrame) -> str:
    """Return what the intervals are."""
    if not table["speed_up_low"].notna().any():
        return ""
    return (
        "Speed-up and efficiency with an interval: one rank and all ranks alternated; median of the ratios of pairs, "
        "with its 95 % confidence interval, or all pairs where they are fewer than six. "
    )


def note_of_dry_runs(table: pd.DataFrame) -> str:
    """Return what the asterisk means, with the number of ranks that dry runs emulated."""
    emulated_ranks = table["emulated"][table["measured"] == "dry_run"]
    if emulated_ranks.empty:
        return ""
    fewest, most = int(emulated_ranks.min()), int(emulated_ranks.max())
    emulated = "one rank emulated"
    if most > 1:
        emulated = f"{most if fewest == most else f'{fewest}-{most}'} ranks emulated at the same time"
    return f"* dry run: {emulated}, communication modelled. "


NOT_IN_LATEX = (
    "Rate (spikes/s)",
    "Synaptic events (million)",
    label_of(RankRecord, "times_s.build"),
    name_of(RankRecord, "bytes_per_event"),
    "Estimated before (MB)",
    "Bytes per synapse",
)
"""Columns of the full table only."""


def main() -> None:
    """Write the table of one scaling experiment."""
    options = program.table_parser("workflow.scripts.scaling.table", __doc__)
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    rows = read(given.runs, RUNS)
    table = summary(rows)
    dry = note_of_dry_runs(table)
    caption = (
        f"{rows['kind'].iloc[0].capitalize()} scaling: times of the slowest rank, median of {table['repeats'].iloc[0]} "
        "repeats after a warm-up (smallest and largest)."
    )
    note = dry + note_of_pairs(table) + other_work.note(table)
    label = f"{rows['experiment'].iloc[0]}_scaling"
    write_table.write(table, printed(table), given.output, caption, label, note, NOT_IN_LATEX)


if __name__ == "__main__":
    program.run(main)
