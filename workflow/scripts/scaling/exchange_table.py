"""Table of the exchange between ranks: a row per experiment, variant and number of ranks."""

from pathlib import Path

import pandas as pd

from workflow.scripts.scaling.exchange_figure import NUMBERS
from workflow.scripts.scaling.numbers import ranks_and_how, variant_name
from workflow.scripts.shared import other_work, program, write_table
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns = {
        "Experiment": table["experiment"],
        "Variant": table["variant"].map(variant_name),
        "Ranks": ranks_and_how(table),
        "Smallest delay (ms)": cells(table["interval_ms"], "g"),
        "Exchanges per s": cells(table["exchanges_per_s"], ".0f"),
        "Received (B)": cells(table["received_bytes"], ".0f"),
        "Time of an exchange (µs)": cells(1e6 * table["communicate_s"], ".1f"),
        "Modelled, to all (µs)": cells(1e6 * table["to_all_s"], ".1f"),
        "Modelled, to targets (µs)": cells(1e6 * table["to_targets_s"], ".1f"),
    }
    return pd.DataFrame(columns)


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.scaling.exchange_table", __doc__)
    options.add_argument("numbers", type=Path, help="numbers of the figure (CSV)")
    given = options.parse_args()
    table = read(given.numbers, NUMBERS)
    caption = "Exchange between ranks, of model time and per exchange."
    note = f"* dry run: communication modelled. {other_work.note(table)}"
    write_table.write(table, printed(table), given.output, caption, "exchange", note)


if __name__ == "__main__":
    program.run(main)
