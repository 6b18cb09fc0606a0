"""Parameters of the data sets: names, units, ranges and defaults, in one place."""

import math
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from eprop_core.datasets.layout import GZIP, HDF5, IDX, ZIP
from eprop_core.datasets.location import HEIDELBERG, local_files, needs_download
from eprop_core.errors import DatasetError
from eprop_core.parsing import FileName, Parameters, Pattern, Whole, different
from eprop_core.plug_ins import Call

N_CLASSES = 10
"""Classes of the handwritten digits."""
N_DIGITS = 1797
"""Handwritten digits of scikit-learn."""
SENSOR_SIZE = 34
"""pixels, edge of the square sensor of N-MNIST"""
MOST_CLASSES = 2**16
"""Classes of recordings."""
IMAGE_SIZE = 28
"""pixels, edge of an image of MNIST, and of its recording in N-MNIST"""
VALIDATION_SHARE = 0.1
"""Fraction of the training samples that are held out if neither the training parameters nor the data set define it."""
HELD_OUT = (
    f"{100 * VALIDATION_SHARE:g} % of them are held out for validation, unless training.validation_share or the data "
    "set says otherwise"
)
"""Sentence for the descriptions of numbers of training samples."""
TrainSamples = Annotated[
    Whole | None,
    Field(ge=1, description=f"number of training samples, the first ones; {HELD_OUT}; null: all"),
]
TestSamples = Annotated[Whole | None, Field(ge=1, description="number of test samples, the first ones; null: all")]


def check_enough(key: str, n_samples: int | None, available: int) -> None:
    """Raise a :class:`DatasetError` where the parameter ``key`` asks for more samples than there are; None: for all."""
    if n_samples is not None and n_samples > available:
        raise DatasetError(f"{key} = {n_samples}: must not exceed the {available} samples that the data set has")


READ = Call("read", ("parameters",))
"""How a data set is read or made, see :class:`DatasetParameters`."""
IS_HERE = Call("is_here", ())
"""How its parameters are asked whether it is on this machine."""


class StatedByDataset(Parameters):
    """Required fields or properties of the parameters of a data set, by which plug-ins are checked."""

    n_steps: Whole = Field(ge=1)
    sizes: tuple[Annotated[Whole, Field(ge=1)], Annotated[Whole, Field(ge=1)]] | None
    has_accuracy: bool
    has_validation: bool
    n_training_samples: Annotated[Whole, Field(ge=1)] | None
    n_test_samples: Annotated[Whole, Field(ge=1)] | None
    source_files: tuple[FileName, ...]
    most_threads: Whole = Field(ge=1)
    preparation_mb: Whole = Field(ge=1)


class DatasetParameters(Parameters):
    """Base of the parameters of data sets; each has a ``name`` of its own, by which it is chosen.

    This module is imported wherever a configuration is read; the data are read by another one.
    """

    implementation: ClassVar[str]
    """Module that reads or makes the data, by a function ``read(parameters)`` that returns
    :class:`eprop_core.datasets.events.Splits`."""
    source_starts: ClassVar[tuple[bytes, ...]] = ()
    """Allowed first bytes of ``source_files``; another file is not read further, as it may be endless. Empty: any."""
    most_threads: ClassVar[int] = 1
    """Threads on which ``read`` gains time."""
    preparation_mb: ClassVar[int] = 150
    """Memory that ``read`` takes: data are read and written piece by piece."""

    if TYPE_CHECKING:
        name: str

        @property
        def n_steps(self) -> int:
            """Time steps of a sample: a field or a property."""

    @property
    def sizes(self) -> tuple[int, int] | None:
        """Numbers of input channels and of classes; None if they are unknown until the data are read."""
        return None

    @property
    def has_validation(self) -> bool:
        """Whether the data set has validation samples of its own."""
        return False

    @property
    def n_training_samples(self) -> int | None:
        """Number of training samples without validation samples of its own; None if unknown until the data are read."""
        return getattr(self, "train_samples", None)

    @property
    def n_test_samples(self) -> int | None:
        """Number of test samples; None if unknown until the data are read."""
        return getattr(self, "test_samples", None)

    @property
    def has_accuracy(self) -> bool:
        """Whether answers are right or wrong; otherwise samples have targets, and a run is judged by its loss."""
        return True

    @property
    def source_files(self) -> tuple[str, ...]:
        """Files and folders of the user's: a change of their content repeats the preparation."""
        return ()

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return True


