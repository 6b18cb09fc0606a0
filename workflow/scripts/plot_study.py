"""Draw the figure of a study: learning curves where it varies nothing, otherwise accuracy over what it varies."""

from typing import Any

import pandas as pd

import learning_curves
import parameter_curves
import script_log
import style


def main(snakemake: Any) -> None:
    """Draw the figure, and write the numbers in it beside it."""
    style.use()
    runs, curves = pd.read_csv(snakemake.input.runs), pd.read_csv(snakemake.input.curves)
    if runs["varied"].isna().all():
        figure, numbers = learning_curves.draw(runs, curves), learning_curves.numbers(runs, curves)
    else:
        figure, numbers = parameter_curves.draw(runs), parameter_curves.numbers(runs)
    *pictures, table = snakemake.output
    style.save(figure, pictures)
    numbers.to_csv(table, index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
