"""Counts of samples and events that describe prepared data, to find mistakes in a preparation."""

from typing import NamedTuple

import numpy as np

from eprop_core.datasets.events import EventDataset


class Summary(NamedTuple):
    """Numbers of events and samples of a data set."""

    events_per_sample: np.ndarray
    """int64 (n_samples,)"""
    events_per_channel: np.ndarray
    """float64 (n_channels,), mean over the samples."""
    events_per_step: np.ndarray
    """float64 (n_steps,), mean over the samples."""
    samples_per_class: np.ndarray
    """int64 (n_classes,)"""
    targets: dict[str, np.ndarray]
    """mV, float64 (n_steps, n_outputs) each, smallest, mean and largest of all samples; none if classes are learned."""

    @classmethod
    def of(cls, dataset: EventDataset) -> "Summary":
        """Return the summary of a data set, which is read once, sample by sample."""
        per_step, per_channel = np.zeros(dataset.n_steps, np.int64), np.zeros(dataset.n_channels, np.int64)
        for steps, channels in dataset.samples():
            per_step += np.bincount(steps, minlength=dataset.n_steps)
            per_channel += np.bincount(channels, minlength=dataset.n_channels)
        n = max(1, len(dataset))
        return cls(
            events_per_sample=np.diff(dataset.offsets),
            events_per_channel=per_channel / n,
            events_per_step=per_step / n,
            samples_per_class=np.bincount(dataset.labels, minlength=dataset.n_classes),
            targets={} if dataset.n_outputs is None else _targets(dataset),
        )

    @property
    def measures(self) -> dict[str, float]:
        """Single numbers, by their name in print."""
        events, channels = self.events_per_sample, self.events_per_channel
        common = {
            "Samples": len(events),
            "Events per sample, mean": float(events.mean()),
            "Events per sample, smallest": int(events.min()),
            "Events per sample, largest": int(events.max()),
            "Channels without events": int(np.count_nonzero(channels == 0.0)),
            "Events per sample of the most active channel": float(channels.max()),
        }
        if self.targets:
            return common | {
                "Target, smallest (mV)": float(self.targets["smallest"].min()),
                "Target, mean (mV)": float(self.targets["mean"].mean()),
                "Target, largest (mV)": float(self.targets["largest"].max()),
            }
        return common | {
            "Samples of a class, smallest": int(self.samples_per_class.min()),
            "Samples of a class, largest": int(self.samples_per_class.max()),
        }


def _targets(dataset: EventDataset) -> dict[str, np.ndarray]:
    shape = dataset.n_steps, dataset.n_readout
    smallest, total, largest = np.full(shape, np.inf), np.zeros(shape), np.full(shape, -np.inf)
    for target in dataset.targets():
        np.minimum(smallest, target, out=smallest)
        np.maximum(largest, target, out=largest)
        total += target
    return {"smallest": smallest, "mean": total / len(dataset), "largest": largest}
