"""Simulations in several runs: pieces of a stimulus, and joined recordings."""

import numpy as np

from eprop_core.parameters import PROJECTIONS
from eprop_core.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


def piece(stimulus: Stimulus, first: int, last: int) -> Stimulus:
    inside = (stimulus.input_steps >= first) & (stimulus.input_steps < last)
    return Stimulus(
        last - first,
        stimulus.input_steps[inside] - first,
        stimulus.input_channels[inside],
        stimulus.target[first:last],
        stimulus.learning_window[first:last],
    )


def assert_same_bits(one: Simulation, other: Simulation, recording: Recording, other_recording: Recording) -> None:
    for name, values in vars(recording).items():
        np.testing.assert_array_equal(values, getattr(other_recording, name))
    for name in PROJECTIONS:
        for values, of_other in zip(one.weights(name), other.weights(name), strict=True):
            np.testing.assert_array_equal(values, of_other)
    assert one.step == other.step
    assert one.counts == other.counts


def joined(recordings: list[Recording], lengths: list[int]) -> Recording:
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return Recording(
        np.concatenate([r.spike_steps + start for r, start in zip(recordings, starts, strict=True)]),
        np.concatenate([r.spike_neurons for r in recordings]),
        np.concatenate([r.readout for r in recordings]),
        np.concatenate([r.error for r in recordings]),
    )
