"""Recordings with labels, whatever they are read from."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.recordings.sensor import Sensor
from eprop_core.datasets.recordings.targets import Targets
from eprop_core.errors import DatasetError

Events = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]
"""Times and channels of a sample's events, each (n_events,), in any order."""
Learn = Literal["labels", "targets"]
"""What a network learns of a sample: its class, or signals over time."""
Labels = npt.NDArray[np.int64] | npt.NDArray[np.str_]


class Labelled(NamedTuple):
    """Labels of samples."""

    name: str
    """Of the file or folder, for messages."""
    values: Labels
    """(n_samples,), integers or names."""
    place: Callable[[int], str]
    """Returns the name of a sample, for messages."""
    class_names: list[str] | None = None
    """Names of all classes, some of which or whose indices the labels are; None: they are not listed."""
    n_classes: int | None = None
    """None: it is not known beside the labels."""


class Source(NamedTuple):
    """Labelled recordings of one file or folder, which is open as long as they are read."""

    labels: Labelled
    read: Callable[[int], Events]
    """Reads a sample."""
    ticks_per_second: float | None
    """Unit of the times; None: they are time steps."""
    groups: Labels | None = None
    """(n_samples,), for instance speakers; None: there are none."""
    sensor: Sensor | None = None
    """Channels; None: the file does not say."""
    n_steps: int | None = None
    """Of a sample, if times are time steps."""
    targets: Targets | None = None
    """Learned in place of the labels, which are all 0; None: labels are learned."""

    @property
    def name(self) -> str:
        """Name of the file or folder, for messages."""
        return self.labels.name

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.labels.values)

    @property
    def n_outputs(self) -> int | None:
        """Number of signals in the targets; None: labels are learned."""
        return None if self.targets is None else self.targets.n_outputs

    def sensor_or(self, given: Sensor | None) -> Sensor:
        """Return the given channels, or those of the file; raise a :class:`DatasetError` if nothing says them."""
        sensor = given or self.sensor
        if sensor is None:
            raise DatasetError(f"{self.name}: says nothing of its channels; expected n_channels or sensor_size")
        return sensor


def unlabelled(name: str, n_samples: int) -> Labelled:
    """Return the labels of samples that have targets instead: one class, 0."""
    return Labelled(name, np.zeros(n_samples, np.int64), sample_of(name))


def sample_of(path: object) -> Callable[[int], str]:
    """Return a function that names the samples of a file."""
    return lambda index: f"{path}: sample {index}"
