"""Figure of the exchange between ranks: how delays cut the number of messages, and where they go."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import script_log
import style
from scaling_numbers import summary

PATTERNS = {"ping_pong": "ping-pong, one way", "allgather": "to all (Allgather)", "alltoall": "to each (Alltoall)"}
DESTINATIONS = {"all": "to all ranks", "targets": "to ranks with targets"}


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per experiment, variant and number of ranks: exchanges, their size and their time, medians."""
    tables = [summary(own).assign(experiment=name) for name, own in rows.groupby("experiment", sort=False)]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["ranks"] > 1].reset_index(drop=True)
    exchanges = table["exchanges"]
    return table[["experiment", "variant", "measured", "ranks", "interval_ms"]].assign(
        exchanges_per_s=exchanges / table["model_time_s"],
        message_bytes=table["bytes_to_each_rank"] / exchanges,
        communicate_s=table["communicate_s"] / exchanges,
        communicate_per_model_time=(table["communicate_s"] + table["wait_s"]) / table["model_time_s"],
        to_all_s=table["modelled_to_all_s"] / exchanges,
        to_targets_s=table["modelled_to_targets_s"] / exchanges,
    )


def draw(table: pd.DataFrame, interconnect: dict[str, Any] | None) -> Figure:
    """Return the figure; ``interconnect`` is its measurement, where it was measured."""
    figure, panels = plt.subplots(2, 2, figsize=(style.TWO_COLUMNS, 125 * style.MILLIMETRE))
    _draw_number(panels[0, 0], table)
    _draw_time_by_interval(panels[0, 1], table)
    _draw_destinations(panels[1, 0], table)
    if interconnect is None:
        panels[1, 1].axis("off")
    else:
        _draw_interconnect(panels[1, 1], interconnect)
    style.label_panels([panel for panel in panels.flat if panel.axison])
    return figure


def _draw_number(panel: Axes, table: pd.DataFrame) -> None:
    measured = table[table["measured"] == "measured"]
    intervals = np.array([table["interval_ms"].min(), table["interval_ms"].max()])
    panel.plot(intervals, 1000 / intervals, color=style.GREY, linestyle=":", label="one per interval")
    for position, (experiment, rows) in enumerate(measured.groupby("experiment", sort=False)):
        colour, marker = style.look(position)
        panel.plot(rows["interval_ms"], rows["exchanges_per_s"], marker, color=colour, label=experiment, alpha=0.8)
    panel.set(xscale="log", yscale="log", xlabel="Smallest delay (ms)", ylabel="Messages per pair of ranks and second")
    _delay_axis(panel, table)
    panel.legend()


def _draw_time_by_interval(panel: Axes, table: pd.DataFrame) -> None:
    """Draw the experiments in which the interval varies, a line per number of ranks."""
    position = 0
    for experiment, own in table.groupby("experiment", sort=False):
        if own.groupby("ranks")["interval_ms"].nunique().max() < 2:
            continue
        for (measured, ranks), rows in own.groupby(["measured", "ranks"], sort=False):
            colour, marker = style.look(position)
            solid = measured == "measured"
            rows = rows.sort_values("interval_ms")
            panel.plot(
                rows["interval_ms"],
                rows["communicate_per_model_time"],
                color=colour,
                marker=marker,
                linestyle="-" if solid else "--",
                fillstyle="full" if solid else "none",
                label=f"{experiment}, {ranks} ranks" + ("" if solid else " (dry run)"),
            )
            position += 1
    panel.set(xlabel="Smallest delay (ms)", ylabel="Communicating (s per s of model time)")
    if position:
        panel.set(xscale="log", yscale="log")
        _delay_axis(panel, table)
        panel.legend()


def _delay_axis(panel: Axes, table: pd.DataFrame) -> None:
    intervals = sorted(table["interval_ms"].unique())
    panel.set_xticks(intervals, [f"{interval:g}" for interval in intervals])
    panel.xaxis.set_minor_locator(NullLocator())


def _draw_destinations(panel: Axes, table: pd.DataFrame) -> None:
    """Draw modelled times, of the first variant of each experiment with several dry runs, and what was measured."""
    modelled = table[table["measured"] == "dry_run"]
    position = 0
    for experiment, own in modelled.groupby("experiment", sort=False):
        rows = own[own["variant"] == own["variant"].iloc[0]]
        if len(rows) < 2:
            continue
        colour, _ = style.look(position)
        for destinations, marker in zip(DESTINATIONS, ("o", "s"), strict=True):
            values = 1e6 * rows[f"to_{destinations}_s"]
            label = f"{experiment}, {DESTINATIONS[destinations]}"
            panel.plot(
                rows["ranks"], values, color=colour, marker=marker, linestyle="--", fillstyle="none", label=label
            )
        measured = table[(table["experiment"] == experiment) & (table["measured"] == "measured")]
        measured = measured[measured["variant"] == rows["variant"].iloc[0]]
        panel.plot(measured["ranks"], 1e6 * measured["communicate_s"], "o", color=colour)
        position += 1
    panel.set(xlabel="Ranks", ylabel="Time of an exchange (µs)")
    if position:
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        ranks = sorted(table["ranks"].unique())
        panel.set_xticks(ranks, [str(n) for n in ranks])
        _legend_above(panel)


def _draw_interconnect(panel: Axes, interconnect: dict[str, Any]) -> None:
    times = pd.DataFrame(interconnect["times"])
    for position, (pattern, label) in enumerate(PATTERNS.items()):
        rows = times[times["pattern"] == pattern]
        colour, marker = style.look(position)
        one_way = 0.5 if pattern == "ping_pong" else 1.0
        panel.plot(rows["bytes"], 1e6 * one_way * rows["seconds"], color=colour, marker=marker, label=label)
    fitted = interconnect["interconnect"]
    sizes = np.array(sorted(times["bytes"].unique()))
    label = f"{fitted['latency']:.2g} µs + size / ({fitted['bandwidth']:.2g} GB/s)"
    panel.plot(sizes, fitted["latency"] + 1e-3 * sizes / fitted["bandwidth"], color="0.3", linestyle="--", label=label)
    panel.set(xscale="log", yscale="log", xlabel="Message (B)", ylabel="Time between two ranks (µs)")
    _legend_above(panel)


def _legend_above(panel: Axes) -> None:
    """Put the legend above all lines, on a logarithmic axis."""
    low, high = panel.get_ylim()
    n = len(panel.get_legend_handles_labels()[1])
    panel.set_ylim(low, high * (high / low) ** (0.13 * n))
    panel.legend(loc="upper left")


def main(snakemake: Any) -> None:
    """Draw the figure."""
    style.use()
    table = numbers(pd.read_csv(snakemake.input.runs))
    interconnect = None
    if snakemake.input.interconnect:
        (file,) = snakemake.input.interconnect
        interconnect = json.loads(Path(file).read_text(encoding="utf-8"))
    style.save(draw(table, interconnect), snakemake.output[:3])
    table.to_csv(snakemake.output[3], index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
