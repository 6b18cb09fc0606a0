"""Parameters of the data sets: names, units, ranges and defaults, in one place."""

from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from eprop_core.datasets.location import needs_download
from eprop_core.parsing import Parameters

N_CLASSES = 10
"""Classes of the handwritten digits."""
SENSOR_SIZE = 34
"""pixels, edge of the square sensor of N-MNIST"""


class DatasetParameters(Parameters):
    """Base of the parameters of data sets; each has a ``name`` of its own, by which it is chosen.

    This module is imported wherever a configuration is read; the data are read by another one.
    """

    implementation: ClassVar[str]
    """Module that reads or makes the data, by a function ``read(parameters)`` that returns
    :class:`eprop_core.datasets.events.Splits`."""
    most_threads: ClassVar[int] = 1
    """Threads on which ``read`` gains time."""

    if TYPE_CHECKING:
        name: str

        @property
        def n_steps(self) -> int:
            """Time steps of a sample: a field or a property."""

    @property
    def sizes(self) -> tuple[int, int] | None:
        """Numbers of input channels and of classes; None if only the data tell them."""
        return None

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return True


class Saccades(Parameters):
    """An event camera that records an image of 28 x 28 pixels while it moves along a triangle in three saccades.

    The defaults are calibrated to N-MNIST; the target `saccades` compares the two.
    """

    sensor_size: int = Field(
        SENSOR_SIZE, ge=4, description="edge of the square sensor", json_schema_extra={"unit": "pixels"}
    )
    image_size: int = Field(
        28, ge=2, description="edge of the image on the sensor", json_schema_extra={"unit": "pixels"}
    )
    top: float = Field(
        1.2, description="row of the image's upper edge at the start", json_schema_extra={"unit": "pixels"}
    )
    left: float = Field(
        0.4, description="column of the image's left edge at the start", json_schema_extra={"unit": "pixels"}
    )
    amplitude: float = Field(
        5.3, gt=0, description="base and height of the triangle", json_schema_extra={"unit": "pixels"}
    )
    saccade_duration: float = Field(
        105.0,
        gt=0,
        description="duration of a saccade with the rest before and after its movement",
        json_schema_extra={"unit": "ms"},
    )
    movement_onset: float = Field(
        3.0, ge=0, description="time from the start of a saccade to its movement", json_schema_extra={"unit": "ms"}
    )
    movement_duration: float = Field(
        88.0, gt=0, description="duration of the movement", json_schema_extra={"unit": "ms"}
    )
    blur: float = Field(
        0.6, ge=0, description="standard deviation of the optics' point spread", json_schema_extra={"unit": "pixels"}
    )
    black_level: float = Field(
        0.2, gt=0, description="luminance of a stroke; that of the background is 1 + black_level"
    )
    threshold_on: float = Field(0.16, gt=0, description="increase of the log luminance that causes an ON event")
    threshold_off: float = Field(0.15, gt=0, description="decrease of the log luminance that causes an OFF event")
    refractory_time: float = Field(
        1.5, ge=0.5, description="time after an event in which a pixel emits no other", json_schema_extra={"unit": "ms"}
    )
    position_jitter: float = Field(
        0.25,
        ge=0,
        description="standard deviation of the position of a recording, cut off at three times this value",
        json_schema_extra={"unit": "pixels"},
    )
    time_jitter: float = Field(
        3.0, ge=0, description="standard deviation of the start of the movement", json_schema_extra={"unit": "ms"}
    )
    leak_rate: float = Field(
        0.33, ge=0, description="events/s of a pixel, rate of ON events without a change of luminance"
    )

    @model_validator(mode="after")
    def _movement_fits_in(self) -> Self:
        if self.movement_onset + self.movement_duration > self.saccade_duration:
            raise ValueError(
                f"movement_onset + movement_duration must not exceed saccade_duration = {self.saccade_duration}"
            )
        return self


def _with_default(name: str, default: float) -> Any:
    """Return a field of :class:`Saccades` with another default."""
    field = copy(Saccades.model_fields[name])
    field.default = default
    return field


