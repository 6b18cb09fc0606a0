"""Table of the numbers of samples and events in prepared data."""

from pathlib import Path

import pandas as pd

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepared import load_together
from eprop_core.datasets.summary import Summary
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.write_table import cells


def numbers(splits: dict[str, EventDataset]) -> pd.DataFrame:
    """Return a row per measure and a column per split."""
    measures = {name: Summary.of(split).measures for name, split in splits.items()}
    return pd.DataFrame(measures).rename_axis("measure").reset_index()


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    splits = {name.capitalize(): cells(table[name].astype(float), ".6g") for name in table.columns if name != "measure"}
    return pd.DataFrame({"Measure": table["measure"], **splits})


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.datasets.table", __doc__)
    options.add_argument("data", type=Path, nargs="+", help="prepared training, validation and test samples (.npz)")
    given = options.parse_args()
    table = numbers(load_together(given.data))
    name = given.data[0].parent.name
    write_table.write(table, printed(table), given.output, f"Samples and events of the data set {name}.", "data")


if __name__ == "__main__":
    program.run(main)
