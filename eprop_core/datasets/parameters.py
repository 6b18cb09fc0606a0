"""Parameters of the data sets: names, units, ranges and defaults, in one place."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from eprop_core.datasets.location import needs_download
from eprop_core.parsing import Parameters


class DatasetParameters(Parameters):
    """Base of the parameters of data sets; each has a ``name`` of its own, by which it is chosen.

    This module is imported wherever a configuration is read; the data are read by another one.
    """

    implementation: ClassVar[str]
    """Module that reads or makes the data, by a function ``read(parameters)`` that returns
    :class:`eprop_core.datasets.events.Splits`."""

    if TYPE_CHECKING:
        name: str

        @property
        def n_steps(self) -> int:
            """Time steps of a sample: a field or a property."""

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return True


class Saccades(Parameters):
    """An event camera that looks at an image of 28 x 28 pixels and moves along a triangle in three saccades.

    The defaults are calibrated to N-MNIST; ``eprop_core.experiments.saccades`` measures how well.
    """

    sensor_size: int = Field(34, ge=4, description="pixels, edge of the square sensor")
    image_size: int = Field(28, ge=2, description="pixels, edge of the image on the sensor")
    top: float = Field(1.2, description="pixels, row of the image's upper edge at the start")
    left: float = Field(0.4, description="pixels, column of the image's left edge at the start")
    amplitude: float = Field(5.3, gt=0, description="pixels, base and height of the triangle")
    saccade_duration: float = Field(105.0, gt=0, description="ms, length of a saccade, rest included")
    movement_onset: float = Field(3.0, ge=0, description="ms, rest at the beginning of a saccade")
    movement_duration: float = Field(88.0, gt=0, description="ms, length of its movement; rest follows")
    blur: float = Field(0.6, ge=0, description="pixels, standard deviation of the optics' point spread")
    black_level: float = Field(0.2, gt=0, description="luminance of a stroke, where the ground has 1 + black_level")
    threshold_on: float = Field(0.16, gt=0, description="rise of log luminance that makes an ON event")
    threshold_off: float = Field(0.15, gt=0, description="fall of log luminance that makes an OFF event")
    refractory_time: float = Field(1.5, ge=0.5, description="ms, time after an event in which a pixel is reset")
    position_jitter: float = Field(0.25, ge=0, description="pixels, deviation of a recording's path, cut at 3 times")
    time_jitter: float = Field(3.0, ge=0, description="ms, standard deviation of a recording's start")
    leak_rate: float = Field(
        0.33, ge=0, description="events/s of a pixel, ON events that no change of luminance causes"
    )

    @model_validator(mode="after")
    def _movement_fits_in(self) -> Self:
        if self.movement_onset + self.movement_duration > self.saccade_duration:
            raise ValueError(
                f"movement_onset + movement_duration must not exceed saccade_duration = {self.saccade_duration}"
            )
        return self


class SmallSaccades(Saccades):
    """The same for images of 8 x 8 pixels: a smaller sensor, in proportion."""

    sensor_size: int = Field(16, ge=4, description="pixels, edge of the square sensor")
    image_size: int = Field(12, ge=2, description="pixels, edge of the image on the sensor")
    top: float = Field(0.5, description="pixels, row of the image's upper edge at the start")
    left: float = Field(0.5, description="pixels, column of the image's left edge at the start")
    amplitude: float = Field(2.5, gt=0, description="pixels, base and height of the triangle")
    blur: float = Field(0.3, ge=0, description="pixels, standard deviation of the optics' point spread")
    position_jitter: float = Field(0.1, ge=0, description="pixels, deviation of a recording's path, cut at 3 times")


ActiveChannels = Annotated[
    int | None, Field(ge=1, description="keep so many channels, those most active in training; null: all")
]
"""How many of the sensor's channels are inputs."""


class Digits(DatasetParameters):
    """The 1797 handwritten digits of scikit-learn, 8 x 8 pixels, turned into events; needs no download."""

    implementation: ClassVar[str] = "eprop_core.datasets.digits"

    name: Literal["digits"]
    n_steps: int = Field(100, ge=1, description="time steps of a sample; they span the three saccades")
    test_share: float = Field(0.2, gt=0, lt=1, description="share of the samples held out for the test, of each class")
    active_channels: ActiveChannels = None
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the split and of the sensor's noise")
    saccades: SmallSaccades = SmallSaccades()


class Mnist(DatasetParameters):
    """The 70 000 handwritten digits of MNIST, 28 x 28 pixels, turned into events."""

    implementation: ClassVar[str] = "eprop_core.datasets.mnist"

    name: Literal["mnist"]
    path: str | None = Field(
        None, description="directory of the four idx files; null: in EPROP_BENCH_DATA, or download to EPROP_BENCH_CACHE"
    )
    n_steps: int = Field(300, ge=1, description="time steps of a sample; they span the three saccades")
    train_samples: int | None = Field(None, ge=1, description="the first so many training samples; null: all")
    test_samples: int | None = Field(None, ge=1, description="the first so many test samples; null: all")
    active_channels: ActiveChannels = None
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the sensor's noise")
    saccades: Saccades = Saccades()

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return not needs_download("mnist", self.path)


class Nmnist(DatasetParameters):
    """N-MNIST, the recordings of MNIST by a moving event camera; 34 x 34 pixels, OFF and ON events."""

    implementation: ClassVar[str] = "eprop_core.datasets.nmnist"

    name: Literal["nmnist"]
    path: str | None = Field(
        None,
        description="directory with Train and Test (as directories or .zip), or the published archive; "
        "null: in EPROP_BENCH_DATA, or download to EPROP_BENCH_CACHE",
    )
    n_steps: int = Field(300, ge=1, description="time steps of a sample; they span time_max_us")
    time_max_us: int = Field(336040, ge=1, lt=2**23, description="us, the longest time that a recording may have")
    train_samples: int | None = Field(None, ge=1, description="the first so many training samples; null: all")
    test_samples: int | None = Field(None, ge=1, description="the first so many test samples; null: all")
    active_channels: ActiveChannels = None

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return not needs_download("nmnist", self.path)
