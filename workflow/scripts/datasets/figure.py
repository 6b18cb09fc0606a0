"""Prepared data at a glance: a sample of each class, events of samples, channels and steps, balance of the classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.prepared import load_together
from eprop_core.datasets.summary import Summary
from workflow.scripts.shared import program, style

MOST_RASTERS = 10
"""Classes of which a sample is drawn: the first ones."""

COLUMNS = 5
"""Rasters in a row."""


def numbers(summaries: dict[str, Summary]) -> pd.DataFrame:
    """Return the drawn numbers of all panels but the rasters, a row each."""
    parts = []
    for split, summary in summaries.items():
        for quantity, values in summary._asdict().items():
            parts.append(
                pd.DataFrame({"split": split, "quantity": quantity, "number": range(len(values)), "value": values})
            )
    return pd.concat(parts, ignore_index=True)


def draw(splits: dict[str, EventDataset], summaries: dict[str, Summary]) -> Figure:
    """Return the figure."""
    train = next(iter(splits.values()))
    shown = np.unique(train.labels)[:MOST_RASTERS].tolist()
    n_rows = -(-len(shown) // COLUMNS)
    figure = plt.figure(figsize=(style.TWO_COLUMNS, (35 * n_rows + 50) * style.MILLIMETRE))
    parts: Any = figure.subfigures(2, 1, height_ratios=(35 * n_rows, 50))
    upper, lower = parts
    rasters = upper.subplots(n_rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for panel in rasters.flat[len(shown) :]:
        panel.set_visible(False)
    for panel, label in zip(rasters.flat, shown, strict=False):
        _draw_raster(panel, train, label)
    for panel in rasters[-1]:
        panel.set_xlabel("Step")
    for panel in rasters[:, 0]:
        panel.set_ylabel("Channel")
    panels = lower.subplots(1, 4)
    _draw_numbers(panels, summaries)
    style.label_panels([rasters[0, 0], *panels])
    return figure


def _draw_raster(panel: Axes, dataset: EventDataset, label: int) -> None:
    steps, channels = dataset.sample(int(np.argmax(dataset.labels == label)))
    panel.plot(steps, channels, ".", color="black", markersize=1.2, markeredgewidth=0, rasterized=True)
    panel.set_title(f"class {label}", loc="right")
    panel.set(xlim=(0, dataset.n_steps), ylim=(-0.5, dataset.n_channels - 0.5))


def _draw_numbers(panels: np.ndarray, summaries: dict[str, Summary]) -> None:
    per_sample, per_channel, per_step, per_class = panels
    largest = max(summary.events_per_sample.max() for summary in summaries.values())
    edges = np.linspace(0, largest + 1, 31)
    for number, (split, summary) in enumerate(summaries.items()):
        colour, _ = style.look(number)
        shares = np.histogram(summary.events_per_sample, edges)[0] / len(summary.events_per_sample)
        per_sample.stairs(100 * shares, edges, color=colour, label=split)
        per_channel.plot(summary.events_per_channel, color=colour, linewidth=0.6)
        per_step.plot(summary.events_per_step, color=colour, linewidth=0.8)
        width = 0.8 / len(summaries)
        places = np.arange(len(summary.samples_per_class)) + (number + 0.5) * width - 0.4
        per_class.bar(places, summary.samples_per_class, width, color=colour)
    per_sample.set(xlabel="Events of a sample", ylabel="Samples (%)", xlim=(0, None), ylim=(0, None))
    per_channel.set(xlabel="Channel", ylabel="Events per sample", xlim=(0, None), ylim=(0, None))
    per_step.set(xlabel="Step", ylabel="Events per sample", xlim=(0, None), ylim=(0, None))
    per_class.set(xlabel="Class", ylabel="Samples")
    per_sample.legend()


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    options = program.parser("workflow.scripts.datasets.figure", __doc__, program.FIGURE)
    options.add_argument("data", type=Path, nargs="+", help="prepared training, validation and test samples (.npz)")
    given = options.parse_args()
    style.use()
    splits = load_together(given.data)
    summaries = {name: Summary.of(split) for name, split in splits.items()}
    style.save_with_numbers(draw(splits, summaries), numbers(summaries), given.output)


if __name__ == "__main__":
    program.run(main)
