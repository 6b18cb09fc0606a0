"""Table of the exchange between ranks: a row per experiment, variant and number of ranks."""

from typing import Any

import pandas as pd

import other_work
import script_log
import write_table
from read_table import read
from scaling_numbers import ranks_and_how, variant_name
from write_table import cells


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns = {
        "Experiment": table["experiment"],
        "Variant": table["variant"].map(variant_name),
        "Ranks": ranks_and_how(table),
        "Smallest delay (ms)": cells(table["interval_ms"], "g"),
        "Exchanges per s": cells(table["exchanges_per_s"], ".0f"),
        "Message (B)": cells(table["message_bytes"], ".0f"),
        "Time of an exchange (µs)": cells(1e6 * table["communicate_s"], ".1f"),
        "Modelled, to all (µs)": cells(1e6 * table["to_all_s"], ".1f"),
        "Modelled, to targets (µs)": cells(1e6 * table["to_targets_s"], ".1f"),
    }
    return pd.DataFrame(columns)


def main(snakemake: Any) -> None:
    """Write the table."""
    table = read(snakemake.input.numbers)
    caption = "Exchange between ranks, of model time and per exchange."
    note = f"* dry run: communication modelled. {other_work.note(table)}"
    write_table.write(table, printed(table), snakemake.output, caption, "exchange", note)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
