"""Draw event-driven against time-driven cost: time per step above, ratio below, a column per series."""

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import other_work
import script_log
import style
from break_even_numbers import MODELS, RIVALS, break_even, summary
from parameter_names import parameter_name

LOOKS = {"event_driven": (style.COLOURS[0], "o"), "time_driven": (style.COLOURS[1], "s"), "bound": (style.GREY, "^")}


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = summary(runs)
    series = list(table.groupby("series", sort=False))
    width = style.ONE_COLUMN if len(series) == 1 else style.TWO_COLUMNS
    figure, axes = plt.subplots(
        2, len(series), figsize=(width, 95 * style.MILLIMETRE), squeeze=False, sharex="col", sharey="row"
    )
    for (name, of_series), (times, ratios) in zip(series, axes.T, strict=True):
        _draw_times(times, of_series)
        _draw_ratios(ratios, of_series)
        times.set_title(str(name))
        parameter = of_series["parameter"].iloc[0]
        varies_rate = parameter == "input_rate"
        ratios.set_xlabel("Presynaptic rate (spikes/s)" if varies_rate else parameter_name(parameter))
        ratios.set_xscale("log")
        if not varies_rate:
            ratios.set_xticks(of_series["x"], [f"{value:g}" for value in of_series["x"]])
            ratios.xaxis.set_minor_locator(NullLocator())
    for panel in axes.flat:
        panel.set_yscale("log")
    axes[0, 0].set_ylabel("Time per step (ms)")
    axes[1, 0].set_ylabel("Time-driven / event-driven")
    axes[1, 0].annotate("break-even", (0.02, 1), (0, 1), xycoords=("axes fraction", "data"), textcoords="offset points")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(MODELS))
    style.label_panels(list(axes.flat))
    other_work.explain(figure)
    return figure


def _draw_times(panel: Axes, table: pd.DataFrame) -> None:
    table = table.sort_values("x")
    for model, label in MODELS.items():
        colour, marker = LOOKS[model]
        lowest, median, highest = (1000 * table[f"{model}_s_{which}"] for which in ("min", "median", "max"))
        panel.plot(table["x"], median, color=colour, marker=marker, label=label)
        panel.vlines(table["x"], lowest, highest, color=colour, linewidth=1)
        other_work.mark(panel, table["x"], highest, table)


def _draw_ratios(panel: Axes, table: pd.DataFrame) -> None:
    panel.axhline(1, color="black", linewidth=0.8)
    table = table.sort_values("x")
    for rival in RIVALS:
        colour, marker = LOOKS[rival]
        panel.plot(table["x"], table[f"{rival}_ratio"], color=colour, marker=marker)
        other_work.mark(panel, table["x"], table[f"{rival}_ratio"], table)
        at = break_even(table["x"], table[f"{rival}_ratio"])
        if at is not None:
            panel.axvline(at, color=colour, linestyle=":", linewidth=0.8)
            panel.annotate(
                f"{float(f'{at:.2g}'):g}",
                (at, 1),
                (-1, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=colour,
                ha="right",
                va="top",  # where lines cross break-even, the upper corner is free
            )


def main(snakemake: Any) -> None:
    """Draw the figure, and write the numbers in it beside it."""
    style.use()
    runs = pd.read_csv(snakemake.input.runs)
    *pictures, table = snakemake.output
    style.save(draw(runs), pictures)
    summary(runs).to_csv(table, index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
