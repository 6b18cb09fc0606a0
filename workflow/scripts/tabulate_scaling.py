"""Table of a scaling experiment: a row per variant and number of ranks."""

from typing import Any

import pandas as pd

import other_work
import script_log
import write_table
from scaling_numbers import ranks_and_how, summary, variant_name


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns = {
        "Variant": table["variant"].map(variant_name),
        "Ranks": ranks_and_how(table),
        "Neurons": table["neurons"].map("{:.0f}".format),
        "Synapses (million)": (1e-6 * table["synapses"]).map("{:.2f}".format),
        "Rate (spikes/s)": table["rate_hz"].map("{:.1f}".format),
        "Synaptic events (million)": (1e-6 * table["synaptic_events"]).map("{:.2f}".format),
        "Build (s)": table["build_s"].map("{:.3f}".format),
        "Propagate (s)": [
            f"{row.propagation_s:.3f} ({row.propagation_min_s:.3f}-{row.propagation_max_s:.3f})"
            for row in table.itertuples()
        ],
        "Real-time factor": table["real_time_factor"].map("{:.2f}".format),
        "Speed-up": table["speed_up"].map("{:.2f}".format),
        "Efficiency (%)": (100 * table["efficiency"]).map("{:.0f}".format),
        "ns per synaptic event, per rank": table["time_per_synaptic_event_ns"].map("{:.1f}".format),
        "Peak memory per rank (MB)": (1e-6 * table["peak_memory_bytes"]).map("{:.0f}".format),
        "Estimated before (MB)": (1e-6 * table["estimated_memory_bytes"]).map("{:.0f}".format),
        "Bytes per synapse": table["memory_per_synapse_bytes"].map("{:.0f}".format),
    }
    return pd.DataFrame(columns)


def main(snakemake: Any) -> None:
    """Write the table of one scaling experiment."""
    rows = pd.read_csv(snakemake.input.runs)
    table = summary(rows)
    dry = "* dry run: one rank played, communication modelled. " if (table["measured"] == "dry_run").any() else ""
    caption = (
        f"{rows['kind'].iloc[0].capitalize()} scaling: times of the slowest rank, median of {table['repeats'].iloc[0]} "
        "repeats after a warm-up (smallest and largest)."
    )
    note = dry + other_work.note(table)
    write_table.write(table, printed(table), snakemake.output, caption, snakemake.wildcards.scaling, note)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
