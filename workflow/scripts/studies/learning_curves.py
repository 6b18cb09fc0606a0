"""Learning curves of a study that varies nothing, a row per task: loss, accuracy and rate over the samples seen.

Where no answer is right or wrong, the answer itself takes the place of the accuracy.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import Bbox, TransformedBbox

from eprop_core.labels import label_of, name_of
from eprop_core.parameters import LOSS_UNITS
from eprop_core.training.curve import CurvePoint
from workflow.scripts.shared import style
from workflow.scripts.shared.spread import summarize
from workflow.scripts.shared.write_table import mean_with_interval
from workflow.scripts.studies.measures import NMSE

TRAINING, VALIDATION, TEST = style.COLOURS[0], style.COLOURS[1], style.COLOURS[2]
SERIES = {
    "training_loss": ("loss", "training"),
    "training_nmse": ("NMSE", "training"),
    "training_accuracy": ("accuracy", "training"),
    "validation_accuracy": ("accuracy", "validation"),
    "test_accuracy": ("accuracy", "test"),
    "rate_hz": ("rate", "training"),
}
"""Measure and set of each column."""
LOSSES = {"validation_loss": ("loss", "validation"), "test_loss": ("loss", "test")}
"""The same of tasks in which no answer is right or wrong."""
TARGET_MEAN = "mean of the target (NMSE 1)"


def numbers(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn: per task, measure, samples and set the mean over seeds and its confidence interval.

    A network that has stopped learning stays as it is, and counts with its last values until the others stop. Tests
    are drawn at the mean number of samples that was learned from.
    """
    tests = runs.assign(samples=runs.groupby("task")["training_samples_shown"].transform("mean"))
    parts = []
    without_accuracy = runs.loc[runs["chance"].isna(), "task"]
    for column, (measure, samples) in (SERIES | LOSSES).items():
        table = _prolonged(curves, column) if column in curves else tests
        if column in LOSSES:
            table = table[table["task"].isin(without_accuracy)]
        if table[column].notna().any():
            summary = summarize(table, ["task", "samples"], column)
            parts.append(summary.assign(measure=measure, set=samples))
    return pd.concat(parts)[["task", "measure", "set", "samples", "n", "mean", "low", "high"]]


def _prolonged(curves: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return task, seed, samples and the values of a column, the last of each seed repeated where others go on."""
    parts = []
    for task, of_task in curves.dropna(subset=[column]).groupby("task", sort=False):
        by_seed = of_task.pivot_table(index="samples", columns="seed", values=column).ffill()
        parts.append(by_seed.reset_index().melt("samples", value_name=column).assign(task=task))
    return pd.concat(parts) if parts else curves


def draw(runs: pd.DataFrame, curves: pd.DataFrame, answers: pd.DataFrame) -> Figure:
    """Return the figure."""
    drawn = numbers(runs, curves)
    tasks = list(runs["task"].unique())
    size = (style.two_columns(), (13 + 45 * len(tasks)) * style.MILLIMETRE)
    figure, axes = plt.subplots(len(tasks), 3, figsize=size, squeeze=False)
    for (loss, middle, rate), task in zip(axes, tasks, strict=True):
        of_task, runs_of_task = drawn[drawn["task"] == task], runs[runs["task"] == task]
        for panel, measure in ((loss, "loss"), (rate, "rate")):
            _draw_curve(panel, of_task, measure, "training", TRAINING)
            _draw_curve(panel, of_task, measure, "validation", VALIDATION)
            panel.set(xlabel=name_of(CurvePoint, "samples"), xlim=(0, None), ylim=(0, None))
        loss.set_title(style.task_name(task))
        loss.set_ylabel(f"Loss ({LOSS_UNITS[runs_of_task['loss'].iloc[0]]})")
        rate.set_ylabel(label_of(CurvePoint, "rate_hz"))
        if runs_of_task["test_accuracy"].notna().all():
            _draw_accuracy(middle, of_task, runs_of_task)
        else:
            _draw_target_mean(loss, runs_of_task)
            _draw_test_loss(loss, of_task, LOSS_UNITS[runs_of_task["loss"].iloc[0]])
            _draw_answer(middle, answers[answers["task"] == task])
    _draw_key(figure, list(axes.flat), style.tell_seeds(runs))
    style.label_panels(list(axes.flat))
    return figure


def _draw_key(figure: Figure, panels: list[Axes], title: str) -> None:
    """Tell above all panels what is the same in all of them."""
    drawn = [panel.get_legend_handles_labels() for panel in panels]
    by_label = {label: handle for handles, labels in drawn for handle, label in zip(handles, labels, strict=True)}
    shown = [label for label in ("training", "validation", "chance", TARGET_MEAN) if label in by_label]
    handles = [by_label[label] for label in shown]
    figure.legend(handles, shown, loc="outside upper center", ncols=len(shown), title=title)


def _draw_curve(panel: Axes, drawn: pd.DataFrame, measure: str, samples: str, colour: str) -> None:
    curve = drawn[(drawn["measure"] == measure) & (drawn["set"] == samples)]
    if curve.empty:
        return
    marker = "o" if samples == "validation" else ""
    panel.plot(curve["samples"], curve["mean"], color=colour, label=samples, marker=marker)
    panel.fill_between(curve["samples"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)


def _draw_accuracy(panel: Axes, drawn: pd.DataFrame, runs: pd.DataFrame) -> None:
    _draw_curve(panel, drawn, "accuracy", "training", TRAINING)
    _draw_curve(panel, drawn, "accuracy", "validation", VALIDATION)
    style.draw_chance(panel, runs["chance"].iloc[0], named=False).set_label("chance")
    test = _draw_test(panel, drawn, "accuracy")
    test.set_label(f"test: {_in_print(drawn, 'accuracy', 100, 1)} %")
    own: list[Artist | Container] = [test]
    if runs["goal"].notna().all():
        own.append(_draw_goal(panel, runs))
    panel.set(xlabel=name_of(CurvePoint, "samples"), xlim=(0, None), ylabel="Accuracy (%)", ylim=(0, 1.02))
    panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    _legend_above(panel, own, n_columns=1)


def _draw_target_mean(panel: Axes, runs: pd.DataFrame) -> None:
    """Draw the loss of readouts that stay at the mean of the target, and write the final loss as a share of it."""
    mean = runs["loss_of_best_constant"].mean()
    panel.axhline(mean, color=style.GREY, linestyle="--", linewidth=0.8, zorder=0, label=TARGET_MEAN)
    for nmse in summarize(runs, ["task"], "training_nmse").to_dict("records"):
        text = f"NMSE {mean_with_interval(nmse['mean'], nmse['high'], NMSE.factor, NMSE.digits)}"
        panel.text(0.97, 0.5, text, transform=panel.transAxes, ha="right", va="center")


def _draw_answer(panel: Axes, answers: pd.DataFrame) -> None:
    """Draw target and answer over time, or those of two readouts as a curve."""
    readouts = [table for _, table in answers.groupby("readout")]
    lines = []
    for column, label, colour, line in (
        ("answer", f"seed {answers['seed'].iloc[0]}", TRAINING, "-"),
        ("target", "target", style.GREY, "--"),
    ):
        if len(readouts) == 2:
            lines += panel.plot(readouts[0][column], readouts[1][column], color=colour, linestyle=line, label=label)
        else:
            for table in readouts:
                drawn = panel.plot(table["step"], table[column], color=colour, linestyle=line, label=label)
            lines += drawn
    if len(readouts) == 2:
        panel.set(xlabel="Readout 1 (mV)", ylabel="Readout 2 (mV)")
        panel.set_aspect("equal")  # which leaves a narrow panel
        _legend_above(panel, lines, n_columns=1)
    else:
        panel.set(xlabel="Step of the last sample", ylabel="Readout (mV)")
        _legend_above(panel, lines, n_columns=2)


def _legend_above(panel: Axes, handles: Sequence[Artist | Container], n_columns: int) -> None:
    """Put a legend on top of the panel, where it hides nothing, beside the panel's letter."""
    panel.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.04, 1),
        borderaxespad=0,
        handlelength=1.1,
        columnspacing=1,
        ncols=n_columns,
    )


