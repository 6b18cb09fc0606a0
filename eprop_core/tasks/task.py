"""Base of all tasks: samples of equal length with targets, and the scores of responses to them.

The samples follow one another without a pause. Only the last steps of a sample, the learning window, count.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eprop_core.arrays import array_of
from eprop_core.parameters import Loss
from eprop_core.parsing import kind_of
from eprop_core.plug_ins import described
from eprop_core.recording.recording import Recording
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.tasks.losses import LOSSES

Samples = npt.NDArray[np.int64]
TARGET_ARRAYS = 4
"""Values of a step and readout: target, readout and error, and one in which a loss is computed."""
Events = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]
"""Steps (ascending, from the start of the sample) and channels of input spikes, each (n_spikes,)."""


@dataclass(frozen=True)
class Score:
    """Loss and accuracy on some samples; the scores of different samples can be added."""

    n_samples: int
    summed_loss: float
    n_correct: int | None = None
    """Number of samples that were classified correctly; None if the task has no classes."""

    @property
    def loss(self) -> float:
        """Mean loss of a sample.

        Mean squared error: half the sum of squared errors over learning window and readouts, mV². Cross-entropy: mean
        over the learning window, nats.
        """
        return self.summed_loss / self.n_samples

    @property
    def accuracy(self) -> float | None:
        """Fraction of the samples that were classified correctly; None if the task has no classes."""
        return None if self.n_correct is None else self.n_correct / self.n_samples

    def __add__(self, other: "Score") -> "Score":
        """Return the score of both groups of samples together."""
        correct = None if self.n_correct is None or other.n_correct is None else self.n_correct + other.n_correct
        return Score(self.n_samples + other.n_samples, self.summed_loss + other.summed_loss, correct)


class Task(ABC):
    """Samples of equal length, with targets and a learning window at their end.

    Parameters
    ----------
    n_samples
        Number of samples.
    n_steps
        Steps of a sample.
    n_input, n_readout
        Numbers of input channels and of readouts.
    learning_window
        Steps at the end of each sample in which errors count; None: all.
    loss
        Loss whose gradient by the readout is the error.
    """

    chance: float | None = None
    """Accuracy of random guesses; None if the task has no classes."""
    validation: Samples | None = None
    """int64, ascending: samples that training must not learn from; None: the task does not say."""

    def __init__(
        self, *, n_samples: int, n_steps: int, n_input: int, n_readout: int, learning_window: int | None, loss: Loss
    ) -> None:
        self.n_samples = n_samples
        self.n_steps = n_steps
        self.n_input = n_input
        self.n_readout = n_readout
        self.learning_window = n_steps if learning_window is None else learning_window
        self.loss = loss

    @property
    @abstractmethod
    def loss_of_best_constant(self) -> float:
        """Loss per sample of the best constant readout, in the unit of the loss; 0 if the target is constant.

        A network reaches this loss without its input.
        """

    @abstractmethod
    def events(self, sample: int) -> Events:
        """Return steps and channels of the input spikes of a sample."""

    @abstractmethod
    def target(self, sample: int) -> npt.NDArray[np.float64]:
        """Return the target of a sample, mV, an array that broadcasts to (n_steps, n_readout)."""

    def stimulus(self, samples: Samples) -> Stimulus:
        """Return the stimulus of ``samples`` (n_samples,), one after another.

        Raises
        ------
        StimulusError
            Events that are no ascending steps and channels within the sizes of this task, or a target of another shape.
        """
        events = [self._checked_events(int(sample)) for sample in samples]
        lengths = [len(steps) for steps, _ in events]
        steps = np.concatenate([steps for steps, _ in events])
        return Stimulus(
            n_steps=len(events) * self.n_steps,
            input_steps=steps + np.repeat(np.arange(len(events)) * self.n_steps, lengths),
            input_channels=np.concatenate([channels for _, channels in events]),
            target=self.targets(samples).reshape(-1, self.n_readout),
            learning_window=np.tile(np.arange(self.n_steps) >= self.n_steps - self.learning_window, len(events)),
            n_samples=len(events),
        )

    def memory(self, n_samples: int) -> int:
        """Return about how many bytes a stimulus of ``n_samples`` and the recording of its run take, without spikes."""
        return n_samples * self.n_steps * (TARGET_ARRAYS * 8 * self.n_readout + 24)

    def targets(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return the targets of ``samples``, mV, float64 (n_samples, n_steps, n_readout)."""
        targets = np.empty((len(samples), self.n_steps, self.n_readout))
        for target, sample in zip(targets, samples, strict=True):
            given = self.target(int(sample))
            try:
                target[:] = given
            except (TypeError, ValueError):
                wanted = f"numbers that broadcast to (n_steps, n_readout) = {target.shape}"
                raise self.fault(sample, f"the target must be {wanted}, not {kind_of(given)}") from None
            if not np.isfinite(target).all():
                raise self.fault(sample, "the target must be finite")
        return targets

    def _checked_events(self, sample: int) -> Events:
        events = self.events(sample)
        if not (isinstance(events, tuple | list) and len(events) == 2):
            raise self.fault(sample, f"events must be steps and channels, a pair of arrays, not {kind_of(events)}")
        try:
            steps, channels = (
                array_of("int64", name, part, StimulusError)
                for name, part in zip(("steps", "channels"), events, strict=True)
            )
        except StimulusError as error:
            raise self.fault(sample, str(error)) from None
        if steps.ndim != 1 or steps.shape != channels.shape:
            raise self.fault(sample, f"events: steps {steps.shape} and channels {channels.shape} must be equally long")
        for name, part, bound in (("step", steps, self.n_steps), ("channel", channels, self.n_input)):
            outside = (part < 0) | (part >= bound)
            if outside.any():
                raise self.fault(sample, f"input spike in {name} {part[outside][0]}: must be in 0..{bound - 1}")
        if np.any(steps[1:] < steps[:-1]):
            raise self.fault(sample, "steps of the events must not descend")
        return steps, channels

    def fault(self, sample: int, message: str) -> StimulusError:
        """Return the error of something wrong in a sample; it says in whose code."""
        whose = f"{type(self).__name__} in {described(type(self).__module__)}"
        return StimulusError(f"sample {sample}: {message} ({whose})")

    def score(self, samples: Samples, recording: Recording) -> Score:
        """Return the score of the network's response to ``stimulus(samples)``.

        Parameters
        ----------
        samples
            int64 (n_samples,), the samples of the stimulus.
        recording
            Recording of the run with this stimulus.
        """
        return Score(len(samples), LOSSES[self.loss].summed(self, samples, recording))

    def readout(self, samples: Samples, recording: Recording) -> npt.NDArray[np.float64]:
        """Return the readouts in the learning window, mV, float64 (n_samples, learning_window, n_readout)."""
        shape = (len(samples), self.n_steps, self.n_readout)
        return recording.readout.reshape(shape)[:, -self.learning_window :]
