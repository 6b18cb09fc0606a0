"""Table of the agreement of simulated with recorded saccades."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.saccades.result import Agreement
from eprop_core.labels import name_of
from workflow.scripts.saccades.figure import CORRELATIONS, NUMBERS
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.left_out import Reason
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import cells


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    columns: dict[str, Any] = {"Measure": table["measure"]}
    correlated = table["measure"].isin([name_of(Agreement, field) for field in CORRELATIONS])
    reasons = {
        "recorded": {Reason.NOTHING_SEEN: ~correlated},
        "simulated": {Reason.NOTHING_SEEN: ~correlated},
        "ratio": {Reason.NO_REFERENCE: ~correlated},
        "correlation": {Reason.CONSTANT: correlated},
    }
    for column, why in reasons.items():
        columns[column.capitalize()] = cells(table[column], ".4g", why)
    return pd.DataFrame(columns)


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.saccades.table", __doc__)
    options.add_argument("numbers", type=Path, help="numbers of the figure (CSV)")
    given = options.parse_args()
    table = read(given.numbers, NUMBERS)
    caption = "Events of recorded and of simulated saccades, on the images that N-MNIST and MNIST share."
    write_table.write(table, printed(table), given.output, caption, "saccades")


if __name__ == "__main__":
    program.run(main)