class Published(DatasetParameters):
    """Base of the parameters of published data sets: their files are somewhere on this machine, or are downloaded."""

    if TYPE_CHECKING:
        path: str | None
        """A field: where the files are; None: in EPROP_BENCH_DATA, or in the cache of downloads."""

    @property
    def address(self) -> str | None:
        """Of the folder that files are downloaded from; None: the one where they were published."""
        return None

    @property
    def source_files(self) -> tuple[str, ...]:
        """Files of a local copy; downloads have checksums of their own."""
        return local_files(self.name, self.path)

    def is_here(self) -> bool:
        """Return whether the data can be read without a download."""
        return not needs_download(self.name, self.path)


class Saccades(Parameters):
    """Simulated event camera that records an image of 28 x 28 pixels during three saccades along a triangle.

    The defaults are calibrated to N-MNIST; the target `saccades` compares simulated and recorded events.
    """

    sensor_size: Whole = Field(
        SENSOR_SIZE, ge=4, description="edge of the square sensor", json_schema_extra={"unit": "pixels"}
    )
    image_size: Whole = Field(
        IMAGE_SIZE, ge=2, description="edge of the image on the sensor", json_schema_extra={"unit": "pixels"}
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
        description="duration of a saccade, including the rest before and after the movement",
        json_schema_extra={"unit": "ms"},
    )
    movement_onset: float = Field(
        3.0,
        ge=0,
        description="time from the start of a saccade to the onset of the movement",
        json_schema_extra={"unit": "ms"},
    )
    movement_duration: float = Field(
        88.0, gt=0, description="duration of the movement", json_schema_extra={"unit": "ms"}
    )
    blur: float = Field(
        0.6,
        ge=0,
        description="standard deviation of the (Gaussian) point spread function of the optics",
        json_schema_extra={"unit": "pixels"},
    )
    black_level: float = Field(
        0.2, gt=0, description="luminance of a stroke; that of the background is 1 + black_level"
    )
    threshold_on: float = Field(0.16, gt=0, description="increase of the log luminance that causes an ON event")
    threshold_off: float = Field(0.15, gt=0, description="decrease of the log luminance that causes an OFF event")
    refractory_time: float = Field(
        1.5, ge=0.5, description="refractory period of a pixel after an event", json_schema_extra={"unit": "ms"}
    )
    position_jitter: float = Field(
        0.25,
        ge=0,
        description="standard deviation of the position of the image, truncated at three times this value",
        json_schema_extra={"unit": "pixels"},
    )
    time_jitter: float = Field(
        3.0, ge=0, description="standard deviation of the onset of the movement", json_schema_extra={"unit": "ms"}
    )
    leak_rate: float = Field(
        0.33, ge=0, description="events/s per pixel, rate of ON events without a change of luminance"
    )

    @model_validator(mode="after")
    def _movement_fits_in(self) -> Self:
        if self.movement_onset + self.movement_duration > self.saccade_duration:
            raise ValueError(
                f"movement_onset + movement_duration must not exceed saccade_duration = {self.saccade_duration}"
            )
        return self


def _with_default(model: type[Parameters], name: str, default: Any) -> Any:
    """Return a field of a model with another default."""
    field = copy(model.model_fields[name])
    field.default = default
    return field


class SmallSaccades(Saccades):
    """Simulated event camera for images of 8 x 8 pixels, with a proportionally smaller sensor."""

    sensor_size: Whole = _with_default(Saccades, "sensor_size", 16)
    image_size: Whole = _with_default(Saccades, "image_size", 12)
    top: float = _with_default(Saccades, "top", 0.5)
    left: float = _with_default(Saccades, "left", 0.5)
    amplitude: float = _with_default(Saccades, "amplitude", 2.5)
    blur: float = _with_default(Saccades, "blur", 0.3)
    position_jitter: float = _with_default(Saccades, "position_jitter", 0.1)


ActiveChannels = Annotated[
    Whole | None,
    Field(ge=1, description="number of input channels, those with the most events in the training samples; null: all"),
]
"""Number of the sensor's channels that are inputs."""


def _check_active_channels(active_channels: int | None, sensor_size: int) -> None:
    """Raise a ValueError for more channels than two polarities of each pixel."""
    if active_channels is not None and active_channels > (n_channels := 2 * sensor_size**2):
        raise ValueError(
            f"active_channels = {active_channels}: must not exceed {n_channels}, two for each pixel of the sensor"
        )


