"""Join the tables of runs of all scaling experiments in one."""

from pathlib import Path

import pandas as pd

from workflow.scripts.scaling.collect import RUNS
from workflow.scripts.shared import program
from workflow.scripts.shared.read_table import read


def main() -> None:
    """Write the table."""
    options = program.parser("workflow.scripts.scaling.join", __doc__, "table (CSV)")
    options.add_argument("runs", type=Path, nargs="+", help="tables of runs (CSV)")
    given = options.parse_args()
    pd.concat([read(file, RUNS) for file in given.runs]).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
