"""Two trainings that differ by one spike: distances of voltages, spikes and weights over time, and both losses."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eprop_core.errors import printable
from eprop_core.experiments.studies.sensitivity import Distances
from eprop_core.labels import label_of
from eprop_core.parameters import LOSS_UNITS
from eprop_core.parsing import ParameterError
from workflow.scripts.sensitivity.collect import CURVES, RUNS
from workflow.scripts.shared import program, style
from workflow.scripts.shared.left_out import positive
from workflow.scripts.shared.read_table import check_together, read

ROWS = {
    "voltage_difference": label_of(Distances, "voltage").replace(" of ", "\nof "),
    "share_of_differing_spikes": "Share of spikes\nin one run only",
    "weight_distance": "Distance of weights\n(distance learned = 1)",
}
"""Measures on logarithmic axes and their labels, from the top panel down; the losses are below."""
LINES: dict[str, tuple[Any, str]] = {
    "training_loss": ("-", "all spikes"),
    "training_loss_without_spike": ("--", "one input spike less"),
}
"""Lines of the losses of both runs, and their names."""
GROUPED = 5
"""Points of a decade of time over which losses, which scatter, are averaged."""


def draw(curves: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    tasks = list(curves["task"].unique())
    width = style.one_column() if len(tasks) == 1 else style.two_columns()
    height = (20 + 32 * (len(ROWS) + 1)) * style.MILLIMETRE
    figure, axes = plt.subplots(len(ROWS) + 1, len(tasks), figsize=(width, height), squeeze=False, sharex="col")
    for column, task in zip(axes.T, tasks, strict=True):
        of_task = curves[curves["task"] == task]
        for panel, measure in zip(column, ROWS, strict=False):
            _draw_distances(panel, of_task[of_task["measure"] == measure])
        _draw_losses(column[-1], of_task)
        unit = "/".join(LOSS_UNITS[loss] for loss in runs.loc[runs["task"] == task, "loss"].unique())
        column[-1].set(xlabel="Time since the missing spike (ms)", ylabel=f"Training loss\n({unit})")
        column[-1].set_xscale("log")
        column[-1].set_ylim(bottom=0)
        if len(tasks) > 1:
            column[0].set_title(style.task_name(task))
    for panel, label in zip(axes[:, 0], ROWS.values(), strict=False):
        panel.set_ylabel(label)
    figure.align_ylabels(list(axes[:, 0]))
    seeds = list(curves["seed"].unique())
    handles = [Line2D([], [], color=style.look(k)[0], label=f"seed {seed}") for k, seed in enumerate(seeds)]
    handles += [Line2D([], [], color=style.GREY, linestyle=line, label=name) for line, name in LINES.values()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3 if len(tasks) == 1 else len(handles))
    style.label_panels(list(axes.flat))
    return figure


def _draw_distances(panel: Axes, table: pd.DataFrame) -> None:
    """Draw a line per seed; equal runs have no place on the axis."""
    for index, (_, of_seed) in enumerate(table.groupby("seed", sort=False)):
        drawn = of_seed.assign(value=positive(of_seed["value"])).dropna()
        panel.plot(drawn["time_ms"], drawn["value"], color=style.look(index)[0])
    style.scale_by_decades(panel)


def _draw_losses(panel: Axes, table: pd.DataFrame) -> None:
    """Draw a line per seed and run: means over the points of parts of a decade of time."""
    for index, (_, of_seed) in enumerate(table.groupby("seed", sort=False)):
        for measure, (line, _) in LINES.items():
            drawn = averaged(of_seed[of_seed["measure"] == measure])
            panel.plot(drawn["time_ms"], drawn["value"], line, color=style.look(index)[0])


def averaged(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over parts of a decade of time; ``time_ms`` is that of the last point of each."""
    part = np.floor(GROUPED * np.log10(table["time_ms"])).astype(int)
    return table.groupby(part).agg(time_ms=("time_ms", "last"), value=("value", "mean"))


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    options = program.figure_parser("workflow.scripts.sensitivity.figure", __doc__)
    options.add_argument("runs", type=Path, help="table of pairs of trainings (CSV)")
    options.add_argument("curves", type=Path, help="table of distances over time (CSV)")
    given = options.parse_args()
    style.use(given.style)
    curves, runs = read(given.curves, CURVES), read(given.runs, RUNS)
    check_together(given.curves, curves, runs, ("task", "seed"))
    without = curves.index[curves["measure"].isin(LINES) & curves["value"].isna()]
    if len(without):
        raise ParameterError(f"{printable(given.curves)}: row {without[0] + 2}, value: is missing; a loss has a value")
    style.save_with_numbers(draw(curves, runs), curves, given.output)


if __name__ == "__main__":
    program.run(main)
