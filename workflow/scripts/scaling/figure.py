"""Figure of a scaling experiment: times of building and propagating, speed-up, real-time factor by phase, memory."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from matplotlib.typing import HashableList

from eprop_core.experiments.scaling.result import NEST_THREADS, RankRecord
from eprop_core.labels import label_of, name_of
from workflow.scripts.scaling.collect import RUNS
from workflow.scripts.scaling.numbers import PHASES, by_repeat, reasons, summary, variant_name
from workflow.scripts.shared import figure_of_runs, other_work, program, style
from workflow.scripts.shared.left_out import quotient

PHASE_COLOURS = dict(zip(PHASES, style.MORE_COLOURS, strict=True))
REPEATS: dict[str, Any] = {"marker": ".", "markersize": 2, "alpha": 0.6}
LAYOUT: list[HashableList[str]] = [
    ["build", "build", "propagate", "propagate", "gain", "gain"],
    ["phases", "phases", "phases", "shares", "shares", "shares"],
    ["memory", "memory", "synapse", "synapse", "key", "key"],
]


def draw(rows: pd.DataFrame) -> Figure:
    """Return the figure."""
    table, repeats = summary(rows), by_repeat(rows)
    figure = plt.figure(figsize=(style.two_columns(), 150 * style.MILLIMETRE))
    panels = figure.subplot_mosaic(LAYOUT)
    _draw_lines(panels["build"], table, "build_s", repeats)
    _draw_lines(panels["propagate"], table, "propagation_s", repeats)
    for panel in (panels["build"], panels["propagate"]):
        style.scale_by_decades(panel)
    (_draw_speed_up if rows["kind"].iloc[0] == "strong" else _draw_efficiency)(panels["gain"], table)
    _draw_phases(panels["phases"], table, table["model_time_s"])
    _draw_phases(panels["shares"], table, table[[f"{phase}_s" for phase in PHASES]].sum(axis=1))
    gain = "speed_up" if rows["kind"].iloc[0] == "strong" else "efficiency"
    for name, column in {"build": "build_s", "propagate": "propagation_s", "gain": gain}.items():
        other_work.mark(panels[name], table["ranks"], table[column], table)
    _draw_lines(panels["memory"], table.assign(memory=1e-6 * table["peak_memory_bytes"]), "memory")
    _draw_lines(panels["synapse"], table, "memory_per_synapse_bytes")
    style.start_at_zero(panels["memory"], 1e-6 * table["peak_memory_bytes"])
    style.start_at_zero(panels["synapse"], table["memory_per_synapse_bytes"])
    panels["shares"].yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    labels = {
        "build": label_of(RankRecord, "times_s.build"),
        "propagate": label_of(RankRecord, "propagation_s"),
        "phases": "Real-time factor",
        "shares": "Share of propagating (%)",
        "memory": f"{name_of(RankRecord, 'peak_memory_bytes')} (MB)",
        "synapse": "Memory per synapse (B)",
    }
    for name, label in labels.items():
        panels[name].set_ylabel(label)
    phases = [Patch(color=colour, label=phase) for phase, colour in PHASE_COLOURS.items()]
    panels["shares"].legend(handles=phases[::-1], loc="upper left", bbox_to_anchor=(1, 1), handlelength=1)
    _draw_key(panels["key"], table)
    shown = [panel for name, panel in panels.items() if name != "key"]
    for panel in shown:
        panel.set_xlabel("Ranks or threads" if table["variant"].str.startswith(NEST_THREADS).any() else "Ranks")
    per_synapse = "memory_per_synapse_bytes"
    style.label_panels(shown, {panels["synapse"]: [(table[per_synapse], reasons(table)[per_synapse])]})
    other_work.explain(figure)
    return figure


def _looks(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and marker of each variant."""
    variants = table["variant"].unique()
    return {variant: style.look(position) for position, variant in enumerate(variants)}


def _draw_lines(panel: Axes, table: pd.DataFrame, column: str, repeats: pd.DataFrame | None = None) -> None:
    """Draw a line for each variant, with a dot for each of its ``repeats``."""
    for variant, (colour, marker) in _looks(table).items():
        own = table[table["variant"] == variant]
        measured, dry = own[own["measured"] == "measured"], own[own["measured"] == "dry_run"]
        style.draw_measured_and_dry(panel, measured, dry, "ranks", column, colour, marker)
        if repeats is not None:
            dots = repeats[repeats["variant"] == variant]
            panel.plot(dots["ranks"], dots[column], color=colour, linestyle="", **REPEATS)
    _rank_axis(panel, table)


