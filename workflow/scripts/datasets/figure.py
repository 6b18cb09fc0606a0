"""Prepared data at a glance: a sample of each class, events of samples, channels and steps, balance of the classes.

Where targets are learned, they are drawn over the first samples, and their range takes the place of the balance.
"""

from collections.abc import Sequence
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
        quantities = summary._asdict()
        for statistic, values in quantities.pop("targets").items():
            quantities |= {f"{statistic}_target_{output}": values[:, output] for output in range(values.shape[1])}
        for quantity, values in quantities.items():
            parts.append(
                pd.DataFrame({"split": split, "quantity": quantity, "number": range(len(values)), "value": values})
            )
    return pd.concat(parts, ignore_index=True)


def shown(dataset: EventDataset) -> dict[str, int]:
    """Return the samples whose rasters are drawn, by title: the first of each class, or the first ones with targets."""
    if dataset.n_outputs is not None:
        return {f"sample {number}": number for number in range(min(COLUMNS, len(dataset)))}
    labels = np.unique(dataset.labels)[:MOST_RASTERS].tolist()
    return {f"class {label}": int(np.argmax(dataset.labels == label)) for label in labels}


def draw(splits: dict[str, EventDataset], summaries: dict[str, Summary]) -> Figure:
    """Return the figure."""
    train = next(iter(splits.values()))
    samples = shown(train)
    n_rows = -(-len(samples) // COLUMNS)
    figure = plt.figure(figsize=(style.two_columns(), (35 * n_rows + 50) * style.MILLIMETRE))
    parts: Any = figure.subfigures(2, 1, height_ratios=(35 * n_rows, 50))
    upper, lower = parts
    rasters = upper.subplots(n_rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for panel in rasters.flat[len(samples) :]:
        panel.set_visible(False)
    for panel, (title, sample) in zip(rasters.flat, samples.items(), strict=False):
        _draw_raster(panel, train, sample)
        panel.set_title(title, loc="right")
    for panel in rasters[-1]:
        panel.set_xlabel("Step")
    for panel in rasters[:, 0]:
        panel.set_ylabel("Channel")
    if train.n_outputs is not None:
        _draw_targets(rasters.flat[: len(samples)], train, summaries["train"])
    panels = lower.subplots(1, 4)
    _draw_numbers(panels, summaries)
    style.label_panels([rasters[0, 0], *panels])
    return figure


def _draw_raster(panel: Axes, dataset: EventDataset, sample: int) -> None:
    steps, channels = dataset.sample(sample)
    panel.plot(steps, channels, ".", color="black", markersize=1.2, markeredgewidth=0, rasterized=True)
    panel.set(xlim=(0, dataset.n_steps), ylim=(-0.5, dataset.n_channels - 0.5))


def _draw_targets(panels: Sequence[Axes], dataset: EventDataset, summary: Summary) -> None:
    """Draw the targets of the first samples over their rasters, on an axis of their own that all panels share."""
    low, high = summary.targets["smallest"].min(), summary.targets["largest"].max()
    for sample, panel in enumerate(panels):
        axis = panel.twinx()
        for output, values in enumerate(dataset.target(sample).T):
            axis.plot(values, color=style.look(output)[0], linewidth=0.8)
        axis.set_ylim(*(low - 0.05 * (high - low), high + 0.05 * (high - low)) if high > low else (low - 1, low + 1))
        if sample + 1 < len(panels):
            axis.set_yticklabels([])
        else:
            axis.set_ylabel("Target (mV)")


def _draw_numbers(panels: np.ndarray, summaries: dict[str, Summary]) -> None:
    per_sample, per_channel, per_step, learned = panels
    largest = max(summary.events_per_sample.max() for summary in summaries.values())
    edges = np.linspace(0, largest + 1, 31)
    for number, (split, summary) in enumerate(summaries.items()):
        colour, _ = style.look(number)
        shares = np.histogram(summary.events_per_sample, edges)[0] / len(summary.events_per_sample)
        per_sample.stairs(100 * shares, edges, color=colour, label=split)
        per_channel.plot(summary.events_per_channel, color=colour, linewidth=0.6)
        per_step.plot(summary.events_per_step, color=colour, linewidth=0.8)
        if summary.targets:
            _draw_range(learned, summary, colour)
            continue
        width = 0.8 / len(summaries)
        places = np.arange(len(summary.samples_per_class)) + (number + 0.5) * width - 0.4
        learned.bar(places, summary.samples_per_class, width, color=colour)
    per_sample.set(xlabel="Events of a sample", ylabel="Samples (%)", xlim=(0, None), ylim=(0, None))
    per_channel.set(xlabel="Channel", ylabel="Events per sample", xlim=(0, None), ylim=(0, None))
    per_step.set(xlabel="Step", ylabel="Events per sample", xlim=(0, None), ylim=(0, None))
    if any(summary.targets for summary in summaries.values()):
        learned.set(xlabel="Step", ylabel="Target (mV)", xlim=(0, None))
    else:
        learned.set(xlabel="Class", ylabel="Samples")
    per_sample.legend()


def _draw_range(panel: Axes, summary: Summary, colour: str) -> None:
    """Draw the mean of each target, and the range that it has."""
    smallest, mean, largest = (summary.targets[name].T for name in ("smallest", "mean", "largest"))
    for low, values, high in zip(smallest, mean, largest, strict=True):
        panel.plot(values, color=colour, linewidth=0.8)
        panel.fill_between(np.arange(len(values)), low, high, color=colour, alpha=0.15, linewidth=0)


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    options = program.figure_parser("workflow.scripts.datasets.figure", __doc__)
    options.add_argument("data", type=Path, nargs="+", help="prepared training, validation and test samples (.npz)")
    given = options.parse_args()
    style.use(given.style)
    splits = load_together(given.data)
    summaries = {name: Summary.of(split) for name, split in splits.items()}
    style.save_with_numbers(draw(splits, summaries), numbers(summaries), given.output)


if __name__ == "__main__":
    program.run(main)
