"""Figure of the exchange between ranks: how delays cut the number of messages, and where they go."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eprop_core.experiments.interconnect.result import CallTime, InterconnectResult, Pattern
from eprop_core.labels import label_of
from workflow.scripts.scaling.collect import RUNS
from workflow.scripts.scaling.numbers import summary
from workflow.scripts.shared import other_work, program, style
from workflow.scripts.shared.left_out import positive, quotient
from workflow.scripts.shared.read_table import Amount, Table, read
from workflow.scripts.shared.write_table import two_digits

PATTERNS: dict[Pattern, str] = {
    "ping_pong": "ping-pong, one way",
    "allgather": "to all (Allgather)",
    "alltoall": "to each (Alltoall)",
    "allreduce": "sum (Allreduce)",
}
DESTINATIONS = {"all": "to all ranks", "targets": "to ranks with targets"}
NUMBERS = Table(
    {
        **{name: RUNS.columns[name] for name in ("experiment", "variant", "measured", "ranks", "interval_ms")},
        "other_work_processors": Amount | None,
        "exchanges_per_s": Amount,
        "received_bytes": Amount | None,
        "communicate_s": Amount | None,
        "communicate_per_model_time": Amount | None,
        "to_all_s": Amount | None,
        "to_targets_s": Amount | None,
    },
    key=("experiment", "variant", "measured", "ranks"),
)


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per experiment, variant and number of ranks: exchanges, their size and their time, medians."""
    tables = [summary(own).assign(experiment=name) for name, own in rows.groupby("experiment", sort=False)]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["ranks"] > 1].reset_index(drop=True)
    exchanges = table["exchanges"]
    return table[["experiment", "variant", "measured", "ranks", "interval_ms", "other_work_processors"]].assign(
        exchanges_per_s=exchanges / table["model_time_s"],
        received_bytes=quotient(table["received_bytes"], exchanges),
        communicate_s=positive(quotient(table["communicate_s"], exchanges)),
        communicate_per_model_time=positive((table["communicate_s"] + table["wait_s"]) / table["model_time_s"]),
        to_all_s=positive(quotient(table["modelled_to_all_s"], exchanges)),
        to_targets_s=positive(quotient(table["modelled_to_targets_s"], exchanges)),
    )


def draw(table: pd.DataFrame, interconnect: InterconnectResult | None) -> Figure:
    """Return the figure, without panels that would be empty; ``interconnect`` is its measurement, if there is one."""
    first = table[table["variant"] == table.groupby("experiment")["variant"].transform("first")]
    modelled = _varying(first[first["measured"] == "dry_run"], "ranks", ["experiment"])
    parts: list[tuple[Callable[[Axes, Any], None], Any]] = [
        (_draw_number, table[table["measured"] == "measured"]),
        (_draw_time_by_interval, _varying(table, "interval_ms", ["experiment", "measured", "ranks"])),
        (_draw_destinations, first[first["experiment"].isin(modelled["experiment"])]),
    ]
    parts = [(draw_panel, part) for draw_panel, part in parts if not part.empty]
    if interconnect is not None:
        parts.append((_draw_interconnect, interconnect))
    parts = parts or [(_draw_destinations, first)]
    n_rows = -(-len(parts) // 2)
    size = (style.two_columns(), (5 + 60 * n_rows) * style.MILLIMETRE)
    figure, axes = plt.subplots(n_rows, 2, figsize=size, squeeze=False)
    panels = list(axes.flat)
    for panel, (draw_panel, part) in zip(panels, parts, strict=False):
        draw_panel(panel, part)
    for panel in panels[len(parts) :]:
        panel.axis("off")
    style.label_panels(panels[: len(parts)])
    other_work.explain(figure)
    return figure


def _varying(table: pd.DataFrame, column: str, within: list[str]) -> pd.DataFrame:
    """Return the rows of the groups in which ``column`` has several values."""
    return table[table.groupby(within)[column].transform("nunique") > 1]


def _draw_number(panel: Axes, measured: pd.DataFrame) -> None:
    intervals = np.array([measured["interval_ms"].min(), measured["interval_ms"].max()])
    panel.plot(intervals, 1000 / intervals, color=style.GREY, linestyle=":", label="one per interval")
    for position, (experiment, rows) in enumerate(measured.groupby("experiment", sort=False)):
        colour, marker = style.look(position)
        panel.plot(rows["interval_ms"], rows["exchanges_per_s"], marker, color=colour, label=experiment, alpha=0.8)
    panel.set(xscale="log", xlabel="Smallest delay (ms)", ylabel="Messages per pair of ranks and second")
    style.scale_by_decades(panel)
    _delay_axis(panel, measured)
    panel.legend()


def _draw_time_by_interval(panel: Axes, table: pd.DataFrame) -> None:
    """Draw a line per experiment and number of ranks."""
    lines = table.groupby(["experiment", "measured", "ranks"], sort=False)
    for position, ((experiment, measured, ranks), rows) in enumerate(lines):
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
            label=f"{experiment}, {ranks} ranks" + ("" if solid else " (emulated)"),
        )
        other_work.mark(panel, rows["interval_ms"], rows["communicate_per_model_time"], rows)
    panel.set(xscale="log", xlabel="Smallest delay (ms)", ylabel="Communicating (s per s of model time)")
    _delay_axis(panel, table)
    _legend_above(panel)


