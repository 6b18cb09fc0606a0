"""Table of a study: a row per point, with the spread over seeds."""

from typing import Any

import pandas as pd

import script_log
import style
import write_table
from spread import summarize

# Column of the runs, name in the print, factor and digits there.
MEASURES = {
    "test_accuracy": ("Test accuracy (%)", 100, 1),
    "test_loss": ("Test loss (mV²)", 1, 3),
    "rate_hz": ("Rate (spikes/s)", 1, 1),
    "synapses": ("Synapses", 1, 0),
    "synaptic_events_per_sample": ("Synaptic events per sample (1000)", 1e-3, 2),
    "training_time_per_sample_s": ("Time per sample (ms)", 1e3, 2),
    "peak_memory_bytes": ("Peak memory (MB)", 1e-6, 0),
}


def parameters_of(runs: pd.DataFrame) -> list[str]:
    """Return the paths of the varied parameters."""
    return list(dict.fromkeys(path for varied in runs["varied"].dropna() for path in varied.split()))


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per point: mean and 95 % confidence interval of every measure, with all digits."""
    keys = ["task", "varied", *parameters_of(runs)]
    table = runs.groupby(keys, sort=False, dropna=False).agg(seeds=("seed", "nunique")).reset_index()
    for measure in MEASURES:
        columns = {"mean": measure, "low": f"{measure}_low", "high": f"{measure}_high"}
        table = table.merge(summarize(runs, keys, measure).drop(columns="n").rename(columns=columns), on=keys)
    return table


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed; a point is told by the parameters that it changes."""
    paths = [column for column in table if "." in str(column)]
    columns: dict[str, Any] = {"Task": table["task"]}
    if paths:
        columns["Varied"] = [_point(row) for _, row in table.iterrows()]
    columns["Seeds"] = table["seeds"].astype(str)
    for measure, (name, scale, digits) in MEASURES.items():
        columns[name] = [
            write_table.mean_with_interval(mean, high, scale, digits)
            for mean, high in zip(table[measure], table[f"{measure}_high"], strict=True)
        ]
    return pd.DataFrame(columns)


def _point(row: pd.Series) -> str:
    changed = str(row["varied"]).split()
    return ", ".join(f"{style.parameter_name(path)} {row[path]}" for path in changed)


def main(snakemake: Any) -> None:
    """Write the table of one study."""
    study = snakemake.wildcards.study
    table = numbers(pd.read_csv(snakemake.input.runs))
    caption = f"Study {study}: mean over seeds and half width of its 95 % confidence interval (Student's t)."
    write_table.write(table, printed(table), snakemake.output, caption.replace("%", r"\%"), study)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
