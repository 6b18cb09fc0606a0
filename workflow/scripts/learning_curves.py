"""Learning curves of a study that varies nothing: loss, accuracy and rate over the samples seen, a row per task."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import style
from measures import UNITS
from spread import summarize

TRAINING, VALIDATION, TEST = style.COLOURS[0], style.COLOURS[1], style.COLOURS[2]
SERIES = {
    "training_loss": ("loss", "training"),
    "training_accuracy": ("accuracy", "training"),
    "validation_accuracy": ("accuracy", "validation"),
    "test_accuracy": ("accuracy", "test"),
    "rate_hz": ("rate", "training"),
}


def numbers(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn: per task, measure, samples and set the mean over seeds and its confidence interval."""
    last = curves.groupby(["task", "seed"], as_index=False)["samples"].max()
    tests = runs.merge(last, on=["task", "seed"])
    parts = []
    for column, (measure, samples) in SERIES.items():
        table = curves if column in curves else tests
        if table[column].notna().any():
            summary = summarize(table, ["task", "samples"], column)
            parts.append(summary.assign(measure=measure, set=samples))
    return pd.concat(parts)[["task", "measure", "set", "samples", "n", "mean", "low", "high"]]


def draw(runs: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Return the figure."""
    drawn = numbers(runs, curves)
    tasks = list(runs["task"].unique())
    measures = [measure for measure in ("loss", "accuracy", "rate") if measure in set(drawn["measure"])]
    size = (style.TWO_COLUMNS, (5 + 45 * len(tasks)) * style.MILLIMETRE)
    figure, axes = plt.subplots(len(tasks), len(measures), figsize=size, squeeze=False)
    for panels, task in zip(axes, tasks, strict=True):
        of_task, runs_of_task = drawn[drawn["task"] == task], runs[runs["task"] == task]
        for panel, measure in zip(panels, measures, strict=True):
            if measure == "accuracy" and runs_of_task["test_accuracy"].isna().all():
                panel.set_axis_off()
                continue
            _draw_curve(panel, of_task, measure, "training", TRAINING)
            if measure == "accuracy":
                _draw_accuracy(panel, of_task, runs_of_task)
            panel.set(xlabel="Training samples seen", xlim=(0, None))
            if measure != "accuracy":
                panel.set_ylim(bottom=0)
        panels[0].set_ylabel(f"{task.replace('_', ' ').capitalize()}: loss ({UNITS[runs_of_task['loss'].iloc[0]]})")
        panels[-1].set_ylabel("Rate (spikes/s)")
    n_seeds = runs["seed"].nunique()
    figure.suptitle(f"mean and 95 % CI, {n_seeds} seed{'s' if n_seeds > 1 else ''}", fontsize=7)
    style.label_panels([panel for panel in axes.flat if panel.axison])
    return figure


def _draw_curve(panel: Axes, drawn: pd.DataFrame, measure: str, samples: str, colour: str) -> None:
    curve = drawn[(drawn["measure"] == measure) & (drawn["set"] == samples)]
    if curve.empty:
        return
    marker = "o" if samples == "validation" else ""
    panel.plot(curve["samples"], curve["mean"], color=colour, label=samples, marker=marker)
    panel.fill_between(curve["samples"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)


def _draw_accuracy(panel: Axes, drawn: pd.DataFrame, runs: pd.DataFrame) -> None:
    _draw_curve(panel, drawn, "accuracy", "validation", VALIDATION)
    _draw_test(panel, drawn)
    style.draw_chance(panel, runs["chance"].iloc[0])
    if runs["goal"].notna().all():
        _draw_goal(panel, runs)
    panel.set(ylabel="Accuracy (%)", ylim=(0, 1.02))
    panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    panel.legend(loc="lower right", bbox_to_anchor=(1, 0.16))


def _draw_goal(panel: Axes, runs: pd.DataFrame) -> None:
    """Draw the goal, and after what training time it was reached."""
    goal, times = runs["goal"].iloc[0], runs["time_to_goal_s"].dropna()
    panel.axhline(goal, color=style.GREY, linestyle=":", linewidth=0.8, zorder=0)
    reached = f"{times.median():.2g} s (median)" if len(times) == len(runs) else f"{len(times)} of {len(runs)} seeds"
    panel.annotate(
        f"{100 * goal:g} %: {reached}",
        (1, goal),
        (0, -1),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=style.GREY,
        ha="right",
        va="top",
    )


def _draw_test(panel: Axes, drawn: pd.DataFrame) -> None:
    test = drawn[drawn["set"] == "test"].iloc[0]
    error = None if pd.isna(test["low"]) else [[test["mean"] - test["low"]], [test["high"] - test["mean"]]]
    spread = "" if error is None else f" ± {100 * (test['high'] - test['mean']):.1f}"
    label = f"test: {100 * test['mean']:.1f}{spread} %"
    panel.errorbar(
        [test["samples"]],
        [test["mean"]],
        error,
        color=TEST,
        marker="D",
        linestyle="",
        capsize=2,
        label=label,
        zorder=5,
        clip_on=False,
    )
