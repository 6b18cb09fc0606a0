"""Parameters of the tasks whose samples are generated: names, units, ranges and defaults, in one place.

Durations are in steps, as in the data sets.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from eprop_core.datasets.parameters import HELD_OUT
from eprop_core.parameters import PositiveUniform
from eprop_core.parsing import WHOLE_NUMBERS, Parameters, Whole
from eprop_core.plug_ins import Call

GENERATE = Call("generate", ("parameters",), ("dt", "seed", "learning_window", "loss"))
"""How the samples of a task are made, see :func:`eprop_core.tasks.generate.generate`."""


class StatedByTask(Parameters):
    """Required fields or properties of the parameters of a generated task, by which plug-ins are checked."""

    n_steps: Whole = Field(ge=1)
    sizes: tuple[Annotated[Whole, Field(ge=1)], Annotated[Whole, Field(ge=1)]]
    has_accuracy: bool
    n_training_samples: Annotated[Whole, Field(ge=1)] | None


class Generated(Parameters):
    """Base of the parameters of generated tasks; each has a ``name`` of its own, by which it is chosen.

    This module is imported wherever a configuration is read; the samples are made by another one.
    """

    implementation: ClassVar[str]
    """Module that makes the samples, by a function ``generate(parameters, *, dt, seed, learning_window, loss)``, see
    :func:`eprop_core.tasks.generate.generate`."""
    has_accuracy: ClassVar[bool] = True
    """Whether answers are right or wrong; otherwise a run is judged by its loss, a mean squared error."""

    if TYPE_CHECKING:
        name: str

        @property
        def n_steps(self) -> int:
            """Time steps of a sample: a field or a property."""

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of readouts."""
        raise NotImplementedError

    @property
    def n_training_samples(self) -> int | None:
        """Number of training samples; None if it is unknown until they are made."""
        return None


class SineWaves(Generated):
    """Generate a sum of sine waves, drawn once per seed, from frozen noise as input.

    As in NEST's tutorial "Tutorial on learning sine waves", after Bellec et al. 2020, figure 2.
    """

    implementation: ClassVar[str] = "eprop_core.tasks.regression"
    has_accuracy: ClassVar[bool] = False

    name: Literal["sine_waves"]
    n_input: Whole = Field(100, ge=1, description="input channels")
    input_rate: float = Field(
        50.0,
        ge=0,
        description="firing rate of each channel of the frozen noise",
        json_schema_extra={"unit": "spikes/s"},
    )
    n_steps: Whole = Field(1000, ge=2, description="number of time steps of the sample")
    periods: list[Annotated[Whole, Field(ge=1)]] = Field(
        [1000, 500, 333, 200],
        min_length=1,
        description="periods of the waves; each wave has a random phase",
        json_schema_extra={"unit": "steps"},
    )
    amplitudes: PositiveUniform = Field(
        PositiveUniform(low=0.5, high=2.0),
        description="distribution of the amplitudes of the waves; their sum is then scaled to a maximum of 1 mV",
    )

    @model_validator(mode="after")
    def _waves_fit(self) -> Self:
        if max(self.periods) > self.n_steps:
            raise ValueError(f"periods: must not exceed n_steps = {self.n_steps}, each wave turns at least once")
        if self.amplitudes.low < 1e-3 or self.amplitudes.high > 1e6:
            raise ValueError("amplitudes: must be from 0.001 to 1e6; their sum is scaled to 1 mV")
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of readouts."""
        return self.n_input, 1

    @property
    def n_training_samples(self) -> int:
        """One sample, which is repeated."""
        return 1


class Pattern(Generated):
    """Generate a closed curve in the plane from frozen noise as input, with one readout for x and one for y.

    As in NEST's tutorial "Tutorial on learning to generate a lemniscate".
    """

    implementation: ClassVar[str] = "eprop_core.tasks.regression"
    has_accuracy: ClassVar[bool] = False

    name: Literal["pattern"]
    n_input: Whole = Field(100, ge=1, description="input channels")
    input_rate: float = Field(
        50.0,
        ge=0,
        description="firing rate of each channel of the frozen noise",
        json_schema_extra={"unit": "spikes/s"},
    )
    n_steps: Whole = Field(1258, ge=2, description="number of time steps of the sample")
    turns_x: Whole = Field(1, ge=1, description="periods of x in a sample; turns_x: 1 and turns_y: 2 give a lemniscate")
    turns_y: Whole = Field(2, ge=1, description="periods of y in a sample")

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of readouts."""
        return self.n_input, 2

    @property
    def n_training_samples(self) -> int:
        """One sample, which is repeated."""
        return 1