def _draw_speed_up(panel: Axes, table: pd.DataFrame) -> None:
    _draw_lines(panel, table, "speed_up")
    _draw_intervals(panel, table, "speed_up")
    ranks = np.array([table["ranks"].min(), table["ranks"].max()])
    panel.plot(ranks, ranks / ranks[0], color=style.GREY, linestyle=":", zorder=0)
    panel.set_yscale("log", base=2)
    panel.yaxis.set_major_formatter("{x:g}")
    panel.set_ylabel("Speed-up")


def _draw_efficiency(panel: Axes, table: pd.DataFrame) -> None:
    _draw_lines(panel, table, "efficiency")
    _draw_intervals(panel, table, "efficiency")
    panel.axhline(1, color=style.GREY, linestyle=":", zorder=0)
    style.start_at_zero(panel, table["efficiency"].clip(lower=1), 1.15)
    panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    panel.set_ylabel("Efficiency (%)")


def _draw_intervals(panel: Axes, table: pd.DataFrame, column: str) -> None:
    """Draw the intervals of medians of paired ratios."""
    for variant, (colour, _) in _looks(table).items():
        own = table[(table["variant"] == variant) & table[f"{column}_low"].notna()]
        panel.vlines(own["ranks"], own[f"{column}_low"], own[f"{column}_high"], colour, linewidth=0.8)


def _draw_phases(panel: Axes, table: pd.DataFrame, unit: pd.Series) -> None:
    """Stack the phases, in multiples of ``unit``: for each number of ranks a bar per variant, its marker below it.

    A dry run is shown where nothing was measured.
    """
    looks = _looks(table)
    again = table.duplicated(["variant", "ranks"], keep=False) & (table["measured"] == "dry_run")
    table = table[~again]
    ranks = sorted(table["ranks"].unique())
    width = 0.8 / len(looks)
    for (variant, measured), rows in table.groupby(["variant", "measured"], sort=False):
        colour, marker = looks[str(variant)]
        offset = (list(looks).index(str(variant)) - (len(looks) - 1) / 2) * width
        positions = np.array([ranks.index(n) for n in rows["ranks"]]) + offset
        alpha = 1.0 if measured == "measured" else 0.55
        bottom = np.zeros(len(rows))
        for phase, shade in PHASE_COLOURS.items():
            height = quotient(rows[f"{phase}_s"], unit[rows.index]).to_numpy()
            panel.bar(positions, height, 0.85 * width, bottom=bottom, color=shade, linewidth=0, alpha=alpha)
            bottom += height
        other_work.mark(panel, pd.Series(positions), pd.Series(bottom), rows)
        if measured == "dry_run":
            panel.bar(positions, bottom, 0.85 * width, fill=False, edgecolor="0.3", linewidth=0.6, linestyle="--")
        below = panel.get_xaxis_transform()
        panel.plot(
            positions, [-0.04] * len(positions), marker, color=colour, markersize=3, transform=below, clip_on=False
        )
    panel.set_xticks(range(len(ranks)), [str(n) for n in ranks])
    panel.tick_params(axis="x", length=0, pad=7)
    middle, half = (len(ranks) - 1) / 2, max(len(ranks), 3) / 2
    panel.set_xlim(middle - half, middle + half)


def _draw_key(panel: Axes, table: pd.DataFrame) -> None:
    panel.axis("off")
    variants = [
        Line2D([], [], color=colour, marker=marker, label=variant_name(variant))
        for variant, (colour, marker) in _looks(table).items()
    ]
    lines = []
    if (table["measured"] == "measured").any():
        lines.append(Line2D([], [], color="0.3", label="measured"))
    if (table["measured"] == "dry_run").any():
        lines.append(Line2D([], [], color="0.3", linestyle="--", label="emulated"))
    lines.append(Line2D([], [], color=style.GREY, linestyle=":", label="ideal"))
    lines.append(Line2D([], [], color="0.3", linestyle="", label="single repeats", **REPEATS))
    panel.legend(handles=[*variants, *lines], loc="upper left", borderaxespad=0)


def _rank_axis(panel: Axes, table: pd.DataFrame) -> None:
    ranks = sorted(table["ranks"].unique())
    panel.set_xscale("log", base=2)
    style.name_values(panel, ranks)
    panel.set_xlim(ranks[0] / 1.25, ranks[-1] * 1.25)


def main() -> None:
    """Draw the figure of one scaling experiment."""
    figure_of_runs.main("workflow.scripts.scaling.figure", __doc__, draw, summary, RUNS)


if __name__ == "__main__":
    program.run(main)
