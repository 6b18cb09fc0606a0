"""Gains, losses and costs of each variant of a model against the first variant."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow.scripts.shared import style
from workflow.scripts.shared.left_out import Reason, quotient
from workflow.scripts.studies.differences import SIGNIFICANT, differences
from workflow.scripts.studies.equally_good import MARGIN, lowest, power, tolerance
from workflow.scripts.studies.measures import Measure, measure_of

COSTS = {
    "operations_per_sample": "Synaptic\noperations",
    "training_time_per_sample_s": "Training\ntime",
}


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn, a row per task and variant.

    The difference of the measure to the first variant, in its unit, with its 95 % confidence interval and p-values
    (:mod:`differences`), by how much it is better at least, and the power to show that it is as good
    (:mod:`equally_good`), a verdict, and the difference of each cost in per cent of the first variant's.
    """
    measure = measure_of(runs)
    heads = runs.groupby("point", as_index=False).agg(
        task=("task", "first"), variant=("variant", "first"), seeds=("seed", "nunique")
    )
    compared = differences(runs, measure.column)
    columns = ["difference", "difference_low", "difference_high"]
    compared[columns] *= measure.factor
    judged = pd.concat([_judged(of_task, measure) for _, of_task in runs.groupby("task", sort=False)])
    table = heads.merge(compared, on="point").merge(judged, on="point").assign(measure=measure.label)
    table["verdict"] = [_verdict(row, measure) for _, row in table.iterrows()]
    table = table.drop(columns="as_good")
    for cost in COSTS:
        table = table.merge(_relative(runs, cost), on="point")
    return table.drop(columns="point")


def _judged(runs: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return by point how much better than the first it is at least, if that is as good, and the power to show it."""
    bound = lowest(runs, measure)
    good = bound >= -tolerance(runs, measure)
    judged = {"better_by_at_least": measure.factor * bound, "power": power(runs, measure), "as_good": good}
    return pd.DataFrame(judged).rename_axis("point").reset_index()


def _verdict(row: "pd.Series[Any]", measure: Measure) -> str:
    """Return what the tests say of a variant; nothing of the first one, and of a single seed."""
    if pd.isna(row["difference_low"]) or pd.isna(row["better_by_at_least"]):
        return ""
    if row["as_good"]:
        return "as good"
    if row["adjusted_p_value"] < SIGNIFICANT and measure.sign * row["difference"] < 0:
        return "worse"
    return f"undecided (power {100 * row['power']:.0f} %)"


def _relative(runs: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return the difference of a cost to the first variant of the same task and seed, %, with its interval.

    It is missing where the cost of the first variant is zero.
    """
    first = runs.groupby("task")["point"].transform("first")
    reference = runs[runs["point"] == first].set_index(["task", "seed"])[cost].rename("reference")
    relative = runs.join(reference, on=["task", "seed"])
    relative[cost] = 100 * (quotient(relative[cost], relative["reference"]) - 1)
    table = differences(relative, cost)[["point", "difference", "difference_low", "difference_high"]]
    return table.rename(columns=lambda name: name.replace("difference", cost))


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    measure, drawn = measure_of(runs), numbers(runs)
    variants, tasks = list(drawn["variant"].unique()), list(drawn["task"].unique())
    names = [style.wrapped(variant) for variant in variants]
    lines = [max(len(name.splitlines()), len(tasks)) for name in names]  # of the name, and of a verdict for each task
    height = (32 + sum(2 + 3 * of_variant for of_variant in lines)) * style.MILLIMETRE
    figure, axes = plt.subplots(
        1, 1 + len(COSTS), figsize=(style.two_columns(), height), sharey=True, width_ratios=(2, *[1] * len(COSTS))
    )
    labels = [f"{measure.name}: difference ({'percentage points' if measure.factor == 100 else measure.unit})"]
    labels += [f"{name} (%)" for name in COSTS.values()]
    place = dict(zip(variants, range(len(variants)), strict=True))
    margins = [measure.factor * tolerance(of_task, measure) for _, of_task in runs.groupby("task", sort=False)]
    axes[0].axvspan(-max(margins), max(margins), color=MARGIN, linewidth=0, zorder=0.5)
    for panel, column, label in zip(axes, ("difference", *COSTS), labels, strict=True):
        panel.axvline(0, color=style.GREY, linewidth=0.8, zorder=0.8)
        for index, task in enumerate(tasks):
            beside = 0.7 * (index - (len(tasks) - 1) / 2) / len(tasks)
            table = drawn[drawn["task"] == task]
            _draw_points(panel, table, column, table["variant"].map(place) + beside, index, task)
            if column == "difference":
                _write_verdicts(panel, table, table["variant"].map(place) + beside, index)
        panel.set_xlabel(label)
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="y", color="0.92", linewidth=0.6)
        panel.set_axisbelow(True)
    axes[0].set_yticks(range(len(variants)), names)
    axes[0].set_ylim(len(variants) - 0.5, -0.5)
    of_tasks = axes[0].get_legend_handles_labels()[0] if len(tasks) > 1 else []
    handles = [*of_tasks, *axes[0].plot([], [], "o", color="0.3", label="significant")]
    handles += axes[0].plot([], [], "o", color="0.3", markerfacecolor="white", label="not significant")
    name = f"{100 * runs['margin'].iloc[0]:g} {'points' if measure.factor == 100 else '%'}"
    handles += [Patch(color=MARGIN, label=f"margin: {name}")]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5), title=style.tell_seeds(runs))
    missing = {
        panel: [(drawn[cost], {Reason.NO_REFERENCE: drawn[cost].isna()})]
        for panel, cost in zip(axes[1:], COSTS, strict=True)
    }
    style.label_panels(list(axes), missing)
    return figure


def _write_verdicts(panel: Axes, table: pd.DataFrame, y: pd.Series, index: int) -> None:
    """Write on the right of a panel what the tests say of each variant."""
    for place, verdict in zip(y, table["verdict"], strict=True):
        panel.annotate(
            verdict,
            (1, place),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=style.COLOURS[index],
            va="center",
        )


def _draw_points(panel: Axes, table: pd.DataFrame, column: str, y: pd.Series, index: int, task: str) -> None:
    """Draw mean and interval of each variant; of the measure, filled where it differs significantly."""
    colour, marker = style.COLOURS[index], style.MARKERS[index]
    panel.hlines(y, table[f"{column}_low"], table[f"{column}_high"], color=colour, linewidth=1)
    if column == "difference":
        faces = np.where(table["adjusted_p_value"] < SIGNIFICANT, colour, "white")
        panel.scatter(table[column], y, s=14, marker=marker, c=list(faces), edgecolors=colour, linewidths=0.9, zorder=3)
    else:  # costs are not tested: a mark that can be neither filled nor open
        panel.plot(table[column], y, "|", color=colour, markersize=6, markeredgewidth=1.2)
    panel.plot([], [], color=colour, marker=marker, linestyle="", label=style.task_name(task))
