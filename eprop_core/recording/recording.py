"""Recordings of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eprop_core.recording.frames import Frames, frames
from eprop_core.recording.neo_block import neo_block
from eprop_core.recording.time_series import Recorded


@dataclass(frozen=True)
class Recording:
    """Spikes, readouts and errors of one run."""

    spike_steps: np.ndarray
    """int64 (n_spikes,), the steps of the spikes of this rank's neurons, from the start of the run, ascending."""
    spike_neurons: np.ndarray
    """int64 (n_spikes,), the global ids of the neurons that spiked, ascending within a step."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV, the same on all ranks."""
    error: np.ndarray
    """float64 (n_steps, n_readout), the gradient of the loss by the readout, the same on all ranks.

    For the mean squared error, learning window * (readout - target), mV.
    """
    recorded: Recorded | None = None
    """Values of the neurons and synapses that the run was asked to record; their steps, too, are from the start of the
    run. The same on all ranks."""

    @classmethod
    def joined(cls, parts: Sequence["Recording"]) -> "Recording":
        """Return the spikes, readouts and errors of runs that follow one another, as those of one run."""
        ends = np.cumsum([len(part.readout) for part in parts])
        return cls(
            np.concatenate([part.spike_steps + end - len(part.readout) for part, end in zip(parts, ends, strict=True)]),
            np.concatenate([part.spike_neurons for part in parts]),
            np.concatenate([part.readout for part in parts]),
            np.concatenate([part.error for part in parts]),
        )

    def __repr__(self) -> str:
        """Return the sizes, and what was recorded beside spikes, readouts and errors."""
        n_steps, n_readout = self.readout.shape
        recorded = "" if self.recorded is None else f", {self.recorded}"
        return f"Recording({n_steps} steps, {len(self.spike_steps)} spikes, {n_readout} readouts{recorded})"

    def gathered(self, communicator: Any) -> "Recording":
        """Return the recording with the spikes of all ranks. Collective.

        Parameters
        ----------
        communicator
            The communicator of the simulation.
        """
        steps, neurons = (
            np.concatenate(communicator.allgather(of_rank)) for of_rank in (self.spike_steps, self.spike_neurons)
        )
        order = np.lexsort((neurons, steps))
        return replace(self, spike_steps=steps[order], spike_neurons=neurons[order])

    def to_pandas(self) -> Frames:
        """Return the recording as tables; needs pandas."""
        return frames(self)

    def to_neo(self, dt: float) -> Any:
        """Return the recording as a ``neo.Block``; needs Neo, which the extra ``neo`` installs.

        Parameters
        ----------
        dt
            Simulation step of the network, ms. Step t is at the time t * dt.
        """
        return neo_block(self, dt)


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a run early; the simulation can continue from its present ``step``."""

    def __init__(self, message: str, recording: Recording) -> None:
        super().__init__(message)
        self.recording = recording
        """Recording of the steps that were simulated."""
