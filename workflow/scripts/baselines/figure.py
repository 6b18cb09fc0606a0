"""Figure of the comparison of simulators: time per synaptic event, the machine's limit, memory, and training."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow.scripts.baselines.numbers import NEST, OWN, reasons, summary
from workflow.scripts.shared import other_work, program, style
from workflow.scripts.shared.left_out import Reasons, quotient
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import DASH

SIMULATORS = {  # simulator, variant: label, colour
    (OWN, "event_driven"): ("event-driven", style.COLOURS[0]),
    (NEST, "event_driven"): ("NEST", style.COLOURS[1]),
    (OWN, "time_driven"): ("time-driven", style.COLOURS[5]),
    (OWN, "static"): ("static", style.COLOURS[2]),
    (NEST, "static"): ("NEST, static", style.COLOURS[4]),
}
LIMITS = {"limit_ns": ("bytes and target", "black"), "stream_ns": ("bytes of the synapse", "0.6")}


def draw(runs: pd.DataFrame) -> Figure:
    """Return the figure."""
    table = summary(runs)
    table["simulator"] = table["simulator"].str.split().str[0]  # without NEST's version
    figure, (times, memory, limit, training) = plt.subplots(
        1, 4, figsize=(style.TWO_COLUMNS, 72 * style.MILLIMETRE), width_ratios=(2.2, 1.7, 1.6, 0.6)
    )
    events = _draw_bars(times, table, "ns_per_synaptic_event", list(SIMULATORS), with_ratio=True)
    times.set_ylabel("Time per synaptic event (ns)")
    _mark_left_out(times, runs)
    without_dense = [key for key in SIMULATORS if key[1] != "time_driven"]
    synapses = _draw_bars(memory, table, "bytes_per_synapse", without_dense)
    memory.set_ylabel("Memory per synapse (bytes)")
    own = _draw_limit(limit, table)
    _draw_training(training, table[table["variant"] == "training"])
    handles, labels = times.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(SIMULATORS), handlelength=1)
    style.label_panels((times, memory, limit, training), {times: [events], memory: [synapses], limit: [own]})
    other_work.explain(figure)
    return figure


def _draw_bars(
    panel: Axes, table: pd.DataFrame, column: str, simulators: list[tuple[str, str]], *, with_ratio: bool = False
) -> tuple[pd.Series, Reasons]:
    """Draw a column for all networks and simulators; return it, and why some of it is missing."""
    networks = list(table["network"].unique())
    shown = table[[key in simulators for key in zip(table["simulator"], table["variant"], strict=True)]]
    width = 0.84 / len(simulators)
    ends = shown[f"{column}_low"], shown[f"{column}_high"]
    style.limit_decades(panel, shown[column], *ends, below=1.4, above=7)
    for place, (simulator, variant) in enumerate(simulators):
        label, colour = SIMULATORS[simulator, variant]
        rows = table[(table["simulator"] == simulator) & (table["variant"] == variant)]
        positions = np.array([networks.index(network) for network in rows["network"]])
        positions = positions + (place - (len(simulators) - 1) / 2) * width
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
        look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 5, "rotation": 90}
        if pd.isna(value):
            panel.annotate(DASH, (position, 0), (0, 3), xycoords=("data", "axes fraction"), **(look | {"rotation": 0}))
            continue
        text = f"{value:.3g}" if value < 1000 else f"{value:.0f}"
        if with_ratio and not pd.isna(ratio):
            text += f" (1/{ratio:.0f})" if ratio >= 1.5 else f" ({1 / ratio:.2g})"
        panel.annotate(text + mark, (position, end), (0, 3), **look)


def _mark_left_out(panel: Axes, runs: pd.DataFrame) -> None:
    """Say at its place why the time-driven model did not take part."""
    networks = list(runs["network"].unique())
    first = runs.drop_duplicates("network").set_index("network")["left_out"].dropna()
    for network, reason in first.items():
        panel.annotate(
            str(reason).replace("time_driven: ", ""),
            (networks.index(network), panel.get_ylim()[0]),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=5,
            rotation=90,
        )


def _draw_limit(panel: Axes, table: pd.DataFrame) -> tuple[pd.Series, Reasons]:
    """Measured times as bars, with what moving the bytes of a synapse, and reaching its target, would take.

    Returns the times, and why some are missing.
    """
    own = table[(table["simulator"] == OWN) & table["variant"].isin(["event_driven", "static"])]
    networks = list(table["network"].unique())
    measured, stream = own["ns_per_synaptic_event"], own["stream_ns"]
    style.limit_decades(panel, measured, stream, measured, below=2, above=6)
    for place, variant in enumerate(("event_driven", "static")):
        rows = own[own["variant"] == variant]
        positions = np.array([networks.index(network) for network in rows["network"]]) + (place - 0.5) * 0.42
        panel.bar(positions, rows["ns_per_synaptic_event"], 0.42, color=SIMULATORS[OWN, variant][1], linewidth=0)
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
                fontsize=5,
            )
    panel.set_xticks(range(len(networks)), networks)
    panel.set_xlim(-0.5, len(networks) - 0.5)
    panel.tick_params(axis="x", length=0)
    panel.set_ylabel("Time per synaptic event (ns)")
    panel.legend(loc="upper left", fontsize=5, handlelength=1.2, borderaxespad=0)
    return measured, reasons(own)["ns_per_synaptic_event"]


def _draw_training(panel: Axes, table: pd.DataFrame) -> None:
    style.limit_decades(panel, table["seconds"], table["seconds_low"], table["seconds_high"], below=2, above=4)
    table = table.sort_values("simulator", key=lambda names: names != OWN)
    colours = [SIMULATORS[simulator, "event_driven"][1] for simulator in table["simulator"]]
    _draw_bars_of(panel, np.arange(len(table)), table, "seconds", 0.7, colours)
    panel.set_xticks(range(len(table)), ["this" if simulator == OWN else NEST for simulator in table["simulator"]])
    panel.set_xlim(-0.5, max(len(table), 1) - 0.5)
    panel.set_ylabel("Training run (s)")


def main() -> None:
    """Draw the figure of all simulators."""
    options = program.parser(
        "workflow.scripts.baselines.figure",
        __doc__,
        program.FIGURE,
    )
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    style.use()
    rows = read(given.runs)
    style.save_with_numbers(draw(rows), summary(rows), given.output)


if __name__ == "__main__":
    program.run(main)
