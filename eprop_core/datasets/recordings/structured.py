"""Recordings in memory: structured arrays with fields t, x, p and, of a sensor with rows, y, as Tonic yields them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import Sample
from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.binning import Binning, Tally
from eprop_core.datasets.recordings.classes import NO_CLASSES, Classes
from eprop_core.datasets.recordings.source import Labelled, Learn
from eprop_core.datasets.recordings.targets import in_steps
from eprop_core.errors import DatasetError
from eprop_core.parsing import ParameterError, shown


def check_types(recordings: Any, duration: Any, time_unit: Any, sensor_size: Any, classes: Any) -> None:
    """Check parameters of recordings in memory before they are used.

    Raises
    ------
    ParameterError
        A wrong type, or a ``time_unit`` that is no finite number above 0.
    """
    if not hasattr(recordings, "__iter__") and not hasattr(recordings, "__getitem__"):
        raise ParameterError(f"recordings: must be pairs of events and label, not {type(recordings).__name__}")
    for name, value in (("duration", duration), ("time_unit", time_unit)):
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ParameterError(f"{name} = {shown(value)}: must be a number")
    if not 0.0 < time_unit < math.inf:
        raise ParameterError(f"time_unit = {time_unit}: must be a finite number above 0")
    if isinstance(sensor_size, str) or not isinstance(sensor_size, Sequence | np.ndarray):
        raise ParameterError(f"sensor_size = {shown(sensor_size)}: must be width, height and number of polarities")
    if classes is not None and (
        isinstance(classes, str)
        or not isinstance(classes, Sequence | np.ndarray)
        or np.ndim(classes) != 1
        or not all(isinstance(label, int | str | np.integer) for label in classes)
    ):
        raise ParameterError(f"classes = {shown(classes)}: must be a list of integers or of names")


class StructuredArrays:
    """Recordings with labels or targets, which are read once, one after the other.

    Parameters
    ----------
    recordings
        Pairs of events, a structured array, and label or target.
    binning
        How events are binned.
    duration
        Of a sample, in the unit of the times.
    learn
        What the second of a pair is.
    """

    def __init__(self, recordings: Iterable[Any], binning: Binning, duration: float, learn: Learn) -> None:
        self.tally = Tally()
        self._recordings, self._binning, self._duration, self._learn = recordings, binning, duration, learn
        self.learned: list[Any] = []
        """Label of each sample, or its target, once it is read."""

    def samples(self) -> Iterator[Sample]:
        """Yield steps and channels of each sample.

        Raises
        ------
        DatasetError
            If a recording is no such pair, does not fit the sensor and the duration, or if there are no events at all.
        """
        for index, pair in enumerate(self._recordings):
            where = _place(index)
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise DatasetError(f"{where}: {type(pair).__name__}; expected a pair of events and {self._learn[:-1]}")
            events, learned = pair
            fields = getattr(getattr(events, "dtype", None), "names", None) or ()
            if missing := [name for name in "txp" if name not in fields]:
                raise DatasetError(f"{where}: no field {missing[0]}; expected a structured array of t, x, (y,) p")
            if any(np.ma.is_masked(events[name]) for name in fields):
                raise DatasetError(f"{where}: has masked events; expected an array all of whose events count")
            x, polarity = (numbers.whole_numbers(events[name], name, where) for name in "xp")
            y = numbers.whole_numbers(events["y"], "y", where) if "y" in fields else None
            channels = self._binning.sensor.checked_channels(x, y, polarity, where)
            self.learned.append(
                in_steps(learned, self._binning.n_steps, where) if self._learn == "targets" else learned
            )
            yield self._binning.spikes(numbers.times(events["t"], where), channels, self._duration, where, self.tally)
        if not self.learned:
            raise DatasetError("no recordings; expected at least one")
        if self.tally.empty_samples == len(self.learned):
            raise DatasetError("no events in any of the recordings; expected some")

    def numbers(self, classes: Sequence[int | str] | None) -> tuple[npt.NDArray[np.int64], int]:
        """Return the number of each sample's class, int64 (n_samples,), and the number of classes.

        Parameters
        ----------
        classes
            Labels in the order of their numbers; None: the sorted labels of these recordings.

        Raises
        ------
        DatasetError
            If a label is none of the classes'.
        """
        if self._learn == "targets":
            return np.zeros(len(self.learned), np.int64), len(NO_CLASSES.labels)
        labels = Labelled("recordings", numbers.labels(self.learned, "labels", "recordings"), _place)
        known = Classes.of(labels) if classes is None else Classes.listed(classes)
        return known.numbers(labels), len(known.labels)


def _place(index: int) -> str:
    return f"recording {index}"
