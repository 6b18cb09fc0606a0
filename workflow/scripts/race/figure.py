"""Figure of the race: time per event, memory per synapse, and accuracy against the time of training, of all points."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import binomtest

from eprop_core.parsing import ParameterError
from workflow.scripts.race.numbers import rows, three_digits
from workflow.scripts.race.points import NETWORKS, read
from workflow.scripts.shared import program, style

QUANTITIES = {"ns_per_event": "Time per plastic synaptic event (ns)", "bytes_per_synapse": "Memory per synapse (bytes)"}
LINE = 4.2
"""mm of the figure per point."""
TRAINING_LINES = 9
"""Height of the panel of trainings, as that of so many points."""
AXIS_LINES = 3
"""Height of an axis with its numbers and its name, as that of so many points."""


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure: a row for each point, the networks one below the other."""
    measured = table[table["not_measured"] == ""]
    networks = [network for network in NETWORKS if (measured["network"] == network).any()]
    sizes = [int((measured["network"] == network).sum()) for network in networks]
    trained = measured[measured["accuracy"].notna()]
    lines = [1 + size for size in sizes]
    blocks = [sum(lines) + len(lines) + AXIS_LINES] + [TRAINING_LINES + AXIS_LINES] * (len(trained) > 0)
    figure = plt.figure(figsize=(style.two_columns(), (20 + LINE * sum(blocks)) * style.MILLIMETRE))
    grid = figure.add_gridspec(len(blocks), len(QUANTITIES), height_ratios=blocks)
    axes = (
        grid[0, :]
        .subgridspec(len(networks), len(QUANTITIES), height_ratios=lines)
        .subplots(sharex="col", squeeze=False)
    )
    colours = dict(zip(dict.fromkeys(measured["simulator"]), itertools.cycle(style.COLOURS), strict=False))
    for row, network in zip(axes, networks, strict=True):
        own = measured[measured["network"] == network]
        for panel, column in zip(row, QUANTITIES, strict=True):
            _draw_points(panel, own, column, colours, is_first=panel is row[0])
        row[0].set_title(network, loc="left", fontweight="bold")
    for panel, label in zip(axes[-1], QUANTITIES.values(), strict=True):
        panel.set_xlabel(label)
        style.span_a_decade(panel)
    if len(trained):
        _draw_trainings(figure.add_subplot(grid[-1, :]), trained, colours)
    handles = [
        Line2D([], [], color="0.3", marker="o", linestyle="", label="wall time"),
        Line2D([], [], color="0.3", marker="o", fillstyle="none", linestyle="", label="processor time of one core"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    left_out = table[table["not_measured"] != ""]
    if len(left_out):
        names = "; ".join(f"{row.simulator} on {row.network}: {row.not_measured}" for row in left_out.itertuples())
        style.note_below(figure, f"Not measured: {names}.")
    return figure


def _draw_points(panel: Axes, table: pd.DataFrame, column: str, colours: dict[str, str], *, is_first: bool) -> None:
    places = np.arange(len(table))[::-1]
    for place, (_, point) in zip(places, table.iterrows(), strict=True):
        value, colour = point[column], colours[point["simulator"]]
        look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": style.points(6)}
        if pd.isna(value):
            panel.annotate("not measured", (0, place), (5, 0), xycoords=panel.get_yaxis_transform(), **look)
            continue
        is_open = point["clock"] == "processor" and column == "ns_per_event"
        panel.plot(value, place, "o", color=colour, markerfacecolor="white" if is_open else colour, zorder=3)
        if column == "ns_per_event":
            panel.plot([point[f"{column}_low"], point[f"{column}_high"]], [place, place], color=colour)
        panel.annotate(three_digits(value), (value, place), (5, 0), **look)
    names = [f"{point.simulator}, {_machine(point)}" for point in table.itertuples()]
    panel.set_yticks(places, names if is_first else [])
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(-0.7, len(table) - 0.3)
    panel.set_xscale("log")
    panel.margins(x=0.15)


def _draw_trainings(panel: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    """Draw accuracies against the time of training, with 95 % intervals of a share of the test samples (Wilson)."""
    drawn = []
    for _, point in table.iterrows():
        n, percent, colour = int(point["test_samples"]), 100 * point["accuracy"], colours[point["simulator"]]
        interval = binomtest(round(point["accuracy"] * n), n).proportion_ci(method="wilson")
        is_open = point["clock"] == "processor"
        panel.plot([point["training_s"]] * 2, [100 * interval.low, 100 * interval.high], color=colour)
        drawn += panel.plot(
            point["training_s"], percent, "o", color=colour, markerfacecolor="white" if is_open else colour
        )
    panel.set_xscale("log")
    panel.margins(x=0.15)
    style.span_a_decade(panel)
    numbers = ", ".join(f"{number:.0f}" for number in sorted(table["training_samples"].unique()))
    panel.set_title(f"nmnist, trained on {numbers} samples", loc="left", fontweight="bold")
    panel.set_xlabel("Time of the training (s)")
    panel.set_ylabel("Accuracy (%)")
    names = [f"{point.simulator}, {_machine(point)}" for point in table.itertuples()]
    panel.legend(drawn, names, loc="center left", bbox_to_anchor=(1, 0.5))


def _machine(point: Any) -> str:
    cores = int(point.cores)
    return point.gpu or f"{cores} core{'s' if cores > 1 else ''}"


def main() -> None:
    """Draw the figure of all points."""
    options = program.figure_parser("workflow.scripts.race.figure", __doc__)
    options.add_argument("points", type=Path, help="benchmarks/points.yaml")
    given = options.parse_args()
    style.use(given.style)
    table = rows(read(given.points))
    if (table["not_measured"] != "").all():
        raise ParameterError(f"{given.points}: no point is measured, so there is nothing to draw")
    style.save_with_numbers(draw(table), table, given.output)


if __name__ == "__main__":
    program.run(main)
