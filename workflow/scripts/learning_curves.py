"""Learning curves of a study that varies nothing: loss and accuracy over the samples seen, a row per task."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import style
from spread import summarize

TRAINING, VALIDATION, TEST = style.COLOURS[0], style.COLOURS[1], style.COLOURS[2]
SERIES = {
    "training_loss": ("loss", "training"),
    "training_accuracy": ("accuracy", "training"),
    "validation_accuracy": ("accuracy", "validation"),
    "test_accuracy": ("accuracy", "test"),
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
    figure, axes = plt.subplots(
        len(tasks), 2, figsize=(style.TWO_COLUMNS, len(tasks) * 55 * style.MILLIMETRE), squeeze=False
    )
    for (loss, accuracy), task in zip(axes, tasks, strict=True):
        of_task = drawn[drawn["task"] == task]
        n_seeds = runs.loc[runs["task"] == task, "seed"].nunique()
        chance = runs.loc[runs["task"] == task, "chance"].iloc[0]
        _draw_curve(loss, of_task, "loss", "training", TRAINING)
        loss.set(ylabel=f"{task.capitalize()}: loss (mV$^2$)", ylim=(0, None))
        _draw_curve(accuracy, of_task, "accuracy", "training", TRAINING)
        _draw_curve(accuracy, of_task, "accuracy", "validation", VALIDATION)
        _draw_test(accuracy, of_task)
        style.draw_chance(accuracy, chance)
        accuracy.set(ylabel="Accuracy (%)", ylim=(0, 1.02))
        accuracy.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
        accuracy.legend(loc="lower right", bbox_to_anchor=(1, 0.16), title=f"mean and 95 % CI, {n_seeds} seeds")
        for panel in (loss, accuracy):
            panel.set_xlabel("Training samples seen")
            panel.set_xlim(left=0)
    style.label_panels(list(axes.flat))
    return figure


def _draw_curve(panel: Axes, drawn: pd.DataFrame, measure: str, samples: str, colour: str) -> None:
    curve = drawn[(drawn["measure"] == measure) & (drawn["set"] == samples)]
    if curve.empty:
        return
    marker = "o" if samples == "validation" else ""
    panel.plot(curve["samples"], curve["mean"], color=colour, label=samples, marker=marker)
    panel.fill_between(curve["samples"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)


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
