"""Draw the figure of a study; which one follows from what it varies."""

from typing import Any

import learning_curves
import parameter_curves
import script_log
import style
import thinning_curves
import variant_differences
from read_table import read

FIGURES = {
    "vary": parameter_curves,
    "grid": parameter_curves,
    "variants": variant_differences,
    "series": thinning_curves,
}


def main(snakemake: Any) -> None:
    """Draw the figure, and write the numbers in it beside it."""
    style.use()
    runs, curves, answers = (read(snakemake.input[name]) for name in ("runs", "curves", "answers"))
    kind = snakemake.params.facts["kind"]
    if kind == "curves":
        figure, numbers = learning_curves.draw(runs, curves, answers), learning_curves.numbers(runs, curves)
    else:
        figure, numbers = FIGURES[kind].draw(runs), FIGURES[kind].numbers(runs)
    *pictures, table = snakemake.output
    style.save(figure, pictures)
    numbers.to_csv(table, index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
