"""How far something can be thinned out, and what that saves: a pair of panels per series of a study.

Above, accuracy over the first parameter of the series. Marked is how far one can go from the best point on: up to
there, no mean is worse than the best one by more than two standard deviations of seeds, pooled over the two points.
Below, costs in relation to those of the first point.
"""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import style
from measures import Measure, measure_of
from spread import summarize

COSTS = {
    "synapses": "synapses",
    "operations_per_sample": "synaptic operations",
    "training_time_per_sample_s": "training time",
    "peak_memory_bytes": "peak memory",
}
SPREAD = 2
"""Standard deviations, that of 95 % of the seeds."""
COLUMNS = 3
"""Pairs of panels side by side."""


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn, a row per task, series, value and measure: mean, interval; of costs also the ratio.

    The column ``last_as_good`` tells the marked points.
    """
    measure = measure_of(runs)
    parts = []
    for names, table in runs.groupby(["task", "series"], sort=False):
        task, series = map(str, names)
        parameter = str(table["varied"].iloc[0]).split()[0]
        marked = last_as_good(table, measure)
        for column in (measure.column, *COSTS):
            summary = summarize(table, ["point", parameter], column).rename(columns={parameter: "value"})
            summary["ratio"] = summary["mean"] / summary["mean"].iloc[0]
            summary["last_as_good"] = summary["point"] == marked
            parts.append(summary.assign(task=task, series=series, parameter=parameter, measure=column))
    columns = ["task", "series", "parameter", "value", "measure", "n", "mean", "low", "high", "ratio", "last_as_good"]
    return pd.concat(parts)[columns]


def best(runs: pd.DataFrame, measure: Measure) -> int:
    """Return the point of one series with the best mean."""
    means = measure.sign * runs.groupby("point")[measure.column].mean()
    return int(means.index[int(means.argmax())])


def last_as_good(runs: pd.DataFrame, measure: Measure) -> int:
    """Return the last point, from the best on, up to which none is worse than that by more than the seeds' spread."""
    points = runs.groupby("point")[measure.column].agg(["mean", "var"]).fillna({"var": 0.0}).loc[best(runs, measure) :]
    spread = SPREAD * ((points["var"] + points["var"].iloc[0]) / 2) ** 0.5
    worse = measure.sign * (points["mean"].iloc[0] - points["mean"]) > spread
    return int(points.index[worse.to_numpy().argmax() - 1 if worse.any() else -1])


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    measure = measure_of(runs)
    groups = list(runs.groupby(["task", "series"], sort=False))
    n_rows, n_columns = -(-len(groups) // COLUMNS), min(len(groups), COLUMNS)
    width = style.ONE_COLUMN if n_columns == 1 else style.TWO_COLUMNS
    figure, axes = plt.subplots(
        2 * n_rows,
        n_columns,
        figsize=(width, (8 + 70 * n_rows) * style.MILLIMETRE),
        squeeze=False,
        sharey="row",
        height_ratios=[3, 2] * n_rows,
    )
    pairs = [(axes[2 * row, column], axes[2 * row + 1, column]) for row in range(n_rows) for column in range(n_columns)]
    several_tasks = len(runs["task"].unique()) > 1
    for (above, below), ((task, series), table) in zip(pairs, groups, strict=False):
        parameter = str(table["varied"].iloc[0]).split()[0]
        marked = last_as_good(table, measure)
        table = table.assign(x=table[parameter])
        _draw_measure(above, table, measure, marked)
        _draw_costs(below, table, marked)
        above.set_title(f"{task}, {series}" if several_tasks else series)
        below.set_xlabel(style.parameter_name(parameter))
        for panel in (above, below):
            style.scale_to_values(panel, sorted(table["x"].unique()))
        above.tick_params(labelbottom=False)
    for above, below in pairs[len(groups) :]:
        above.set_axis_off()
        below.set_axis_off()
    for above, below in pairs[::n_columns]:
        measure.format_axis(above)
        below.set_ylabel("Cost (first = 1)")
    handles, labels = pairs[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(COSTS) if n_columns > 1 else 2)
    style.label_panels([panel for pair in pairs[: len(groups)] for panel in pair])
    return figure


def _draw_measure(panel: Axes, runs: pd.DataFrame, measure: Measure, marked: int) -> None:
    of_best = runs.loc[runs["point"] == best(runs, measure), measure.column]
    spread = 0.0 if len(of_best) < 2 else SPREAD * of_best.std()
    panel.axhspan(of_best.mean() - spread, of_best.mean() + spread, color="0.88", linewidth=0, zorder=0)
    summary = summarize(runs, ["x"], measure.column).sort_values("x")
    panel.fill_between(summary["x"], summary["low"], summary["high"], color=style.COLOURS[0], alpha=0.2, linewidth=0)
    panel.plot(summary["x"], summary["mean"], color=style.COLOURS[0], marker="o")
    panel.plot(
        runs["x"], runs[measure.column], color=style.COLOURS[0], marker=".", markersize=2, linestyle="", alpha=0.6
    )
    if runs["chance"].notna().all():
        style.draw_chance(panel, runs["chance"].iloc[0])
    panel.axvline(runs.loc[runs["point"] == marked, "x"].iloc[0], color=style.COLOURS[1], linewidth=0.8, zorder=1)


def _draw_costs(panel: Axes, runs: pd.DataFrame, marked: int) -> None:
    first = runs[runs["point"] == runs["point"].iloc[0]]
    for index, (cost, name) in enumerate(COSTS.items()):
        relative = runs.assign(ratio=runs[cost] / first[cost].mean())
        summary = summarize(relative, ["x"], "ratio").sort_values("x")
        colour = style.COLOURS[2 + index]
        panel.plot(summary["x"], summary["mean"], color=colour, marker=style.MARKERS[index], markersize=2.5, label=name)
        panel.fill_between(summary["x"], summary["low"], summary["high"], color=colour, alpha=0.2, linewidth=0)
    at_mark = runs[runs["point"] == marked]
    panel.axvline(at_mark["x"].iloc[0], color=style.COLOURS[1], linewidth=0.8, zorder=1)
    saved = [
        f"{name} ÷ {first[cost].mean() / at_mark[cost].mean():.2g}"
        for cost, name in (("synapses", "synapses"), ("operations_per_sample", "operations"))
    ]
    panel.set_title(f"{at_mark['x'].iloc[0]:g}: {', '.join(saved)}", loc="right", color=style.COLOURS[1])
    panel.set_yscale("log")
