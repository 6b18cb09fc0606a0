"""Recorded values of neurons and synapses over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TimeSeries:
    """A quantity of the chosen neurons, or of the chosen synapses of a projection."""

    steps: np.ndarray
    """int64 (n,), the steps that the values belong to, ascending."""
    values: np.ndarray
    """float64 (n, n_chosen), in the order in which the neurons or synapses were given; the same on all ranks."""

    def __repr__(self) -> str:
        """Return the sizes."""
        return f"TimeSeries({len(self.steps)} steps of {self.values.shape[1]})"

    @classmethod
    def joined(cls, parts: Sequence["TimeSeries"]) -> "TimeSeries":
        """Return one series of those that follow each other; at least one."""
        return cls(np.concatenate([part.steps for part in parts]), np.concatenate([part.values for part in parts]))


@dataclass(frozen=True)
class Recorded:
    """Recorded values of the chosen neurons and synapses."""

    neuron_ids: np.ndarray
    """int64 (n,)"""
    neurons: Mapping[str, TimeSeries]
    """By quantity."""
    synapse_pairs: Mapping[str, np.ndarray]
    """int64 (n, 2), source and target, by projection."""
    synapses: Mapping[str, Mapping[str, TimeSeries]]
    """By projection and quantity."""

    def __repr__(self) -> str:
        """Return the quantities, with the numbers of neurons and synapses."""
        parts = [f"{len(self.neuron_ids)} neurons: {', '.join(self.neurons)}"] if self.neurons else []
        for projection, quantities in self.synapses.items():
            parts.append(f"{len(self.synapse_pairs[projection])} {projection} synapses: {', '.join(quantities)}")
        return f"Recorded({'; '.join(parts)})"

    @classmethod
    def joined(cls, parts: Sequence["Recorded"]) -> "Recorded":
        """Return what was recorded in parts of a run that follow each other; at least one."""
        first = parts[0]
        return cls(
            first.neuron_ids,
            {name: TimeSeries.joined([part.neurons[name] for part in parts]) for name in first.neurons},
            first.synapse_pairs,
            {
                projection: {
                    name: TimeSeries.joined([part.synapses[projection][name] for part in parts]) for name in quantities
                }
                for projection, quantities in first.synapses.items()
            },
        )

    def shifted(self, n_steps: int) -> "Recorded":
        """Return the same values with ``n_steps`` added to their steps."""

        def shifted(series: Mapping[str, TimeSeries]) -> dict[str, TimeSeries]:
            return {name: TimeSeries(one.steps + n_steps, one.values) for name, one in series.items()}

        synapses = {projection: shifted(quantities) for projection, quantities in self.synapses.items()}
        return Recorded(self.neuron_ids, shifted(self.neurons), self.synapse_pairs, synapses)
