"""How far something can be thinned out, and what that saves: a pair of panels per series of a study.

Above, accuracy over the first parameter of the series, and of those that are compared with it. Marked is how far each
is as good as the first point of the panel (:mod:`equally_good`). Below, costs in relation to those of that point: of
factors, the logarithms are averaged, and no interval reaches below zero.
"""

import textwrap
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.labels import label_of
from workflow.scripts.shared import style
from workflow.scripts.shared.left_out import Reason, positive, quotient
from workflow.scripts.shared.spread import summarize
from workflow.scripts.shared.write_table import two_digits
from workflow.scripts.studies import parameter_paths
from workflow.scripts.studies.equally_good import MARGIN, first_not_shown, last_equally_good, lowest, power, tolerance
from workflow.scripts.studies.measures import ACCURACY, Measure, measure_of

COSTS = {
    "synapses": "synapses",
    "operations_per_sample": "synaptic operations",
    "training_time_per_sample_s": "training time",
    "peak_memory_bytes": "peak memory",
}
COLUMNS = 3
"""Pairs of panels side by side."""
KEY = (
    Line2D([], [], color=style.GREY, marker=".", markersize=2, linestyle="", label="one run"),
    Line2D([], [], color=style.GREY, marker="|", markersize=8, linestyle="", label="as good to here"),
)
"""Of marks that look alike in all series."""
LINES = ("-", "--", ":")
"""Of the costs of the series that share a panel."""


class Pair(NamedTuple):
    """Two panels, one above the other."""

    task: str
    name: str
    parameter: str
    label: str
    """Of the parameter, and of those that have its values."""
    runs: pd.DataFrame
    """With the column x, the value of the parameter."""
    last: dict[str, int | None]
    """By series, the point up to which it is as good as the first point."""


def pairs_of(runs: pd.DataFrame, measure: Measure) -> list[Pair]:
    """Return the pairs of panels, in the order of the configuration."""
    result = []
    for names, table in runs.groupby(["task", "panel"], sort=False):
        task, name = map(str, names)
        varied = parameter_paths.split(str(table["varied"].iloc[0]))
        parameter = varied[0]
        last = {series: last_equally_good(table, series, measure) for series in table["series"].unique()}
        label = _label([parameter, *(path for path in varied[1:] if _varies_as(path, parameter, table))])
        result.append(Pair(task, name, parameter, label, table.assign(x=table[parameter]), last))
    return result


def _varies_as(path: str, other: str, runs: pd.DataFrame) -> bool:
    """Return whether two parameters are the same ones of two projections, with the same values."""
    below = path.split(".")[2:]
    return below != [] and below == other.split(".")[2:] and runs[path].equals(runs[other])


def _label(paths: list[str]) -> str:
    """Return a label for parameters with the same values, such as "Input, recurrent and output density"."""
    if len(paths) == 1:
        return label_of(TaskParameters, paths[0])
    projections, names = zip(*(label_of(TaskParameters, path).split(" ", 1) for path in paths), strict=True)
    words = [projections[0], *(word.lower() for word in projections[1:])]
    return f"{', '.join(words[:-1])} and {words[-1]} {names[0]}"