class SmallSaccades(Saccades):
    """The event camera for images of 8 x 8 pixels, with a proportionally smaller sensor."""

    sensor_size: int = _with_default("sensor_size", 16)
    image_size: int = _with_default("image_size", 12)
    top: float = _with_default("top", 0.5)
    left: float = _with_default("left", 0.5)
    amplitude: float = _with_default("amplitude", 2.5)
    blur: float = _with_default("blur", 0.3)
    position_jitter: float = _with_default("position_jitter", 0.1)


ActiveChannels = Annotated[
    int | None,
    Field(
        ge=1, description="number of channels to keep, those with the most events in the training samples; null: all"
    ),
]
"""Number of the sensor's channels that are inputs."""


def _sizes(sensor_size: int, active_channels: int | None) -> tuple[int, int]:
    """Return the numbers of input channels, of two polarities per pixel, and of classes."""
    return active_channels or 2 * sensor_size**2, N_CLASSES


class Digits(DatasetParameters):
    """The 1797 handwritten digits of scikit-learn, 8 x 8 pixels, converted to events; no download is needed."""

    implementation: ClassVar[str] = "eprop_core.datasets.digits"

    name: Literal["digits"]
    n_steps: int = Field(100, ge=1, description="time steps of a sample; they span the three saccades")
    test_share: float = Field(
        0.2, gt=0, lt=1, description="fraction of the samples of each class that are test samples"
    )
    active_channels: ActiveChannels = None
    seed: int = Field(
        1,
        ge=0,
        lt=2**64,
        description="seed of the split into training and test samples, and of the noise of the sensor",
    )
    saccades: SmallSaccades = SmallSaccades()

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(self.saccades.sensor_size, self.active_channels)


class Mnist(DatasetParameters):
    """The 70 000 handwritten digits of MNIST, 28 x 28 pixels, converted to events; or other images in its format."""

    implementation: ClassVar[str] = "eprop_core.datasets.mnist"
    most_threads: ClassVar[int] = 8

    name: Literal["mnist"]
    path: str | None = Field(
        None,
        description="directory of the four idx files, of MNIST or of Fashion-MNIST, KMNIST or other images in its "
        "format; null: the folder mnist of EPROP_BENCH_DATA, or a download to EPROP_BENCH_CACHE",
    )
    n_steps: int = Field(300, ge=1, description="time steps of a sample; they span the three saccades")
    train_samples: int | None = Field(None, ge=1, description="number of training samples, the first ones; null: all")
    test_samples: int | None = Field(None, ge=1, description="number of test samples, the first ones; null: all")
    active_channels: ActiveChannels = None
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the noise of the sensor")
    saccades: Saccades = Saccades()

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(self.saccades.sensor_size, self.active_channels)

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return not needs_download("mnist", self.path)


class Nmnist(DatasetParameters):
    """N-MNIST, recordings of MNIST by a moving event camera: 34 x 34 pixels, OFF and ON events."""

    implementation: ClassVar[str] = "eprop_core.datasets.nmnist"
    most_threads: ClassVar[int] = 4

    name: Literal["nmnist"]
    path: str | None = Field(
        None,
        description="directory with Train and Test (directories or .zip files), or the published archive; "
        "null: the folder nmnist of EPROP_BENCH_DATA, or a download to EPROP_BENCH_CACHE",
    )
    n_steps: int = Field(300, ge=1, description="time steps of a sample; they span time_max_us")
    time_max_us: int = Field(
        336040,
        ge=1,
        lt=2**23,
        description="longest recording that is allowed",
        json_schema_extra={"unit": "us"},
    )
    train_samples: int | None = Field(None, ge=1, description="number of training samples, the first ones; null: all")
    test_samples: int | None = Field(None, ge=1, description="number of test samples, the first ones; null: all")
    active_channels: ActiveChannels = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(SENSOR_SIZE, self.active_channels)

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return not needs_download("nmnist", self.path)
