"""Recordings of a run."""

from dataclasses import dataclass

import numpy as np


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


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a run early; the simulation can continue from its present ``step``."""

    def __init__(self, message: str, recording: Recording) -> None:
        super().__init__(message)
        self.recording = recording
        """Recording of the steps that were simulated."""
