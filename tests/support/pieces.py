"""Simulations in several runs or on several ranks."""

import numpy as np

from eprop_core.parameters import PROJECTIONS
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation


def assert_same_bits(one: Simulation, other: Simulation, recording: Recording, other_recording: Recording) -> None:
    for name, values in vars(recording).items():
        np.testing.assert_array_equal(values, getattr(other_recording, name))
    for name in PROJECTIONS:
        for values, of_other in zip(one.weights(name), other.weights(name), strict=True):
            np.testing.assert_array_equal(values, of_other)
    assert one.step == other.step
    assert one.counts == other.counts


def of_all_ranks(recordings: list[Recording]) -> Recording:
    """Return the recording of a network whose ranks have made ``recordings`` of one run."""
    steps = np.concatenate([r.spike_steps for r in recordings])
    neurons = np.concatenate([r.spike_neurons for r in recordings])
    order = np.lexsort((neurons, steps))
    for other in recordings[1:]:
        np.testing.assert_array_equal(other.readout, recordings[0].readout)
        np.testing.assert_array_equal(other.error, recordings[0].error)
    return Recording(steps[order], neurons[order], recordings[0].readout, recordings[0].error)