def ratios(runs: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return the ratio of a cost to the first point of ``runs``, paired over seeds, for each series and point.

    Columns: series, point, x, n, geometric mean over seeds, and bounds of its 95 % confidence interval (Student's t of
    the logarithms).
    """
    first = runs[runs["point"] == runs["point"].iloc[0]].set_index("seed")[cost]
    ratio = positive(quotient(runs[cost], runs["seed"].map(first)))  # others have no logarithm
    summary = summarize(runs.assign(ratio=np.log(ratio)), ["series", "point", "x"], "ratio")
    bounds = ["mean", "low", "high"]
    summary[bounds] = np.exp(summary[bounds])
    return summary


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn, a row per task, series, value and measure: mean, interval; of costs also :func:`ratios`.

    Of the measure that counts, ``better_by_at_least`` is the one-sided 95 % bound of the difference to the first point
    of the panel (negative: it may be worse), and ``power`` the probability to call a point as good that in truth
    equals that one; ``last_as_good`` marks points.
    """
    measure = measure_of(runs)
    parts = []
    for pair in pairs_of(runs, measure):
        bound, chances = lowest(pair.runs, measure), power(pair.runs, measure)
        for column in (measure.column, *COSTS):
            summary = summarize(pair.runs, ["series", "point", "x"], column).rename(columns={"x": "value"})
            if column in COSTS:
                names = {"mean": "ratio", "low": "ratio_low", "high": "ratio_high"}
                ratio = ratios(pair.runs, column).rename(columns=names)[["point", *names.values()]]
                summary = summary.merge(ratio, on="point", how="left")
            summary["last_as_good"] = summary["point"].isin(pair.last.values())
            if column == measure.column:
                summary["better_by_at_least"] = summary["point"].map(bound)
                summary["power"] = summary["point"].map(chances)
            parts.append(summary.assign(task=pair.task, panel=pair.name, parameter=pair.parameter, measure=column))
    columns = ["task", "panel", "series", "parameter", "value", "measure", "n", "mean", "low", "high"]
    of_costs = ["ratio", "ratio_low", "ratio_high"]
    return pd.concat(parts)[[*columns, *of_costs, "better_by_at_least", "power", "last_as_good"]]


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    measure = measure_of(runs)
    pairs = pairs_of(runs, measure)
    n_rows, n_columns = -(-len(pairs) // COLUMNS), min(len(pairs), COLUMNS)
    width = style.one_column() if n_columns == 1 else style.two_columns()
    of_legends = 22 if n_columns == 1 else 12
    figure, axes = plt.subplots(
        2 * n_rows,
        n_columns,
        figsize=(width, (of_legends + 75 * n_rows) * style.MILLIMETRE),
        squeeze=False,
        sharey="row",
        height_ratios=[3, 2] * n_rows,
    )
    panels = [
        (axes[2 * row, column], axes[2 * row + 1, column]) for row in range(n_rows) for column in range(n_columns)
    ]
    several_tasks = len(runs["task"].unique()) > 1
    lowest_shown = runs[measure.column].min() if measure == ACCURACY else 0.0
    zoomed = lowest_shown > 0.5  # chance is far away, and differences are small
    for (above, below), pair in zip(panels, pairs, strict=False):
        _draw_measure(above, pair, measure)
        if runs["chance"].notna().all() and not zoomed:
            style.draw_chance(above, pair.runs["chance"].iloc[0])
        _draw_costs(below, pair)
        name = style.wrapped(pair.name) if len(pair.last) == 1 < len(pairs) else ""  # else a legend names them
        above.set_title(", ".join(filter(None, [style.task_name(pair.task) if several_tasks else "", name])))
        below.set_xlabel(textwrap.fill(pair.label, 26))
        for panel in (above, below):
            style.scale_to_values(panel, sorted(pair.runs["x"].unique()))
        above.set_xlim(below.get_xlim())
        above.tick_params(labelbottom=False)
    for above, below in panels[len(pairs) :]:
        above.set_axis_off()
        below.set_axis_off()
    for above, below in panels[::n_columns]:
        measure.format_axis(above)
        if zoomed:
            above.set_ylim(bottom=0.1 * int(10 * lowest_shown))
        below.set_ylabel("Cost (first = 1)")
        style.scale_by_decades(below)
    handles, _ = panels[0][1].get_legend_handles_labels()
    margin = f"margin: {100 * runs['margin'].iloc[0]:g} {'points' if measure == ACCURACY else '%'}"
    figure.legend(
        handles=[*handles, Patch(color=MARGIN, label=margin), *KEY],
        loc="outside upper center",
        ncols=len(COSTS) if n_columns > 1 else 2,
        title=style.tell_seeds(runs),
    )
    missing = {
        below: [(positive(pair.runs[cost]), {Reason.NO_LOGARITHM: pair.runs[cost] == 0}) for cost in COSTS]
        for (_, below), pair in zip(panels, pairs, strict=False)
    }
    style.label_panels([panel for both in panels[: len(pairs)] for panel in both], missing)
    if told := _power(pairs, measure):
        style.note_below(figure, f"Power at the first point that is not shown to be as good: {told}.")
    return figure


def _power(pairs: list[Pair], measure: Measure) -> str:
    """Return, for each series with such a point, how probably the test would have shown it to be as good, if it was."""
    several_tasks = len({pair.task for pair in pairs}) > 1
    told = []
    for pair in pairs:
        chances = power(pair.runs, measure)
        for series in pair.last:
            point = first_not_shown(pair.runs, series, measure)
            if point is None or pd.isna(chances[point]):
                continue
            value = pair.runs.loc[pair.runs["point"] == point, "x"].iloc[0]
            name = f"{style.task_name(pair.task)}, {series}" if several_tasks else series
            told.append(f"{name} {value:g}, {100 * chances[point]:.0f} %")
    return "; ".join(told)


def _draw_measure(panel: Axes, pair: Pair, measure: Measure) -> None:
    runs = pair.runs
    first = runs.loc[runs["point"] == runs["point"].iloc[0], measure.column].mean()
    worst = first - measure.sign * tolerance(runs, measure)
    panel.axhspan(min(first, worst), max(first, worst), color=MARGIN, linewidth=0, zorder=0)
    lines: list[Line2D] = []
    for index, series in enumerate(pair.last):
        colour, marker = style.look(index)
        table = runs[runs["series"] == series]
        summary = summarize(table, ["x"], measure.column).sort_values("x")
        panel.fill_between(summary["x"], summary["low"], summary["high"], color=colour, alpha=0.2, linewidth=0)
        lines += panel.plot(summary["x"], summary["mean"], color=colour, marker=marker)
        panel.plot(table["x"], table[measure.column], color=colour, marker=".", markersize=2, linestyle="", alpha=0.6)
        _mark(panel, pair, series, colour)
    if len(pair.last) > 1:
        # Names are given, for by itself it leaves out those that begin with "_".
        panel.legend(
            lines,
            [style.wrapped(series) for series in pair.last],
            loc="lower right",
            bbox_to_anchor=(1.04, 1.0),
            borderaxespad=0,
        )


def _draw_costs(panel: Axes, pair: Pair) -> None:
    of_costs = {cost: ratios(pair.runs, cost) for cost in COSTS}
    for number, series in enumerate(pair.last):
        for index, (cost, name) in enumerate(COSTS.items()):
            table = of_costs[cost]
            summary = table[table["series"] == series].sort_values("x")
            colour = style.COLOURS[2 + index]
            panel.fill_between(summary["x"], summary["low"], summary["high"], color=colour, alpha=0.2, linewidth=0)
            panel.plot(
                summary["x"],
                summary["mean"],
                color=colour,
                linestyle=LINES[number % len(LINES)],
                marker=style.MARKERS[index],
                markersize=2.5,
                label=name if number == 0 else None,
            )
        colour, _ = style.look(number)
        _mark(panel, pair, series, colour)
        panel.annotate(
            _saved(pair, series, of_costs),
            (1, 1),
            (0, 2 + 9 * (len(pair.last) - 1 - number)),
            xycoords="axes fraction",
            textcoords="offset points",
            color=colour,
            ha="right",
            va="bottom",
        )


def _mark(panel: Axes, pair: Pair, series: str, colour: str) -> None:
    """Draw a line where a series is as good as the first point for the last time."""
    at_mark = pair.runs.loc[pair.runs["point"] == pair.last[series], "x"]
    if not at_mark.empty:
        panel.axvline(at_mark.iloc[0], color=colour, linewidth=0.8, linestyle="-", zorder=1)


def _saved(pair: Pair, series: str, of_costs: dict[str, pd.DataFrame]) -> str:
    """Return where that is, and what has been saved by then."""
    if len(pair.runs["seed"].unique()) == 1:
        return "no test with one seed"
    at_mark = pair.runs.loc[pair.runs["point"] == pair.last[series], "x"]
    if at_mark.empty:
        return "none shown to be as good"
    saved = []
    for cost, name in (("synapses", "synapses"), ("operations_per_sample", "operations")):
        ratio = of_costs[cost].set_index("point")["mean"].get(pair.last[series])
        if ratio is not None and two_digits(ratio) != "1":
            saved.append(f"{name} ÷ {two_digits(1 / ratio)}" if ratio <= 1 else f"{name} \u00d7 {two_digits(ratio)}")
    return ": ".join(filter(None, [f"{at_mark.iloc[0]:g}", ", ".join(saved)]))