def _sizes(sensor_size: int, active_channels: int | None) -> tuple[int, int]:
    """Return the numbers of input channels, of two polarities per pixel, and of classes."""
    return active_channels or 2 * sensor_size**2, N_CLASSES


class Digits(DatasetParameters):
    """The 1797 handwritten digits of scikit-learn, 8 x 8 pixels, converted to events; no download is needed."""

    implementation: ClassVar[str] = "eprop_core.datasets.digits"
    preparation_mb: ClassVar[int] = 330

    name: Literal["digits"]
    n_steps: Whole = Field(100, ge=1, description="number of time steps of a sample; they span the three saccades")
    test_share: float = Field(
        0.2, gt=0, lt=1, description="fraction of the samples of each class that is used as test samples"
    )
    train_samples: TrainSamples = None
    test_samples: TestSamples = None
    active_channels: ActiveChannels = None
    seed: int = Field(
        1,
        ge=0,
        lt=2**64,
        description="seed of the split into training and test samples, and of the sensor noise",
    )
    saccades: SmallSaccades = SmallSaccades()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        _check_active_channels(self.active_channels, self.saccades.sensor_size)
        n_train, n_test = self._split
        fewest = min(n_train, n_test)
        if fewest < N_CLASSES:
            raise ValueError(
                f"test_share = {self.test_share}: leaves {fewest} of {N_DIGITS} samples to learn or to test, but each "
                f"of the {N_CLASSES} classes needs one"
            )
        check_enough("train_samples", self.train_samples, n_train)
        check_enough("test_samples", self.test_samples, n_test)
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(self.saccades.sensor_size, self.active_channels)

    @property
    def n_training_samples(self) -> int:
        """Number of training samples."""
        return self.train_samples or self._split[0]

    @property
    def n_test_samples(self) -> int:
        """Number of test samples."""
        return self.test_samples or self._split[1]

    @property
    def _split(self) -> tuple[int, int]:
        """Numbers of training and of test samples in the whole set."""
        n_test = math.ceil(self.test_share * N_DIGITS)
        return N_DIGITS - n_test, n_test


class Mnist(Published):
    """The 70 000 handwritten digits of MNIST, 28 x 28 pixels, converted to events; or other images in its format."""

    implementation: ClassVar[str] = "eprop_core.datasets.mnist"
    source_starts: ClassVar[tuple[bytes, ...]] = (GZIP, IDX)
    preparation_mb: ClassVar[int] = 280
    most_threads: ClassVar[int] = 8

    name: Literal["mnist"]
    path: FileName | None = Field(
        None,
        description="directory of the four idx files of MNIST, Fashion-MNIST, KMNIST or other images in this "
        "format; null: the folder mnist of EPROP_BENCH_DATA, or a download to EPROP_BENCH_CACHE",
    )
    n_steps: Whole = Field(300, ge=1, description="number of time steps of a sample; they span the three saccades")
    train_samples: TrainSamples = None
    test_samples: TestSamples = None
    active_channels: ActiveChannels = None
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the sensor noise")
    saccades: Saccades = Saccades()

    @model_validator(mode="after")
    def _has_active_channels(self) -> Self:
        _check_active_channels(self.active_channels, self.saccades.sensor_size)
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(self.saccades.sensor_size, self.active_channels)


class Nmnist(Published):
    """N-MNIST, recordings of MNIST by a moving event camera: 34 x 34 pixels, OFF and ON events."""

    implementation: ClassVar[str] = "eprop_core.datasets.nmnist"
    source_starts: ClassVar[tuple[bytes, ...]] = (ZIP,)
    most_threads: ClassVar[int] = 4

    name: Literal["nmnist"]
    path: FileName | None = Field(
        None,
        description="directory with Train and Test (directories or .zip files), or the published archive; "
        "null: the folder nmnist of EPROP_BENCH_DATA, or a download to EPROP_BENCH_CACHE",
    )
    n_steps: Whole = Field(300, ge=1, description="number of time steps of a sample; they span time_max_us")
    time_max_us: int = Field(
        336040,
        ge=1,
        lt=2**23,
        description="maximum duration of a recording",
        json_schema_extra={"unit": "us"},
    )
    train_samples: TrainSamples = None
    test_samples: TestSamples = None
    active_channels: ActiveChannels = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        _check_active_channels(self.active_channels, SENSOR_SIZE)
        if self.n_steps > self.time_max_us:
            raise ValueError(
                f"n_steps = {self.n_steps}: must not exceed time_max_us = {self.time_max_us}, a step for each us"
            )
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return _sizes(SENSOR_SIZE, self.active_channels)


