"""What a run records."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recording:
    """What a run recorded."""

    spike_steps: np.ndarray
    """int64 (n_spikes,), steps relative to the start of the run, ascending; this rank's neurons."""
    spike_neurons: np.ndarray
    """int64 (n_spikes,), global ids, ascending within a step."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV, the same on all ranks."""
    error: np.ndarray
    """float64 (n_steps, n_readout), window * (readout - target), mV, the same on all ranks."""


class RunInterrupted(KeyboardInterrupt):
    """A run that Ctrl-C ended early; the simulation stands at its ``step``, and can go on from there."""

    def __init__(self, message: str, recording: Recording) -> None:
        super().__init__(message)
        self.recording = recording
        """Of the steps that were simulated."""
