"""Simulated against recorded N-MNIST: maps of events, rate over time, events of each sample, events of each saccade."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow.scripts.shared import program, style
from workflow.scripts.shared.left_out import Reason, quotient
from workflow.scripts.shared.write_table import number

KINDS = {"real": "recorded", "simulated": "simulated"}
POLARITIES = ("OFF", "ON")
BIN = 4  # ms
CORRELATIONS = {
    "events per sample": "correlation_of_events_per_sample",
    "maps of events": "correlation_of_event_maps",
    f"rate in bins of {BIN} ms": f"correlation_of_rates_in_bins_of_{BIN}_ms",
}
"""Measures by name, and where they are in the agreement."""


def numbers(comparison: dict[str, Any]) -> pd.DataFrame:
    """Return the agreement of recorded and simulated samples, a row per measure."""
    agreement = comparison["agreement"]
    rows = [
        ("events per sample, mean", agreement["mean_events_per_sample"]),
        ("events per sample, standard deviation", agreement["deviation_of_events_per_sample"]),
        ("share of ON events", agreement["share_of_on_events"]),
        *(
            (
                f"events of saccade {saccade + 1}, mean",
                {kind: comparison[kind]["events_per_saccade"][saccade] for kind in KINDS},
            )
            for saccade in range(3)
        ),
    ]
    table = pd.DataFrame([{"measure": name, **values} for name, values in rows]).rename(columns=KINDS)
    table = table.astype(dict.fromkeys(KINDS.values(), float))
    table["ratio"] = quotient(table["simulated"], table["recorded"])
    correlations = pd.DataFrame(
        {"measure": list(CORRELATIONS), "correlation": map(agreement.get, CORRELATIONS.values())}
    )
    return pd.concat([table, correlations.astype({"correlation": float})], ignore_index=True)


def draw(comparison: dict[str, Any]) -> Figure:
    """Return the figure."""
    figure = plt.figure(figsize=(style.TWO_COLUMNS, 95 * style.MILLIMETRE))
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    upper, lower = parts
    maps = upper.subplots(1, 4)
    _draw_maps(upper, maps, comparison)
    rate, samples, saccades = lower.subplots(1, 3, width_ratios=(1.7, 1, 1))
    _draw_rate(rate, comparison)
    _draw_samples(samples, comparison)
    _draw_saccades(saccades, comparison)
    correlation = pd.Series([comparison["agreement"]["correlation_of_events_per_sample"]], dtype=float)
    missing = {samples: [(correlation, {Reason.CONSTANT: correlation.isna()})]}
    style.label_panels([maps[0], rate, samples, saccades], missing)
    return figure


def _draw_maps(figure: Any, axes: np.ndarray, comparison: dict[str, Any]) -> None:
    maps = {kind: np.array(comparison[kind]["event_map"]) for kind in KINDS}
    largest = max(map_of_kind.max() for map_of_kind in maps.values()) or 1
    shown = [(kind, polarity) for polarity in (1, 0) for kind in KINDS]
    for panel, (kind, polarity) in zip(axes, shown, strict=True):
        image = panel.imshow(maps[kind][polarity], cmap="viridis", vmin=0, vmax=largest)
        panel.set_title(f"{KINDS[kind]}, {POLARITIES[polarity]}")
        panel.set_xticks([0, 33])
        panel.set_yticks([0, 33] if panel is axes[0] else [])
    axes[0].set(xlabel="Pixel", ylabel="Pixel")
    figure.colorbar(image, ax=list(axes), label="Events per sample", pad=0.02)


def _draw_rate(panel: Axes, comparison: dict[str, Any]) -> None:
    for kind, colour in zip(KINDS, style.COLOURS, strict=False):
        rate = np.reshape(comparison[kind]["rate"], (-1, BIN)).mean(axis=1)
        panel.stairs(rate, np.arange(len(rate) + 1) * BIN, color=colour, label=KINDS[kind], linewidth=1)
    panel.set(xlabel="Time (ms)", ylabel="Events per ms and sample", xlim=(0, None), ylim=(0, None))
    panel.legend(loc="upper right", ncols=2)
    panel.set_ylim(top=1.2 * panel.get_ylim()[1])


def _draw_samples(panel: Axes, comparison: dict[str, Any]) -> None:
    counts = {kind: np.array(comparison[kind]["events_per_sample"]) / 1000 for kind in KINDS}
    largest = 1.05 * max(count.max() for count in counts.values()) or 1
    panel.plot([0, largest], [0, largest], color=style.GREY, linestyle="--", linewidth=0.8)
    panel.plot(counts["real"], counts["simulated"], ".", color=style.COLOURS[0], markersize=1.5, alpha=0.5)
    correlation = comparison["agreement"]["correlation_of_events_per_sample"]
    told = [] if correlation is None else [f"r = {number(correlation, '.3f')}"]
    panel.annotate("\n".join([*told, f"n = {len(counts['real'])}"]), (0.05, 0.95), xycoords="axes fraction", va="top")
    panel.set(xlabel="Events recorded (1000)", ylabel="Events simulated (1000)", xlim=(0, largest), ylim=(0, largest))
    panel.set_aspect("equal")


def _draw_saccades(panel: Axes, comparison: dict[str, Any]) -> None:
    for index, (kind, colour) in enumerate(zip(KINDS, style.COLOURS, strict=False)):
        events = np.array(comparison[kind]["events_per_saccade"]) / 1000
        panel.bar(np.arange(1, 4) + 0.38 * (index - 0.5), events, 0.36, color=colour, label=KINDS[kind], linewidth=0)
    share = comparison["agreement"]["share_of_on_events"]
    shares = ("no events" if share[kind] is None else f"{100 * share[kind]:.1f} %" for kind in KINDS)
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
    options = program.parser(
        "workflow.scripts.saccades.figure", __doc__, "pictures (PDF, SVG, PNG) and a table of the numbers in them (CSV)"
    )
    options.add_argument("result", type=Path, help="result file (JSON)")
    given = options.parse_args()
    style.use()
    result = program.read_json(given.result)
    *pictures, table = given.output
    style.save(draw(result), pictures)
    numbers(result).to_csv(table, index=False)


if __name__ == "__main__":
    program.run(main)
