"""Stimuli: the input spikes, targets and learning window of one run."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eprop_core.arrays import array_of
from eprop_core.parameters import Network
from eprop_core.parsing import is_whole, shown


class StimulusError(ValueError):
    """A stimulus is not allowed; the message is one line: the entry, its value and the allowed values."""


class Taught:
    """Base of stimuli: targets, learning window and samples of ``n_steps`` steps. The input is up to the subclass."""

    n_steps: int
    target: np.ndarray
    learning_window: np.ndarray
    n_samples: int

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclasses are frozen

    def _check_taught(self) -> None:
        """Convert and check the values."""
        self._set("n_steps", _count("n_steps", self.n_steps))
        self._set("n_samples", _count("n_samples", self.n_samples))
        if self.n_steps % self.n_samples:
            raise StimulusError(f"n_samples = {self.n_samples}: must divide n_steps = {self.n_steps}")
        self._set("target", _array("target", self.target, 2, np.float64))
        self._set("learning_window", _array("learning_window", self.learning_window, 1, np.bool_))
        for name in ("target", "learning_window"):
            length = len(getattr(self, name))
            if length != self.n_steps:
                raise StimulusError(f"{name} has {length} steps: must have n_steps = {self.n_steps}")
        if not np.isfinite(self.target).all():
            step, readout = np.argwhere(~np.isfinite(self.target))[0]
            raise StimulusError(f"target[{step}, {readout}] = {self.target[step, readout]}: must be finite")

    def _taught_in(self, first: int, last: int) -> dict[str, Any]:
        """Return the values of the steps ``first`` .. ``last - 1``."""
        return {
            "n_steps": last - first,
            "target": self.target[first:last],
            "learning_window": self.learning_window[first:last],
            "n_samples": 1 if self.n_samples == 1 else (last - first) * self.n_samples // self.n_steps,
        }

    def _check_readouts(self, network: Network) -> None:
        if self.target.shape[1] != network.n_readout:
            raise StimulusError(
                f"target has {self.target.shape[1]} columns: must be one per readout, n_readout = {network.n_readout}"
            )

    def _represented(self, name: str, shown: str) -> str:
        """Return the sizes in one line, with what is ``shown``."""
        samples = f", {self.n_samples} samples" if self.n_samples > 1 else ""
        return f"{name}({self.n_steps} steps{samples}, {shown}, targets of {self.target.shape[1]} readouts)"


@dataclass(frozen=True)
class Stimulus(Taught):
    """Input spikes and targets of ``n_steps`` steps, counted from the start of the run.

    Delays do not shift targets and learning windows. An input spike of step t reaches the readouts in step
    t + input.delay + output.delay at the earliest, so the readouts still respond to the previous sample in that many
    steps at the start of a sample (``docs/pictures/timing.svg`` shows the timing).

    Integer arrays are converted to int64, targets to float64.

    Parameters
    ----------
    n_steps
        Length of the run in steps, at least 1.
    input_steps
        int64 (n_events,), ascending. The step in which an input channel spikes; the spike arrives ``input.delay`` steps
        later.
    input_channels
        int64 (n_events,). The channel that spikes, at most once per step; those of a step are sorted.
    target
        float64 (n_steps, n_readout), mV. ``target[t]`` is compared with the readout signal of step t.
    learning_window
        bool (n_steps,). The steps whose errors count.
    n_samples
        Number of samples of equal length that the run consists of.

    Raises
    ------
    StimulusError
        If a value is not allowed; the message names the first one.
    """

    n_steps: int
    input_steps: np.ndarray
    input_channels: np.ndarray
    target: np.ndarray
    learning_window: np.ndarray
    n_samples: int = 1

    def __post_init__(self) -> None:
        """Convert and check the values."""
        self._check_taught()
        self._set("input_steps", _array("input_steps", self.input_steps, 1, np.int64))
        self._set("input_channels", _array("input_channels", self.input_channels, 1, np.int64))
        if len(self.input_steps) != len(self.input_channels):
            raise StimulusError(
                f"input_channels has {len(self.input_channels)} events: must have as many as input_steps, "
                f"{len(self.input_steps)}"
            )
        self._check_events()

    def __repr__(self) -> str:
        """Return the sizes."""
        return self._represented("Stimulus", f"{len(self.input_steps)} input spikes")

    def part(self, first: int, last: int) -> "Stimulus":
        """Return the steps ``first`` .. ``last - 1``; where there are several samples, these must be whole ones."""
        events = slice(*np.searchsorted(self.input_steps, (first, last)))
        return Stimulus(
            input_steps=self.input_steps[events] - first,
            input_channels=self.input_channels[events],
            **self._taught_in(first, last),
        )

    def check_fits(self, network: Network) -> None:
        """Check that channels and targets match the populations of ``network``.

        Raises
        ------
        StimulusError
            If a channel or the number of readouts does not fit.
        """
        self._check_readouts(network)
        if self.input_channels.size and self.input_channels.max() >= network.n_input:
            event = int(self.input_channels.argmax())
            raise StimulusError(
                f"input_channels[{event}] = {self.input_channels[event]}: must be below n_input = {network.n_input}"
            )

    def _check_events(self) -> None:
        steps, channels = self.input_steps, self.input_channels
        if not steps.size:
            return
        if steps.min() < 0 or steps.max() >= self.n_steps:
            event = int(((steps < 0) | (steps >= self.n_steps)).argmax())
            raise StimulusError(f"input_steps[{event}] = {steps[event]}: must be in 0..{self.n_steps - 1}")
        if channels.min() < 0:
            event = int(channels.argmin())
            raise StimulusError(f"input_channels[{event}] = {channels[event]}: must not be negative")
        place = steps * (channels.max() + 1) + channels
        if (np.diff(place) > 0).all():  # most stimuli are sorted already, and sorting is slow
            return
        descending = np.diff(steps) < 0
        if descending.any():
            event = int(descending.argmax()) + 1
            raise StimulusError(f"input_steps[{event}] = {steps[event]} after {steps[event - 1]}: must not descend")
        order = np.argsort(place, kind="stable")
        twice = np.diff(place[order]) == 0
        if twice.any():
            event = int(order[int(twice.argmax()) + 1])
            raise StimulusError(
                f"input_channels[{event}] = {channels[event]}: spikes twice in step {steps[event]}, "
                "at most once is allowed"
            )
        self._set("input_channels", channels[order])


def _count(name: str, value: int) -> int:
    if not is_whole(value, 1):
        raise StimulusError(f"{name} = {shown(value)}: must be a whole number of at least 1")
    return int(value)


def _array(name: str, values: np.ndarray, dimensions: int, dtype: type[np.generic]) -> np.ndarray:
    array = array_of(dtype, name, values, StimulusError)
    if array.ndim != dimensions:
        raise StimulusError(f"{name} has {array.ndim} dimensions: must have {dimensions}")
    return array
