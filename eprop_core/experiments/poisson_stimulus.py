"""The stimulus of timed networks: Poisson input, zero targets, and errors that count in all steps."""

import numpy as np

from eprop_core.parameters import Network
from eprop_core.poisson import poisson_spikes
from eprop_core.stimulus import Stimulus


def poisson_stimulus(
    network: Network, probability: float, seed: int, first_step: int, n_steps: int, n_samples: int = 1
) -> Stimulus:
    """Return ``n_steps`` steps of the stimulus from ``first_step`` on.

    ``probability`` is that of a spike of a channel in a step: the rate in spikes/s times ``dt`` in ms times 1e-3.
    """
    of_channels = np.full((1, network.n_input), probability)
    steps, channels = poisson_spikes(of_channels, n_steps, seed=seed, first_step=first_step)
    return Stimulus(
        n_steps=n_steps,
        input_steps=steps,
        input_channels=channels,
        target=np.zeros((n_steps, network.n_readout)),
        learning_window=np.ones(n_steps, np.bool_),
        n_samples=n_samples,
    )
