"""The command line of scripts that draw a figure from one table of runs."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from workflow.scripts.shared import program, style
from workflow.scripts.shared.read_table import Table, read


def main(
    module: str,
    description: str | None,
    draw: Callable[[pd.DataFrame], Figure],
    numbers: Callable[[pd.DataFrame], pd.DataFrame],
    table: Table,
    help: str = "table of runs (CSV)",
) -> None:
    """Draw the figure of the table that the command line names, and write the numbers in it beside it.

    Parameters
    ----------
    module, description
        Name and docstring of the script.
    draw, numbers
        What makes the figure and its numbers from the table.
    table, help
        What the table holds, and its description.
    """
    options = program.figure_parser(module, description)
    options.add_argument("runs", type=Path, help=help)
    given = options.parse_args()
    style.use(given.style)
    runs = read(given.runs, table)
    style.save_with_numbers(draw(runs), numbers(runs), given.output)
