"""Stimuli: valid ones are accepted, and a wrong value is reported in one line."""

import numpy as np
import pytest

from eprop_core.stimulus import Stimulus, StimulusError

VALID = {
    "n_steps": 5,
    "input_steps": np.array([0, 2, 2, 4], np.int32),
    "input_channels": np.array([1, 0, 3, 1], np.int32),
    "target": np.zeros((5, 2), np.float32),
    "learning_window": np.ones(5, bool),
}


def test_arrays_are_converted_to_the_types_of_the_simulator() -> None:
    stimulus = Stimulus(**VALID)
    assert stimulus.input_steps.dtype == stimulus.input_channels.dtype == np.int64
    assert stimulus.target.dtype == np.float64


def test_a_stimulus_may_have_no_events() -> None:
    none = np.empty(0, np.int64)
    assert Stimulus(**VALID | {"input_steps": none, "input_channels": none}).input_steps.size == 0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_steps", 0, "n_steps = 0"),
        ("n_steps", 5.0, "n_steps = 5.0"),
        ("n_steps", np.zeros((2, 2)), "n_steps = array"),
        ("n_samples", 0, "n_samples = 0"),
        ("n_samples", 2, "n_samples = 2: must divide n_steps = 5"),
        ("n_steps", 6, "target has 5 steps"),
        ("input_steps", np.array([0.0, 2, 2, 4]), "input_steps has dtype float64"),
        ("input_steps", np.array([0, 2, 2]), "input_channels has 4 events"),
        ("input_steps", np.array([0, 2, 2, 5]), r"input_steps\[3\] = 5: must be in 0..4"),
        ("input_steps", np.array([-1, 2, 2, 4]), r"input_steps\[0\] = -1"),
        ("input_steps", np.array([0, 3, 2, 4]), r"input_steps\[2\] = 2 after 3"),
        ("input_steps", np.array([[0, 2, 2, 4]]), "input_steps has 2 dimensions"),
        ("input_channels", np.array([1, 0, -3, 1]), r"input_channels\[2\] = -3"),
        ("input_channels", np.array([1, 3, 3, 1]), r"input_channels\[2\] = 3: spikes twice in step 2"),
        ("target", np.zeros(5), "target has 1 dimensions"),
        ("target", np.zeros((4, 2)), "target has 4 steps"),
        ("target", np.full((5, 2), np.nan), r"target\[0, 0\] = nan"),
        ("target", [[1.0], [1.0, 2.0]], "target has parts of different lengths: must be an array of float64"),
        ("learning_window", np.ones(5), "learning_window has dtype float64"),
        ("learning_window", np.ones(4, bool), "learning_window has 4 steps"),
    ],
)
def test_a_wrong_value_is_reported_in_one_line(key: str, value: object, message: str) -> None:
    with pytest.raises(StimulusError, match=message) as caught:
        Stimulus(**VALID | {key: value})
    assert "\n" not in str(caught.value)


def test_spikes_of_a_step_are_sorted_by_channel() -> None:
    """The order in which they are given changes no bit of a result, on any number of ranks."""
    steps, channels = np.array([0, 2, 2, 2, 5]), np.array([4, 3, 0, 1, 2])
    stimulus = Stimulus(6, steps, channels, np.zeros((6, 2)), np.ones(6, np.bool_))
    assert stimulus.input_steps.tolist() == [0, 2, 2, 2, 5]
    assert stimulus.input_channels.tolist() == [4, 0, 1, 3, 2]
