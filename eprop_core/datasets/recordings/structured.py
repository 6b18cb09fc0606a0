"""Recordings in memory: structured arrays with fields t, x, p and, of a sensor with rows, y, as Tonic yields them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import Sample
from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.binning import Binning, Tally
from eprop_core.datasets.recordings.classes import Classes
from eprop_core.datasets.recordings.source import Labelled
from eprop_core.errors import DatasetError


class StructuredArrays:
    """Labelled recordings, which are read once, one after the other.

    Parameters
    ----------
    recordings
        Pairs of events, a structured array, and label.
    binning
        How events are binned.
    duration
        Of a sample, in the unit of the times.
    """

    def __init__(self, recordings: Iterable[tuple[Any, Any]], binning: Binning, duration: float) -> None:
        self.tally = Tally()
        self._recordings, self._binning, self._duration = recordings, binning, duration
        self._labels: list[Any] = []

    def samples(self) -> Iterator[Sample]:
        """Yield steps and channels of each sample.

        Raises
        ------
        DatasetError
            If a recording is no such array or does not fit the sensor and the duration.
        """
        for index, (events, label) in enumerate(self._recordings):
            where = _place(index)
            fields = getattr(getattr(events, "dtype", None), "names", None) or ()
            if missing := [name for name in "txp" if name not in fields]:
                raise DatasetError(f"{where}: no field {missing[0]}; expected a structured array of t, x, (y,) p")
            x, polarity = (numbers.whole_numbers(events[name], name, where) for name in "xp")
            y = numbers.whole_numbers(events["y"], "y", where) if "y" in fields else None
            channels = self._binning.sensor.checked_channels(x, y, polarity, where)
            self._labels.append(label)
            yield self._binning.spikes(numbers.times(events["t"], where), channels, self._duration, where, self.tally)

    def numbers(self, classes: Sequence[int | str] | None) -> tuple[npt.NDArray[np.int64], int]:
        """Return the number of each sample's class, int64 (n_samples,), and the number of classes.

        Parameters
        ----------
        classes
            Labels in the order of their numbers; None: the sorted labels of these recordings.

        Raises
        ------
        DatasetError
            If there are no recordings, or a label is none of the classes'.
        """
        if not self._labels:
            raise DatasetError("no recordings; expected at least one")
        labels = Labelled("recordings", numbers.labels(self._labels, "labels", "recordings"), _place)
        known = Classes.of(labels) if classes is None else Classes(classes)
        return known.numbers(labels), len(known.labels)


def _place(index: int) -> str:
    return f"recording {index}"
