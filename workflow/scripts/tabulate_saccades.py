"""Table of the agreement of simulated with recorded saccades."""

from typing import Any

import pandas as pd

import script_log
import write_table


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns: dict[str, pd.Series] = {"Measure": table["measure"].map(lambda name: name[:1].upper() + name[1:])}
    for column in ("recorded", "simulated", "ratio", "correlation"):
        columns[column.capitalize()] = table[column].map(lambda value: "" if pd.isna(value) else f"{value:.4g}")
    return pd.DataFrame(columns)


def main(snakemake: Any) -> None:
    """Write the table."""
    table = pd.read_csv(snakemake.input.numbers)
    caption = "Events of recorded and of simulated saccades, on the images that N-MNIST and MNIST share."
    write_table.write(table, printed(table), snakemake.output, caption, "saccades")


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
