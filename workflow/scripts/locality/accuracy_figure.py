"""Draw the test accuracy of methods, and their best accuracy on held-out samples by learning rate."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow.scripts.locality.collect_accuracy import RUNS
from workflow.scripts.locality.numbers import accuracies
from workflow.scripts.shared import figure_of_runs, program, style


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = accuracies(runs)
    size = (style.two_columns(), 62 * style.MILLIMETRE)
    figure, (test, search) = plt.subplots(1, 2, figsize=size, width_ratios=(1, 1.2))
    _draw_test(test, table[table["samples"] == "test"], runs[runs["samples"] == "test"])
    _draw_search(search, table[table["samples"] == "search"])
    style.label_panels([test, search])
    return figure


def _draw_test(panel: Axes, table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Draw a line per method, from above: its seeds as dots, their mean and its interval."""
    methods = list(table["method"])
    for position, (method, of_method) in enumerate(runs.groupby("method", sort=False)):
        colour, marker = style.look(position)
        mean = table[table["method"] == method].iloc[0]
        accuracy = 100 * of_method["accuracy"]
        offsets = np.linspace(-0.15, 0.15, len(accuracy)) if len(accuracy) > 1 else np.zeros(1)
        panel.plot(accuracy, position + offsets, ".", color=style.GREY, markersize=3)
        panel.hlines(position, 100 * mean["accuracy_low"], 100 * mean["accuracy_high"], color=colour)
        panel.plot(100 * mean["accuracy"], position, color=colour, marker=marker, linestyle="none")
    panel.set_yticks(range(len(methods)), [method.replace(", ", ",\n") for method in methods])
    panel.set_ylim(len(methods) - 0.5, -0.5)
    panel.set_xlabel("Test accuracy (%)")


def _draw_search(panel: Axes, table: pd.DataFrame) -> None:
    """Draw a line per method: at each learning rate, with the best one of the output weights."""
    for position, (_, of_method) in enumerate(table.groupby("method", sort=False)):
        colour, marker = style.look(position)
        best = of_method.groupby("factor")["accuracy"].max()
        panel.plot(best.index, 100 * best, color=colour, marker=marker)
    panel.set_xscale("log")
    panel.set(xlabel="Factor of the learning rate (linear readout: C)", ylabel="Accuracy on validation samples (%)")
    panel.set_ylim(0, 100)


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    figure_of_runs.main("workflow.scripts.locality.accuracy_figure", __doc__, draw, accuracies, RUNS)


if __name__ == "__main__":
    program.run(main)
