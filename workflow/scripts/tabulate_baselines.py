"""Table of the contests: a row per network, variant and simulator."""

from typing import Any

import pandas as pd

import other_work
import script_log
import write_table
from baselines_numbers import COLUMNS, summary

VARIANTS = {
    "event_driven": "event-driven e-prop",
    "static": "static",
    "training": "training run",
    "time_driven": "time-driven e-prop",
}


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns = {
        "Network": table["network"],
        "Synapses are": table["variant"].map(VARIANTS),
        "Simulator": table["simulator"],
        "Rate (spikes/s)": table["rate_hz"].map("{:.1f}".format),
        "Synapses": table["synapses"].map("{:.0f}".format),
        "Events (million)": (1e-6 * table["synaptic_events"]).map("{:.2f}".format),
        "Time (s)": [f"{row.seconds:.3f} ({row.seconds_iqr:.3f})" for row in table.itertuples()]
        + other_work.marks(table),
        "ns per event": table["ns_per_synaptic_event"].map("{:.1f}".format),
        "NEST / this": table["ratio_to_nest"].map("{:.3g}".format),
        "Times the limit": _or_nothing(table["ns_per_synaptic_event"] / table["limit_ns"], "{:.1f}"),
        "Bytes per synapse": table["bytes_per_synapse"].map("{:.1f}".format),
        "Buffers per neuron (bytes)": _or_nothing(table["buffer_bytes_per_neuron"], "{:.0f}"),
        "Synapses built per s (million)": _or_nothing(1e-6 * table["synapses_built_per_second"], "{:.2f}"),
    }
    return pd.DataFrame(columns)


def _or_nothing(values: pd.Series, form: str) -> list[str]:
    return ["" if pd.isna(value) else form.format(value) for value in values]


def main(snakemake: Any) -> None:
    """Write the table of all contests."""
    runs = pd.read_csv(snakemake.input.runs)
    table = summary(runs)
    left_out = runs.drop_duplicates("network")[["network", "left_out"]].dropna()
    words = "".join(f" {row.network}: {row.left_out}." for row in left_out.itertuples())
    caption = (
        "This simulator, its time-driven model and NEST on the same networks with the same input spikes, "
        "one core each: medians (interquartile range) over processes that took turns."
    )
    if words:
        caption += f" Left out:{words}"
    note = other_work.note(table)
    write_table.write(table[list(COLUMNS)], printed(table), snakemake.output, caption, "baselines", note)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
