"""Table of the exchange between ranks: a row per experiment, variant and number of ranks."""

from typing import Any

import pandas as pd

import other_work
import script_log
import write_table
from scaling_numbers import ranks_and_how, variant_name


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns = {
        "Experiment": table["experiment"],
        "Variant": table["variant"].map(variant_name),
        "Ranks": ranks_and_how(table),
        "Smallest delay (ms)": table["interval_ms"].map("{:g}".format),
        "Exchanges per s": table["exchanges_per_s"].map("{:.0f}".format),
        "Message (B)": table["message_bytes"].map("{:.0f}".format),
        "Time of an exchange (µs)": _microseconds(table["communicate_s"]),
        "Modelled, to all (µs)": _microseconds(table["to_all_s"]),
        "Modelled, to targets (µs)": _microseconds(table["to_targets_s"]),
    }
    return pd.DataFrame(columns)


def _microseconds(seconds: pd.Series) -> pd.Series:
    return (1e6 * seconds).map("{:.1f}".format).where(seconds.notna(), "")


def main(snakemake: Any) -> None:
    """Write the table."""
    table = pd.read_csv(snakemake.input.numbers)
    caption = "Exchange between ranks, of model time and per exchange."
    note = f"* dry run: communication modelled. {other_work.note(table)}"
    write_table.write(table, printed(table), snakemake.output, caption, "exchange", note)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