def _delay_axis(panel: Axes, table: pd.DataFrame) -> None:
    intervals = sorted(table["interval_ms"].unique())
    style.name_values(panel, intervals)


def _draw_destinations(panel: Axes, table: pd.DataFrame) -> None:
    """Draw the modelled times of dry runs, and what was measured."""
    for position, (experiment, own) in enumerate(table.groupby("experiment", sort=False)):
        rows, measured = (own[own["measured"] == how] for how in ("dry_run", "measured"))
        colour, _ = style.look(position)
        for destinations, marker in zip(DESTINATIONS, ("o", "s"), strict=True):
            values = 1e6 * rows[f"to_{destinations}_s"]
            label = f"{experiment}, {DESTINATIONS[destinations]}"
            panel.plot(
                rows["ranks"], values, color=colour, marker=marker, linestyle="--", fillstyle="none", label=label
            )
        panel.plot(measured["ranks"], 1e6 * measured["communicate_s"], "o", color=colour)
        other_work.mark(panel, measured["ranks"], 1e6 * measured["communicate_s"], measured)
    panel.set(xlabel="Ranks", ylabel="Time of an exchange (µs)")
    panel.set_xscale("log", base=2)
    ranks = sorted(table["ranks"].unique())
    style.name_values(panel, ranks)
    _legend_above(panel)


def _draw_interconnect(panel: Axes, measured: InterconnectResult) -> None:
    times = pd.DataFrame([call.model_dump() for call in measured.times])
    (mark,) = other_work.marks(pd.DataFrame([{other_work.COLUMN: measured.other_work_processors}], dtype=float))
    for position, (pattern, label) in enumerate(PATTERNS.items()):
        rows = times[times["pattern"] == pattern]
        colour, marker = style.look(position)
        one_way = 0.5 if pattern == "ping_pong" else 1.0
        panel.plot(rows["bytes"], 1e6 * one_way * rows["seconds"], color=colour, marker=marker, label=f"{label}{mark}")
    fitted = measured.interconnect
    sizes = np.array(sorted(times["bytes"].unique()))
    label = f"{two_digits(fitted.latency)} µs + size / ({two_digits(fitted.bandwidth)} GB/s)"
    panel.plot(sizes, fitted.latency + 1e-3 * sizes / fitted.bandwidth, color="0.3", linestyle="--", label=label)
    panel.set(xscale="log", xlabel=label_of(CallTime, "bytes"), ylabel="Time between two ranks (µs)")
    _legend_above(panel)


def _legend_above(panel: Axes) -> None:
    """Put the legend above all lines, on an axis that this makes logarithmic."""
    style.set_log(panel)
    low, high = panel.get_ylim()
    n = len(panel.get_legend_handles_labels()[1]) + bool(panel.texts)  # a mark stands above its point
    panel.set_ylim(low, high * (high / low) ** (0.13 * n))
    style.scale_by_decades(panel)
    panel.legend(loc="upper left")


def main() -> None:
    """Draw the figure."""
    options = program.figure_parser("workflow.scripts.scaling.exchange_figure", __doc__)
    options.add_argument("runs", type=Path, help="table of runs of all scaling experiments (CSV)")
    options.add_argument("--interconnect", type=Path, help="measurement of the interconnect")
    given = options.parse_args()
    style.use(given.style)
    table = numbers(read(given.runs, RUNS))
    interconnect = None if given.interconnect is None else InterconnectResult.read(given.interconnect)
    style.save_with_numbers(draw(table, interconnect), table, given.output)


if __name__ == "__main__":
    program.run(main)