class Recordings(DatasetParameters):
    """Base of the parameters of data sets whose events have times, which are binned into time steps."""

    n_steps: Whole = Field(ge=1, description="number of time steps of a sample; they span duration")
    duration: float | None = Field(
        None,
        ge=1e-9,
        description="duration of a sample; null for files written by EventDataset.save, whose events have steps "
        "instead of times. An event at time t is in the step floor(t / duration * n_steps)",
        json_schema_extra={"unit": "s"},
    )
    events_beyond: Literal["error", "cut"] = Field(
        "error",
        description="events at or after the end of a sample. error: the data set is refused; cut: these events are "
        "dropped, and their number is reported",
    )
    align: Literal["start", "end"] = Field(
        "start",
        description="alignment of samples that are shorter than duration. start: time 0 is the first step; end: the "
        "last event is in the last step, so that samples end in the learning window",
    )
    pooling: Whole = Field(
        1,
        ge=1,
        description="number of neighbouring channels merged into one; with sensor_size, of pixels in each direction",
    )
    train_samples: TrainSamples = None
    test_samples: TestSamples = None


class Events(Recordings):
    """Recordings of your own: HDF5 as of SHD, ``.npz``, or folders in the format of N-MNIST (docs/reference)."""

    implementation: ClassVar[str] = "eprop_core.datasets.recordings.read"
    source_starts: ClassVar[tuple[bytes, ...]] = (HDF5, ZIP)

    name: Literal["events"]
    train: FileName = Field(
        description="file or folder of the training samples; the format is detected from its content"
    )
    learn: Literal["labels", "targets"] = Field(
        "labels",
        description="labels: classification; targets: regression of signals over time (mV) by the readouts, with the "
        "mean squared error",
    )
    test: FileName | None = Field(None, description="file or folder of the test samples; null: test_share of train")
    test_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="fraction of the samples in train used as test samples, drawn class by class; null: test is given",
    )
    validation: FileName | None = Field(
        None, description="file or folder of the validation samples (see training.validation_share)"
    )
    validation_groups: Annotated[list[Whole | str], AfterValidator(different)] | None = Field(
        None,
        min_length=1,
        description="groups in the training file, for instance speakers, whose samples are used for validation (see "
        "training.validation_share)",
    )
    n_channels: Whole | None = Field(
        None,
        ge=1,
        description="number of channels of the files, before pooling; null: as given by the files or sensor_size",
    )
    sensor_size: list[Annotated[int, Field(ge=1, lt=2**15)]] | None = Field(
        None,
        min_length=3,
        max_length=3,
        description="width, height and number of polarities of the sensor, before pooling: a channel is "
        "(polarity * height + y) * width + x; null: channels have no position",
    )
    n_classes: int | None = Field(
        None,
        ge=2,
        le=MOST_CLASSES,
        description="number of classes if labels are integers from 0; null: that of the training samples",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="seed of the random choice of test samples by test_share")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if (self.test is None) == (self.test_share is None):
            raise ValueError("either test or test_share must be given")
        if self.validation is not None and self.validation_groups is not None:
            raise ValueError("validation and validation_groups exclude one another")
        if self.n_channels is not None and self.sensor_size is not None:
            raise ValueError("n_channels and sensor_size exclude one another")
        if self.learn == "targets" and self.n_classes is not None:
            raise ValueError("n_classes must be null where targets are learned")
        if self.learn == "targets" and self.align == "end":
            raise ValueError("align must be start where targets are learned, which begin with the sample")
        return self

    @property
    def has_accuracy(self) -> bool:
        """Whether answers are right or wrong."""
        return self.learn == "labels"

    @property
    def has_validation(self) -> bool:
        """Whether the data set has validation samples of its own."""
        return self.validation is not None or self.validation_groups is not None

    @property
    def source_files(self) -> tuple[str, ...]:
        """Files and folders of the user's: a change of their content repeats the preparation."""
        return tuple(file for file in (self.train, self.validation, self.test) if file is not None)


