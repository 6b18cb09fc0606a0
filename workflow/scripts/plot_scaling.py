"""Figure of a scaling experiment: times of building and propagating, real-time factor by phase, speed-up, memory."""

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

import script_log
import style
from scaling_numbers import PHASES, by_repeat, summary

STACK = dict(zip((*PHASES, "other"), (*style.COLOURS[:3], *style.COLOURS[4:], "0.8"), strict=True))


def draw(rows: pd.DataFrame) -> Figure:
    """Return the figure."""
    table, repeats = summary(rows), by_repeat(rows)
    figure, (times, phases, gain, memory) = plt.subplots(
        1, 4, figsize=(style.TWO_COLUMNS, 62 * style.MILLIMETRE), width_ratios=(1, 1, 1, 1)
    )
    _draw_times(times, table, repeats)
    _draw_phases(phases, table)
    (_draw_speed_up if rows["kind"].iloc[0] == "strong" else _draw_efficiency)(gain, table, repeats)
    _draw_memory(memory, table)
    for panel in (times, phases, gain, memory):
        panel.set_xlabel("Ranks")
    style.label_panels((times, phases, gain, memory))
    return figure


def _draw_times(panel: Axes, table: pd.DataFrame, repeats: pd.DataFrame) -> None:
    for column, label, colour, marker in (
        ("propagation_s", "propagate", style.COLOURS[0], "o"),
        ("build_s", "build", style.COLOURS[1], "s"),
    ):
        panel.plot(table["ranks"], table[column], color=colour, marker=marker, label=label)
        _draw_repeats(panel, repeats, repeats[column], colour)
    panel.set_ylabel("Wall time (s)")
    seconds = repeats[["propagation_s", "build_s"]].to_numpy()
    if seconds.max() > 20 * seconds.min():
        panel.set_yscale("log")
        panel.set_ylim(seconds.min() / 2, seconds.max() * 10)
    else:
        panel.set_ylim(0, 1.4 * seconds.max())
    _rank_axis(panel, table)
    panel.legend(loc="upper left")


def _draw_phases(panel: Axes, table: pd.DataFrame) -> None:
    bottom = pd.Series(0.0, table.index)
    positions = range(len(table))
    for phase, colour in STACK.items():
        height = table[f"{phase}_s"] / table["model_time_s"]
        panel.bar(positions, height, 0.6, bottom=bottom, color=colour, label=phase, linewidth=0)
        bottom += height
    panel.set_xticks(positions, [str(ranks) for ranks in table["ranks"]])
    panel.set_ylabel("Real-time factor")
    handles, labels = panel.get_legend_handles_labels()
    panel.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1, 1), handlelength=1, borderaxespad=0)


def _draw_speed_up(panel: Axes, table: pd.DataFrame, repeats: pd.DataFrame) -> None:
    first = table.iloc[0]
    ideal = table["ranks"] / first["ranks"]
    panel.plot(table["ranks"], ideal, color=style.GREY, linestyle="--", linewidth=0.8, label="ideal")
    panel.plot(table["ranks"], table["speed_up"], color=style.COLOURS[0], marker="o", label="measured")
    _draw_repeats(panel, repeats, first["propagation_s"] / repeats["propagation_s"], style.COLOURS[0])
    panel.set(ylabel="Speed-up", ylim=(0, 1.4 * ideal.max()))
    _rank_axis(panel, table)
    panel.legend(loc="upper left")


def _draw_efficiency(panel: Axes, table: pd.DataFrame, repeats: pd.DataFrame) -> None:
    panel.axhline(1, color=style.GREY, linestyle="--", linewidth=0.8, label="ideal")
    panel.plot(table["ranks"], table["efficiency"], color=style.COLOURS[0], marker="o", label="measured")
    _draw_repeats(panel, repeats, table["propagation_s"].iloc[0] / repeats["propagation_s"], style.COLOURS[0])
    panel.set(ylabel="Efficiency (%)", ylim=(0, 1.3))
    panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    _rank_axis(panel, table)
    panel.legend(loc="lower left")


def _draw_memory(panel: Axes, table: pd.DataFrame) -> None:
    panel.plot(table["ranks"], table["peak_memory_bytes"] / 1e6, color=style.COLOURS[0], marker="o", label="process")
    panel.plot(
        table["ranks"], table["network_memory_bytes"] / 1e6, color=style.COLOURS[2], marker="^", label="network alone"
    )
    panel.set(ylabel="Peak memory per rank (MB)", ylim=(0, 1.45e-6 * table["peak_memory_bytes"].max()))
    _rank_axis(panel, table)
    panel.legend(loc="upper right")


def _draw_repeats(panel: Axes, repeats: pd.DataFrame, values: pd.Series, colour: str) -> None:
    panel.plot(repeats["ranks"], values, color=colour, marker=".", markersize=2, linestyle="", alpha=0.6)


def _rank_axis(panel: Axes, table: pd.DataFrame) -> None:
    panel.set_xscale("log", base=2)
    panel.set_xticks(table["ranks"], [str(ranks) for ranks in table["ranks"]])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(table["ranks"].min() / 1.25, table["ranks"].max() * 1.25)


def main(snakemake: Any) -> None:
    """Draw the figure of one scaling experiment."""
    style.use()
    rows = pd.read_csv(snakemake.input.runs)
    style.save(draw(rows), snakemake.output[:3])
    summary(rows).to_csv(snakemake.output[3], index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
