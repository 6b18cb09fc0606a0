"""Draw the cosine between the gradients of e-prop and of backpropagation through time: a column per series."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eprop_core.experiments.locality.parameters import GradientPoint
from eprop_core.experiments.locality.result import Alignment
from eprop_core.labels import label_of, name_of
from workflow.scripts.locality.collect_gradients import RUNS
from workflow.scripts.locality.numbers import COSINES, cosines, reasons
from workflow.scripts.shared import figure_of_runs, program, style
from workflow.scripts.shared.left_out import Reasons

LINES = {"input_cosine": "-", "recurrent_cosine": "-", "output_cosine": "-", "all_cosine": "--"}


BESIDE = 0.08
"""Distance of lines whose intervals would hide one another, relative to that of the values."""


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = cosines(runs)
    series, kinds = list(table["series"].unique()), list(table["feedback"].unique())
    width = style.one_column() if len(series) == 1 else style.two_columns()
    size = (width, (20 + 40 * len(kinds)) * style.MILLIMETRE)
    figure, axes = plt.subplots(len(kinds), len(series), figsize=size, squeeze=False, sharex="col", sharey="row")
    missing: dict[Axes, list[tuple[pd.Series, Reasons]]] = {}
    for row, kind in zip(axes, kinds, strict=True):
        for panel, name in zip(row, series, strict=True):
            drawn = table[(table["series"] == name) & (table["feedback"] == kind)]
            _draw_cosines(panel, drawn)
            why = reasons(drawn)
            missing[panel] = [(drawn[column], why[column]) for column in COSINES]
        row[0].set_ylabel(f"Cosine,\n{kind} feedback")
    for column, name in zip(axes.T, series, strict=True):
        parameter = table.loc[table["series"] == name, "parameter"].iloc[0]
        column[0].set_title(style.wrapped(str(name)))
        column[-1].set_xlabel(label_of(GradientPoint, parameter).replace(" (", "\n("))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(COSINES))
    style.label_panels(list(axes.flat), missing)
    return figure


def _draw_cosines(panel: Axes, table: pd.DataFrame) -> None:
    """Draw the cosines at evenly spaced values, as one of them may be none."""
    panel.axhline(0, color="black", linewidth=0.6)
    values = np.arange(len(table))
    for position, (column, line) in enumerate(LINES.items()):
        colour, marker = style.look(position)
        places = values + BESIDE * (position - (len(LINES) - 1) / 2)
        panel.plot(places, table[column], line, color=colour, marker=marker, label=name_of(Alignment, column).lower())
        panel.vlines(places, table[f"{column}_low"], table[f"{column}_high"], color=colour, linewidth=0.8)
    panel.set_xticks(values, list(table["value"]))
    panel.margins(x=0.1)


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    figure_of_runs.main("workflow.scripts.locality.gradients_figure", __doc__, draw, cosines, RUNS)


if __name__ == "__main__":
    program.run(main)
