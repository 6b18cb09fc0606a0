"""Figure of the race: time per plastic synaptic event, and memory per synapse, of all points that were measured."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow.scripts.race.numbers import rows, three_digits
from workflow.scripts.race.points import NETWORKS, read
from workflow.scripts.shared import program, style

QUANTITIES = {"ns_per_event": "Time per plastic synaptic event (ns)", "bytes_per_synapse": "Memory per synapse (bytes)"}
LINE = 4.2
"""mm of the figure per point."""


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure: a row for each point, the networks one below the other."""
    measured = table[table["not_measured"] == ""]
    networks = [network for network in NETWORKS if (measured["network"] == network).any()]
    sizes = [int((measured["network"] == network).sum()) for network in networks]
    height = (38 + LINE * sum(sizes) + 5 * len(networks)) * style.MILLIMETRE
    figure, axes = plt.subplots(
        len(networks),
        len(QUANTITIES),
        figsize=(style.two_columns(), height),
        height_ratios=[1 + size for size in sizes],
        sharex="col",
        squeeze=False,
    )
    colours = dict(zip(dict.fromkeys(measured["simulator"]), itertools.cycle(style.COLOURS), strict=False))
    for row, network in zip(axes, networks, strict=True):
        own = measured[measured["network"] == network]
        for panel, column in zip(row, QUANTITIES, strict=True):
            _draw_points(panel, own, column, colours, is_first=panel is row[0])
        row[0].set_title(network, loc="left", fontweight="bold")
    for panel, label in zip(axes[-1], QUANTITIES.values(), strict=True):
        panel.set_xlabel(label)
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
        is_open = point["clock"] == "processor" and column == "ns_per_event"
        panel.plot(value, place, "o", color=colour, markerfacecolor="white" if is_open else colour, zorder=3)
        if column == "ns_per_event":
            panel.plot([point[f"{column}_low"], point[f"{column}_high"]], [place, place], color=colour)
        panel.annotate(
            three_digits(value),
            (value, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.points(6),
        )
    names = [f"{point.simulator}, {_machine(point)}" for point in table.itertuples()]
    panel.set_yticks(places, names if is_first else [])
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(-0.7, len(table) - 0.3)
    panel.set_xscale("log")
    panel.margins(x=0.15)


def _machine(point: object) -> str:
    cores = int(point.cores)  # type: ignore[attr-defined]
    return point.gpu or f"{cores} core{'s' if cores > 1 else ''}"  # type: ignore[attr-defined]


def main() -> None:
    """Draw the figure of all points."""
    options = program.figure_parser("workflow.scripts.race.figure", __doc__)
    options.add_argument("points", type=Path, help="benchmarks/points.yaml")
    given = options.parse_args()
    style.use(given.style)
    table = rows(read(given.points))
    style.save_with_numbers(draw(table), table, given.output)


if __name__ == "__main__":
    program.run(main)
