"""Draw event-driven against time-driven cost: time per step above, ratio below, a column per series."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter

from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.break_even.result import BreakEvenResult
from eprop_core.labels import label_of
from workflow.scripts.break_even.collect import RUNS
from workflow.scripts.break_even.numbers import MODELS, RIVALS, break_even, reasons, summary
from workflow.scripts.shared import figure_of_runs, other_work, program, style
from workflow.scripts.shared.left_out import Reasons
from workflow.scripts.shared.write_table import two_digits

LOOKS = {"event_driven": (style.COLOURS[0], "o"), "time_driven": (style.COLOURS[1], "s"), "bound": (style.GREY, "^")}


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = summary(runs)
    series = list(table.groupby("series", sort=False))
    width = style.one_column() if len(series) == 1 else style.two_columns()
    figure, axes = plt.subplots(
        2, len(series), figsize=(width, 95 * style.MILLIMETRE), squeeze=False, sharex="col", sharey="row"
    )
    missing: dict[Axes, list[tuple[pd.Series, Reasons]]] = {}
    for (name, of_series), (times, ratios) in zip(series, axes.T, strict=True):
        _draw_times(times, of_series)
        _draw_ratios(ratios, of_series)
        why = reasons(of_series)
        x = of_series["x"], why["rate_hz"]
        missing[times] = [x, *((of_series[f"{model}_s_median"], why[f"{model}_s_median"]) for model in MODELS)]
        missing[ratios] = [x, *((of_series[f"{rival}_ratio"], why[f"{rival}_ratio"]) for rival in RIVALS)]
        times.set_title(style.wrapped(str(name)))
        parameter = of_series["parameter"].iloc[0]
        varies_rate = parameter == "input_rate"
        ratios.set_xlabel(label_of(BreakEvenResult, "rate_hz") if varies_rate else label_of(BreakEvenPoint, parameter))
        _scale_horizontally(ratios, of_series["x"].dropna().sort_values(), varies_rate)
    for panel in axes.flat:
        style.set_log(panel)
    medians, lowest, highest = (
        pd.concat([1000 * table[f"{model}_s_{which}"] for model in MODELS], ignore_index=True)
        for which in ("median", "min", "max")
    )
    style.limit_decades(axes[0, 0], medians, lowest, highest)
    axes[0, 0].set_ylabel("Time per step (ms)")
    axes[1, 0].set_ylabel("Time-driven / event-driven")
    axes[1, 0].annotate("break-even", (0.02, 1), (0, 1), xycoords=("axes fraction", "data"), textcoords="offset points")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(MODELS))
    style.label_panels(list(axes.flat), missing)
    other_work.explain(figure)
    return figure


def _scale_horizontally(panel: Axes, values: pd.Series, varies_rate: bool) -> None:
    """Scale an axis to ascending values, which it names unless they are measured rates; zero has a place of its own.

    Rates within a decade have a few round ones, as there may be no power of ten among them.
    """
    if values.empty or not (values > 0).all():
        style.scale_to_values(panel, list(values.unique()))
        return
    panel.set_xscale("log")
    if not varies_rate:
        panel.set_xticks(values, [f"{value:g}" for value in values])
        panel.xaxis.set_minor_locator(NullLocator())
    elif values.max() < 10 * values.min():
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.xaxis.set_minor_locator(NullLocator())


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
                two_digits(at),
                (at, 1),
                (-1, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=colour,
                ha="right",
                va="top",  # where lines cross break-even, the upper corner is free
            )


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    figure_of_runs.main("workflow.scripts.break_even.figure", __doc__, draw, summary, RUNS)


if __name__ == "__main__":
    program.run(main)