class Cued(Generated):
    """Base of the parameters of tasks whose samples are cues in groups of channels, and have a class."""

    name: str
    train_samples: Whole = Field(ge=1, description=f"number of training samples; {HELD_OUT}")
    test_samples: Whole = Field(ge=1, description="number of test samples, shown once after training")
    channels_per_group: Whole = Field(10, ge=1, description="number of input channels per group")
    noise_rate: float = Field(
        10.0, ge=0, description="firing rate of each noise channel", json_schema_extra={"unit": "spikes/s"}
    )

    @property
    def n_training_samples(self) -> int:
        """Number of training samples."""
        return self.train_samples


class EvidenceAccumulation(Cued):
    """Report, after a delay, the side on which more cues were presented.

    The input has four groups of channels: cues on side 0, cues on side 1, recall, and noise. As in NEST's tutorial
    "Tutorial on learning to accumulate evidence", after Bellec et al. 2020, figure 3.
    """

    implementation: ClassVar[str] = "eprop_core.tasks.evidence_accumulation"

    name: Literal["evidence_accumulation"]
    n_cues: Whole = Field(7, ge=1, description="number of cues per sample, odd")
    pause: Whole = Field(50, ge=0, description="steps before each cue")
    cue: Whole = Field(100, ge=1, description="steps of a cue")
    delay: Whole = Field(1050, ge=0, description="steps from the end of the last cue to the recall")
    recall: Whole = Field(150, ge=1, description="steps of the recall, at the end of the sample")
    input_rate: float = Field(
        40.0,
        ge=0,
        description="firing rate of each cue or recall channel while its group is active",
        json_schema_extra={"unit": "spikes/s"},
    )
    bias: float = Field(0.7, ge=0.5, le=1, description="probability that a cue is on the favoured side of its sample")

    @model_validator(mode="after")
    def _sides_differ(self) -> Self:
        if self.n_cues % 2 == 0:
            raise ValueError("n_cues must be odd")
        if self.n_steps >= WHOLE_NUMBERS:
            raise ValueError(f"a sample has {self.n_steps} steps; fewer than {WHOLE_NUMBERS} are allowed")
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of readouts."""
        return 4 * self.channels_per_group, 2

    @property
    def n_steps(self) -> int:
        """Time steps of a sample."""
        return self.n_cues * (self.pause + self.cue) + self.delay + self.recall


class DelayedMatch(Cued):
    """Decide whether two cues, separated by a delay, are the same (delayed match to sample).

    The input has a group of channels for each cue, and a group of noise channels. This is a standard task of working
    memory: the correct answer depends on both cues.
    """

    implementation: ClassVar[str] = "eprop_core.tasks.delayed_match"

    name: Literal["delayed_match"]
    n_cues: Whole = Field(2, ge=2, description="number of different cues")
    cue: Whole = Field(50, ge=1, description="steps of a cue")
    delay: Whole = Field(100, ge=0, description="steps from the first cue to the second")
    decision: Whole = Field(50, ge=1, description="steps of the decision period, after the second cue")
    input_rate: float = Field(
        100.0, ge=0, description="firing rate of each channel during its cue", json_schema_extra={"unit": "spikes/s"}
    )

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of readouts."""
        return (self.n_cues + 1) * self.channels_per_group, 2

    @property
    def n_steps(self) -> int:
        """Time steps of a sample."""
        return 2 * self.cue + self.delay + self.decision