def _draw_goal(panel: Axes, runs: pd.DataFrame) -> Artist:
    """Draw the goal, and after what training time it was reached, as the table has it."""
    goal = runs["goal"].iloc[0]
    (time,) = summarize(runs, ["task"], "time_to_goal_s").to_dict("records") or [{"n": 0}]
    reached = f"{time['n']} of {len(runs)} seeds"
    if time["n"] == len(runs):
        reached = mean_with_interval(time["mean"], time["high"], 1, 2) + " s"
    label = f"goal {100 * goal:g} %: {reached}"
    return panel.axhline(goal, color=style.GREY, linestyle=":", linewidth=0.8, zorder=0, label=label)


def _draw_test_loss(panel: Axes, drawn: pd.DataFrame, unit: str) -> None:
    """Draw the loss on test samples, and write it below that of the training samples."""
    if _test(drawn, "loss") is None:
        return
    _draw_test(panel, drawn, "loss")
    text = f"test: {_in_print(drawn, 'loss', 1, 2)} {unit}"
    panel.text(0.97, 0.62, text, transform=panel.transAxes, ha="right", va="center", color=TEST)


def _test(drawn: pd.DataFrame, measure: str) -> pd.Series | None:
    """Return mean and interval of a measure on test samples; None where there are none."""
    tests = drawn[(drawn["set"] == "test") & (drawn["measure"] == measure)]
    return None if tests.empty else tests.iloc[0]


def _in_print(drawn: pd.DataFrame, measure: str, factor: float, digits: int) -> str:
    test = _test(drawn, measure)
    assert test is not None
    return mean_with_interval(test["mean"], test["high"], factor, digits)


def _draw_test(panel: Axes, drawn: pd.DataFrame, measure: str) -> Container:
    test = _test(drawn, measure)
    assert test is not None
    error = None if pd.isna(test["low"]) else [[test["mean"] - test["low"]], [test["high"] - test["mean"]]]
    symbol = panel.errorbar(
        [test["samples"]], [test["mean"]], error, color=TEST, marker="D", linestyle="", capsize=2, zorder=5
    )
    # The symbol may lie on an edge of the panel, whose height the interval of few seeds may exceed many times.
    mean, *interval = symbol.get_children()
    mean.set_clip_on(False)
    for part in interval:
        part.set_clip_box(TransformedBbox(Bbox([[-0.1, 0], [1.1, 1]]), panel.transAxes))
    return symbol
