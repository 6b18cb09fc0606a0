"""Table of event-driven against time-driven cost."""

from typing import Any

import pandas as pd

import other_work
import script_log
import write_table
from break_even_numbers import MODELS, RIVALS, summary
from parameter_names import parameter_name


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns: dict[str, Any] = {
        "Series": table["series"],
        "Point": [
            f"{parameter_name(parameter)} {value:g}{mark}"
            for parameter, value, mark in zip(table["parameter"], table["value"], other_work.marks(table), strict=True)
        ],
        "Presynaptic rate (spikes/s)": table["rate_hz"].map("{:.1f}".format),
        "Synapses": table["synapses"].map("{:.0f}".format),
        "Share of pairs (%)": (100 * table["synapses"] / table["pairs"]).map("{:.1f}".format),
    }
    for model, name in MODELS.items():
        columns[f"{name.capitalize()} (ms per step)"] = [
            f"{1000 * median:.3g} ({1000 * lowest:.3g}-{1000 * highest:.3g})"
            for median, lowest, highest in zip(
                *(table[f"{model}_s_{which}"] for which in ("median", "min", "max")), strict=True
            )
        ]
    per_event = 1e9 * table["event_driven_s_median"] / table["synaptic_events_per_step"]
    columns["Event-driven (ns per synaptic event)"] = per_event.map("{:.1f}".format)
    per_pair = 1e9 * table["time_driven_s_median"] / table["pairs"]
    columns["Time-driven (ns per pair and step)"] = per_pair.map("{:.1f}".format)
    for rival in RIVALS:
        columns[f"{MODELS[rival].capitalize()} / event-driven"] = table[f"{rival}_ratio"].map("{:.3g}".format)
    return pd.DataFrame(columns)


def main(snakemake: Any) -> None:
    """Write the table."""
    table = summary(pd.read_csv(snakemake.input.runs))
    caption = "Event-driven and time-driven simulation on one core: median and range over repeats and seeds."
    write_table.write(table, printed(table), snakemake.output, caption, "break_even", other_work.note(table))


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
