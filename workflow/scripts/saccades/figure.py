"""Simulated against recorded N-MNIST: maps of events, rate over time, events of each sample, events of each saccade."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eprop_core.experiments.saccades.result import Agreement, SaccadesResult, Statistics
from eprop_core.labels import name_of
from workflow.scripts.shared import program, style
from workflow.scripts.shared.left_out import Reason, quotient
from workflow.scripts.shared.read_table import Table
from workflow.scripts.shared.write_table import number

POLARITIES = ("OFF", "ON")
BIN = 4  # ms
PAIRS = ("mean_events_per_sample", "deviation_of_events_per_sample", "share_of_on_events")
CORRELATIONS = (
    "correlation_of_events_per_sample",
    "correlation_of_event_maps",
    f"correlation_of_rates_in_bins_of_{BIN}_ms",
)
"""Fields of the agreement."""
NUMBERS = Table({"measure": str, **dict.fromkeys(("recorded", "simulated", "ratio", "correlation"), float | None)})


def statistics(result: SaccadesResult) -> dict[str, Statistics]:
    """Return the statistics of both kinds of samples by their name in print."""
    return {"recorded": result.real, "simulated": result.simulated}


def numbers(result: SaccadesResult) -> pd.DataFrame:
    """Return the agreement of recorded and simulated samples, a row per measure."""
    agreement, by_kind = result.agreement, statistics(result)
    pairs = {name_of(Agreement, field): getattr(agreement, field) for field in PAIRS}
    rows = [{"measure": name, "recorded": pair.real, "simulated": pair.simulated} for name, pair in pairs.items()]
    for saccade in range(3):
        events = {kind: of_kind.events_per_saccade[saccade] for kind, of_kind in by_kind.items()}
        rows.append({"measure": f"Events of saccade {saccade + 1}, mean", **events})
    table = pd.DataFrame(rows).astype(dict.fromkeys(by_kind, float))
    table["ratio"] = quotient(table["simulated"], table["recorded"])
    correlations = [
        {"measure": name_of(Agreement, field), "correlation": getattr(agreement, field)} for field in CORRELATIONS
    ]
    return pd.concat([table, pd.DataFrame(correlations).astype({"correlation": float})], ignore_index=True)


def draw(result: SaccadesResult) -> Figure:
    """Return the figure."""
    figure = plt.figure(figsize=(style.two_columns(), 95 * style.MILLIMETRE))
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    upper, lower = parts
    maps = upper.subplots(1, 4)
    _draw_maps(upper, maps, result)
    rate, samples, saccades = lower.subplots(1, 3, width_ratios=(1.7, 1, 1))
    _draw_rate(rate, result)
    _draw_samples(samples, result)
    _draw_saccades(saccades, result)
    correlation = pd.Series([result.agreement.correlation_of_events_per_sample], dtype=float)
    missing = {samples: [(correlation, {Reason.CONSTANT: correlation.isna()})]}
    style.label_panels([maps[0], rate, samples, saccades], missing)
    return figure


def _draw_maps(figure: Any, axes: np.ndarray, result: SaccadesResult) -> None:
    maps = {kind: np.array(of_kind.event_map) for kind, of_kind in statistics(result).items()}
    largest = max(map_of_kind.max() for map_of_kind in maps.values()) or 1
    shown = [(kind, polarity) for polarity in (1, 0) for kind in maps]
    for panel, (kind, polarity) in zip(axes, shown, strict=True):
        image = panel.imshow(maps[kind][polarity], cmap="viridis", vmin=0, vmax=largest)
        panel.set_title(f"{kind}, {POLARITIES[polarity]}")
        panel.set_xticks([0, 33])
        panel.set_yticks([0, 33] if panel is axes[0] else [])
    axes[0].set(xlabel="Pixel", ylabel="Pixel")
    figure.colorbar(image, ax=list(axes), label=name_of(Statistics, "events_per_sample"), pad=0.02)


def _draw_rate(panel: Axes, result: SaccadesResult) -> None:
    for (kind, of_kind), colour in zip(statistics(result).items(), style.COLOURS, strict=False):
        rate = np.reshape(of_kind.rate, (-1, BIN)).mean(axis=1)
        panel.stairs(rate, np.arange(len(rate) + 1) * BIN, color=colour, label=kind, linewidth=1)
    panel.set(xlabel="Time (ms)", ylabel=name_of(Statistics, "rate"), xlim=(0, None), ylim=(0, None))
    panel.legend(loc="upper right", ncols=2)
    panel.set_ylim(top=1.2 * panel.get_ylim()[1])


def _draw_samples(panel: Axes, result: SaccadesResult) -> None:
    counts = {kind: np.array(of_kind.events_per_sample) / 1000 for kind, of_kind in statistics(result).items()}
    largest = 1.05 * max(count.max() for count in counts.values()) or 1
    panel.plot([0, largest], [0, largest], color=style.GREY, linestyle="--", linewidth=0.8)
    panel.plot(counts["recorded"], counts["simulated"], ".", color=style.COLOURS[0], markersize=1.5, alpha=0.5)
    correlation = result.agreement.correlation_of_events_per_sample
    lines = [] if correlation is None else [f"r = {number(correlation, '.3f')}"]
    lines.append(f"n = {len(counts['recorded'])}")
    panel.annotate("\n".join(lines), (0.05, 0.95), xycoords="axes fraction", va="top")
    panel.set(xlabel="Events recorded (1000)", ylabel="Events simulated (1000)", xlim=(0, largest), ylim=(0, largest))
    panel.set_aspect("equal")


def _draw_saccades(panel: Axes, result: SaccadesResult) -> None:
    for index, ((kind, of_kind), colour) in enumerate(zip(statistics(result).items(), style.COLOURS, strict=False)):
        events = np.array(of_kind.events_per_saccade) / 1000
        panel.bar(np.arange(1, 4) + 0.38 * (index - 0.5), events, 0.36, color=colour, label=kind, linewidth=0)
    share = result.agreement.share_of_on_events
    shares = ("no events" if one is None else f"{100 * one:.1f} %" for one in (share.real, share.simulated))
    panel.annotate(
        f"ON: {' and '.join(shares)}",
        (0.5, 0.98),
        xycoords="axes fraction",
        ha="center",
        va="top",
    )
    panel.set(xlabel="Saccade", ylabel="Events per sample (1000)", xticks=[1, 2, 3])
    panel.set_ylim(top=1.2 * panel.get_ylim()[1])


def main() -> None:
    """Draw the figure, and write the numbers of the agreement beside it."""
    options = program.figure_parser("workflow.scripts.saccades.figure", __doc__)
    options.add_argument("result", type=Path, help="result file (JSON)")
    given = options.parse_args()
    style.use(given.style)
    result = SaccadesResult.read(given.result)
    style.save_with_numbers(draw(result), numbers(result), given.output)


if __name__ == "__main__":
    program.run(main)
