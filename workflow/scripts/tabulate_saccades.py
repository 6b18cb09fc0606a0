"""Table of the agreement of simulated with recorded saccades."""

from typing import Any

import pandas as pd

import script_log
import write_table
from left_out import Reason
from plot_saccades import CORRELATIONS
from read_table import read
from write_table import cells


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns: dict[str, Any] = {"Measure": table["measure"].map(lambda name: name[:1].upper() + name[1:])}
    correlated = table["measure"].isin(CORRELATIONS)
    reasons = {
        "recorded": {Reason.NOTHING_SEEN: ~correlated},
        "simulated": {Reason.NOTHING_SEEN: ~correlated},
        "ratio": {Reason.NO_REFERENCE: ~correlated},
        "correlation": {Reason.CONSTANT: correlated},
    }
    for column, why in reasons.items():
        columns[column.capitalize()] = cells(table[column], ".4g", why)
    return pd.DataFrame(columns)


def main(snakemake: Any) -> None:
    """Write the table."""
    table = read(snakemake.input.numbers)
    caption = "Events of recorded and of simulated saccades, on the images that N-MNIST and MNIST share."
    write_table.write(table, printed(table), snakemake.output, caption, "saccades")


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
