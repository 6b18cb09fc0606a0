"""Figure of the comparison of simulators: time per synaptic event, the machine's limit, memory, and training."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from eprop_core.experiments.baselines.result import OWN
from workflow.scripts.baselines.collect import RUNS
from workflow.scripts.baselines.numbers import reasons, summary
from workflow.scripts.shared import figure_of_runs, other_work, program, style
from workflow.scripts.shared.left_out import Reasons, quotient
from workflow.scripts.shared.write_table import DASH, two_digits

OWN_LOOKS = {  # variant: label, colour
    "plastic": ("event-driven", style.COLOURS[0]),
    "time_driven": ("time-driven", style.COLOURS[5]),
    "static": ("static", style.COLOURS[2]),
}
OTHER_COLOURS = (style.COLOURS[1], style.COLOURS[3], *style.MORE_COLOURS)
"""Of the other simulators, in their order; paler where synapses are static."""
PALER = 0.45
LEGEND = 7
"""Names of bars in a line."""
MOST_BARS = 5
"""Bars of a network with panels side by side."""
MOST_NAMES = 2
"""Names below the training runs that stand side by side."""
LIMITS = {"limit_ns": ("bytes and target", "black"), "stream_ns": ("bytes of the synapse", "0.6")}


def looks(table: pd.DataFrame) -> dict[tuple[str, str], tuple[str, str]]:
    """Return label and colour of the bars by simulator and variant, in the order in which they stand."""
    present = dict.fromkeys(zip(table["simulator"], table["variant"], strict=True))
    others = [name for name in dict.fromkeys(table["simulator"]) if name != OWN]
    colours = dict(zip(others, itertools.cycle(OTHER_COLOURS), strict=False))
    plastic = [(name, "plastic") for name in others]
    static = [(name, "static") for name in others]
    bars = [(OWN, "plastic"), *plastic, (OWN, "time_driven"), (OWN, "static"), *static]
    shown = {}
    for name, variant in bars:
        if (name, variant) not in present:
            continue
        if name == OWN:
            shown[name, variant] = OWN_LOOKS[variant]
        elif variant == "plastic":
            shown[name, variant] = (name, colours[name])
        else:
            red, green, blue = (1 - PALER * (1 - part) for part in to_rgb(colours[name]))
            shown[name, variant] = (f"{name}, static", to_hex((red, green, blue)))
    return shown


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = summary(runs)
    bars = looks(table)
    trainings = table[table["variant"] == "training"]
    figure, (times, memory, limit, *training) = _panels(len(bars), with_training=not trainings.empty)
    events = _draw_bars(times, table, "ns_per_synaptic_event", bars, with_ratio=True)
    times.set_ylabel("Time per synaptic event (ns)")
    _mark_left_out(times, runs)
    without_dense = {key: look for key, look in bars.items() if key[1] != "time_driven"}
    synapses = _draw_bars(memory, table, "bytes_per_synapse", without_dense)
    memory.set_ylabel("Memory per synapse (bytes)")
    own = _draw_limit(limit, table)
    for panel in training:
        _draw_training(panel, trainings, bars)
    handles, labels = times.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=-(-len(bars) // (1 + len(bars) // (LEGEND + 1))),
        handlelength=1,
    )
    style.label_panels((times, memory, limit, *training), {times: [events], memory: [synapses], limit: [own]})
    other_work.explain(figure)
    return figure


def _panels(n_bars: int, *, with_training: bool) -> tuple[Figure, list[Axes]]:
    """Return three panels, or four: side by side or, where a network has more bars than :data:`MOST_BARS`, in two rows.

    A network with Poisson input has no training, the last panel.
    """
    if n_bars <= MOST_BARS:
        size = (style.two_columns(), 72 * style.MILLIMETRE)
        widths = (2.2, 1.7, 1.6, 0.6)[: 3 + with_training]
        figure, axes = plt.subplots(1, len(widths), figsize=size, width_ratios=widths)
        return figure, list(axes)
    figure = plt.figure(figsize=(style.two_columns(), 140 * style.MILLIMETRE))
    below = ("memory", "limit", "training")[: 2 + with_training]
    panels = figure.subplot_mosaic([["times" for _ in below], [*below]], width_ratios=(2, 1, 1)[: len(below)])
    return figure, [panels[name] for name in ("times", *below)]


def _draw_bars(
    panel: Axes,
    table: pd.DataFrame,
    column: str,
    bars: dict[tuple[str, str], tuple[str, str]],
    *,
    with_ratio: bool = False,
) -> tuple[pd.Series, Reasons]:
    """Draw a column for all networks and simulators; return it, and why some of it is missing."""
    networks = list(table["network"].unique())
    shown = table[[key in bars for key in zip(table["simulator"], table["variant"], strict=True)]]
    width = 0.84 / len(bars)
    ends = shown[f"{column}_low"], shown[f"{column}_high"]
    style.limit_decades(panel, shown[column], *ends, below=1.4, above=7)
    for place, ((simulator, variant), (label, colour)) in enumerate(bars.items()):
        rows = table[(table["simulator"] == simulator) & (table["variant"] == variant)]
        positions = np.array([networks.index(network) for network in rows["network"]])
        positions = positions + (place - (len(bars) - 1) / 2) * width
        _draw_bars_of(panel, positions, rows, column, width, [colour] * len(rows), label=label, with_ratio=with_ratio)
    panel.set_xticks(range(len(networks)), networks)
    panel.set_xlim(-0.5, len(networks) - 0.5)
    panel.tick_params(axis="x", length=0)
    return shown[column], reasons(shown)[column]


def _draw_bars_of(
    panel: Axes,
    positions: np.ndarray,
    rows: pd.DataFrame,
    column: str,
    width: float,
    colours: list[str],
    *,
    label: str | None = None,
    with_ratio: bool = True,
) -> None:
    """Draw medians with quartiles, values above and, in brackets, this simulator's share of NEST's time.

    A dash is where a value is left out.
    """
    values, low, high = (rows[f"{column}{end}"].to_numpy() for end in ("", "_low", "_high"))
    panel.bar(positions, values, width, color=colours, label=label, linewidth=0)
    panel.errorbar(
        positions, values, np.array([values - low, high - values]), color="black", linestyle="", elinewidth=0.7
    )
    is_own = rows["simulator"] == OWN
    ratios = rows["ratio_to_nest"].where(is_own)
    marks = other_work.marks(rows) if column != "bytes_per_synapse" else [""] * len(rows)
    for position, value, end, ratio, mark in zip(positions, values, high, ratios, marks, strict=True):
        look: dict[str, Any] = {
            "textcoords": "offset points",
            "ha": "center",
            "fontsize": style.points(5),
            "rotation": 90,
        }
        if pd.isna(value):
            panel.annotate(DASH, (position, 0), (0, 3), xycoords=("data", "axes fraction"), **(look | {"rotation": 0}))
            continue
        text = f"{value:.3g}" if value < 1000 else f"{value:.0f}"
        if with_ratio and not pd.isna(ratio):
            text += f" (1/{ratio:.0f})" if ratio >= 1.5 else f" ({two_digits(1 / ratio)})"
        panel.annotate(text + mark, (position, end), (0, 3), **look)


def _mark_left_out(panel: Axes, runs: pd.DataFrame) -> None:
    """Say at its place what did not take part, and why."""
    networks = list(runs["network"].unique())
    first = runs.drop_duplicates("network").set_index("network")["left_out"].dropna()
    for network, reason in first.items():
        panel.annotate(
            str(reason).replace(f"{OWN}, time_driven: ", "").replace("; ", "\n"),
            (networks.index(network), panel.get_ylim()[0]),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=style.points(5),
            rotation=90,
        )


def _draw_limit(panel: Axes, table: pd.DataFrame) -> tuple[pd.Series, Reasons]:
    """Measured times as bars, with what moving the bytes of a synapse, and reaching its target, would take.

    Returns the times, and why some are missing.
    """
    own = table[(table["simulator"] == OWN) & table["variant"].isin(["plastic", "static"])]
    networks = list(table["network"].unique())
    measured, stream = own["ns_per_synaptic_event"], own["stream_ns"]
    style.limit_decades(panel, measured, stream, measured, below=2, above=6)
    for place, variant in enumerate(("plastic", "static")):
        rows = own[own["variant"] == variant]
        positions = np.array([networks.index(network) for network in rows["network"]]) + (place - 0.5) * 0.42
        panel.bar(positions, rows["ns_per_synaptic_event"], 0.42, color=OWN_LOOKS[variant][1], linewidth=0)
        for column, (label, colour) in LIMITS.items():
            limits = panel.hlines(rows[column], positions - 0.2, positions + 0.2, colour, linewidth=1)
            if variant == "static":
                limits.set_label(label)
        times = quotient(rows["ns_per_synaptic_event"], rows["limit_ns"])
        marks = other_work.marks(rows)
        for position, time, ratio, mark in zip(positions, rows["ns_per_synaptic_event"], times, marks, strict=True):
            if pd.isna(ratio):
                continue
            panel.annotate(
                f"{ratio:.1f}\u00d7{mark}",
                (position, time),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=style.points(5),
            )
    panel.set_xticks(range(len(networks)), networks)
    panel.set_xlim(-0.5, len(networks) - 0.5)
    panel.tick_params(axis="x", length=0)
    panel.set_ylabel("Time per synaptic event (ns)")
    panel.legend(loc="upper left", fontsize=style.points(5), handlelength=1.2, borderaxespad=0)
    return measured, reasons(own)["ns_per_synaptic_event"]


def _draw_training(panel: Axes, table: pd.DataFrame, bars: dict[tuple[str, str], tuple[str, str]]) -> None:
    style.limit_decades(panel, table["seconds"], table["seconds_low"], table["seconds_high"], below=2, above=4)
    table = table.sort_values("simulator", key=lambda names: names != OWN)
    colours = [bars[simulator, "plastic"][1] for simulator in table["simulator"]]
    _draw_bars_of(panel, np.arange(len(table)), table, "seconds", 0.7, colours)
    names = ["this" if simulator == OWN else simulator for simulator in table["simulator"]]
    panel.set_xticks(range(len(table)), names)
    if len(names) > MOST_NAMES:
        panel.tick_params(axis="x", labelrotation=90)
    panel.set_xlim(-0.5, len(table) - 0.5)
    panel.set_ylabel("Training run (s)")


def main() -> None:
    """Draw the figure of all simulators."""
    figure_of_runs.main("workflow.scripts.baselines.figure", __doc__, draw, summary, RUNS)


if __name__ == "__main__":
    program.run(main)