class HeidelbergRecordings(Published, Recordings):
    """Base of the parameters of SHD and SSC: spoken words, converted to spikes by a model of the inner ear."""

    source_starts: ClassVar[tuple[bytes, ...]] = (HDF5, ZIP)

    path: FileName | None = Field(
        None,
        description="directory with the published files (.h5 or .h5.zip); null: the folder of this name in "
        "EPROP_BENCH_DATA, or a download to EPROP_BENCH_CACHE",
    )
    url: Annotated[str, Pattern(r"^https://[!-~]+$", "begin with https:// and be ASCII without spaces")] = Field(
        HEIDELBERG, description="address of the published files, for the download"
    )
    events_beyond: Literal["error", "cut"] = _with_default(Recordings, "events_beyond", "cut")

    @property
    def has_validation(self) -> bool:
        """Whether the data set has validation samples of its own."""
        return True

    @property
    def address(self) -> str:
        """Of the folder that files are downloaded from."""
        return self.url


class Shd(HeidelbergRecordings):
    """Spiking Heidelberg Digits: spoken digits in German and English, 700 channels, 20 classes."""

    implementation: ClassVar[str] = "eprop_core.datasets.recordings.heidelberg"

    name: Literal["shd"]
    n_steps: Whole = _with_default(Recordings, "n_steps", 140)
    duration: float = _with_default(Recordings, "duration", 1.4)
    validation_speakers: Annotated[list[Whole], AfterValidator(different)] = Field(
        [9, 11],
        min_length=1,
        description="speakers whose training samples serve as validation; speakers 4 and 5 are only in the test set",
    )


class Ssc(HeidelbergRecordings):
    """Spiking Speech Commands: spoken words, 700 channels, 35 classes, with a validation file of its own."""

    implementation: ClassVar[str] = "eprop_core.datasets.recordings.heidelberg"

    name: Literal["ssc"]
    n_steps: Whole = _with_default(Recordings, "n_steps", 100)
    duration: float = _with_default(Recordings, "duration", 1.0)


class SyntheticSpeech(Recordings):
    """Synthetic spoken digits: ten sequences of synthesized vowels, four of which differ only in their order."""

    implementation: ClassVar[str] = "eprop_core.datasets.recordings.synthetic_speech"
    preparation_mb: ClassVar[int] = 100

    name: Literal["synthetic_speech"]
    n_steps: Whole = _with_default(Recordings, "n_steps", 150)
    duration: float = _with_default(Recordings, "duration", 0.6)
    align: Literal["start", "end"] = _with_default(Recordings, "align", "end")
    n_filters: int = Field(
        128, ge=2, lt=2**16, description="number of filters of the simulated cochlea, which are the channels"
    )
    n_speakers: Whole = Field(10, ge=2, description="number of speakers of the training and validation samples")
    n_test_speakers: Whole = Field(4, ge=1, description="number of further speakers, of the test samples")
    validation_speakers: Annotated[list[Whole], AfterValidator(different)] = Field(
        [8, 9], min_length=1, description="speakers, from 0, whose training samples are used for validation"
    )
    samples_per_word: Whole = Field(15, ge=1, description="number of samples per word and speaker")
    seed: int = Field(1, ge=0, lt=2**32, description="seed of speakers and samples")

    @model_validator(mode="after")
    def _some_speakers_are_learned(self) -> Self:
        if not set(self.validation_speakers) < set(range(self.n_speakers)):
            raise ValueError(f"validation_speakers must be some, not all, of 0 to {self.n_speakers - 1}")
        return self

    @model_validator(mode="after")
    def _has_samples(self) -> Self:
        check_enough("train_samples", self.train_samples, self._n_samples_of(self._n_learned_speakers))
        check_enough("test_samples", self.test_samples, self._n_samples_of(self.n_test_speakers))
        return self

    @property
    def _n_learned_speakers(self) -> int:
        return self.n_speakers - len(self.validation_speakers)

    def _n_samples_of(self, n_speakers: int) -> int:
        return n_speakers * N_CLASSES * self.samples_per_word

    @property
    def n_training_samples(self) -> int:
        """Number of training samples but those of the validation speakers."""
        return self.train_samples or self._n_samples_of(self._n_learned_speakers)

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of input channels and of classes."""
        return -(-self.n_filters // self.pooling), N_CLASSES

    @property
    def has_validation(self) -> bool:
        """Whether the data set has validation samples of its own."""
        return True
