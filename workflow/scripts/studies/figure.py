"""Draw the figure of a study; which one follows from what it varies."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from eprop_core.files.text import read_json
from workflow.scripts.shared import program, style
from workflow.scripts.shared.read_table import check_together, read
from workflow.scripts.studies import learning_curves, parameter_curves, thinning_curves, variant_differences
from workflow.scripts.studies.collect import ANSWERS, CURVES, read_runs

FIGURES = {
    "vary": parameter_curves,
    "grid": parameter_curves,
    "variants": variant_differences,
    "series": thinning_curves,
}


def draw(kind: str, runs: pd.DataFrame, curves: pd.DataFrame, answers: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Return the figure of a study of a kind, and the numbers in it."""
    if kind == "curves":
        return learning_curves.draw(runs, curves, answers), learning_curves.numbers(runs, curves)
    return FIGURES[kind].draw(runs), FIGURES[kind].numbers(runs)


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    options = program.figure_parser("workflow.scripts.studies.figure", __doc__)
    options.add_argument("plan", type=Path, help="JSON file: what the study varies")
    options.add_argument("tables", type=Path, nargs=3, help="tables of runs, learning curves and last answers (CSV)")
    given = options.parse_args()
    style.use(given.style)
    plan, (runs, curves, answers) = read_json(given.plan), given.tables
    tables = read_runs(runs, plan), read(curves, CURVES), read(answers, ANSWERS)
    check_together(curves, tables[1], tables[0], ("task", "point", "seed"))
    check_together(answers, tables[2], tables[0], ("task", "seed"))
    figure, numbers = draw(plan["kind"], *tables)
    style.save_with_numbers(figure, numbers, given.output)


if __name__ == "__main__":
    program.run(main)
