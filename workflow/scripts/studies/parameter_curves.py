"""Accuracy (or loss) and cost of a study over the parameters that it varies.

A column of panels per parameter where each is varied by itself; a column per task, with a colour per value of the
second parameter, where two are combined. The task's own value is marked by a dotted line.
"""

from typing import NamedTuple

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.labels import label_of
from workflow.scripts.shared import style
from workflow.scripts.shared.spread import summarize
from workflow.scripts.studies import parameter_paths
from workflow.scripts.studies.measures import Measure, measure_of

COST = Measure("synaptic_events_per_sample", "Synaptic events\nper sample", "1000", 1e-3, 2, -1)


class Column(NamedTuple):
    """The panels over one parameter."""

    parameter: str
    second: str
    """The parameter that has a colour for each value; empty where each task has a colour."""
    task: str
    """Empty where the tasks share the panels."""
    runs: pd.DataFrame
    """With the columns x (value of the parameter) and series (what a colour stands for)."""


def columns(runs: pd.DataFrame) -> list[Column]:
    """Return the columns of panels, in the order of the configuration."""
    combined = runs["varied"].str.contains(parameter_paths.SEPARATOR, regex=False)
    result = []
    for (task, varied), table in runs.groupby([runs["task"].where(combined, ""), "varied"], sort=False):
        parameter, second, *_ = [*parameter_paths.split(str(varied)), ""]
        series = table[second].astype(str) if second else table["task"].map(style.task_name)
        result.append(Column(parameter, second, str(task), table.assign(x=table[parameter], series=series)))
    return result


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn: by parameter, value, series and measure the mean over seeds and its confidence interval."""
    parts = [
        summarize(column.runs, ["series", "x"], measure).assign(
            task=column.task, parameter=column.parameter, measure=measure
        )
        for column in columns(runs)
        for measure in (measure_of(column.runs).column, COST.column)
    ]
    drawn = pd.concat(parts).rename(columns={"x": "value"})
    return drawn[["task", "parameter", "value", "series", "measure", "n", "mean", "low", "high"]]


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    shown = columns(runs)
    alike = len({column.task for column in shown}) == 1  # else their losses and costs may differ by orders of magnitude
    width = style.one_column() if len(shown) == 1 else style.two_columns()
    figure, axes = plt.subplots(
        2,
        len(shown),
        figsize=(width, 80 * style.MILLIMETRE),
        squeeze=False,
        sharex="col",
        sharey="row" if alike else False,
    )
    for column, panels in zip(shown, axes.T, strict=True):
        for measure, panel in zip((measure_of(column.runs), COST), panels, strict=True):
            _draw_panel(panel, column.runs, measure.column)
        if column.runs["chance"].notna().all():
            named = not alike or panels[0] is axes[0, 0]
            style.draw_chance(panels[0], column.runs["chance"].iloc[0], named=named)
        panels[-1].set_xlabel(label_of(TaskParameters, column.parameter))
        if len(set(runs["task"])) > 1:
            panels[0].set_title(style.task_name(column.task))
    for column, panels in zip(shown[:1] if alike else shown, axes.T, strict=False):
        for measure, panel in zip((measure_of(column.runs), COST), panels, strict=True):
            measure.format_axis(panel)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if len(labels) > 1:
        title = label_of(TaskParameters, shown[0].second) if shown[0].second else None
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4), title=title)
    style.label_panels(list(axes.flat))
    return figure


def _draw_panel(panel: Axes, runs: pd.DataFrame, measure: str) -> None:
    numeric = pd.api.types.is_numeric_dtype(runs["x"]) and not pd.api.types.is_bool_dtype(runs["x"])
    values = sorted(runs["x"].unique()) if numeric else list(runs["x"].unique())
    positions = values if numeric else list(range(len(values)))
    place = dict(zip(values, positions, strict=True))
    groups = list(runs.groupby("series", sort=False))
    for index, (series, table) in enumerate(groups):
        colour, marker = style.COLOURS[index % len(style.COLOURS)], style.MARKERS[index % len(style.MARKERS)]
        beside = 0.0 if numeric else 0.2 * (index - (len(groups) - 1) / 2)  # values without order are not joined
        summary = summarize(table, ["x"], measure).sort_values("x", key=lambda x: x.map(place))
        x = summary["x"].map(place) + beside
        panel.plot(x, summary["mean"], color=colour, marker=marker, linestyle="-" if numeric else "", label=series)
        if numeric:
            panel.fill_between(x, summary["low"], summary["high"], color=colour, alpha=0.2, linewidth=0)
        else:
            panel.vlines(x, summary["low"], summary["high"], color=colour, linewidth=1)
        panel.plot(
            table["x"].map(place) + beside,
            table[measure],
            color=colour,
            marker=".",
            markersize=2,
            linestyle="",
            alpha=0.6,
        )
    own = runs.loc[runs["default"], "x"].map(place)
    if not own.empty:
        panel.axvline(own.iloc[0], color=style.GREY, linestyle=":", linewidth=0.8, zorder=0)
    if numeric:
        style.scale_to_values(panel, values)
    else:
        names = [str(value).replace("_", " ") for value in values]
        panel.set_xticks(positions, names, rotation=30, ha="right", rotation_mode="anchor")
        panel.set_xlim(-0.5, len(values) - 0.5)
        panel.xaxis.set_minor_locator(NullLocator())
