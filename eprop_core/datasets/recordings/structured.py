"""Recordings in memory: structured arrays with fields t, x, p and, of a sensor with rows, y, as Tonic yields them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import DatasetError
from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.binning import Binning, Tally
from eprop_core.datasets.recordings.classes import Classes
from eprop_core.datasets.recordings.source import Labelled

Spikes = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]


def binned(
    recordings: Iterable[tuple[Any, Any]], binning: Binning, duration: float, classes: Sequence[int | str] | None
) -> tuple[list[Spikes], npt.NDArray[np.int64], int, Tally]:
    """Bin labelled recordings.

    Parameters
    ----------
    recordings
        Pairs of events, a structured array, and label.
    binning
        How events are binned.
    duration
        Of a sample, in the unit of the times.
    classes
        Labels in the order of their numbers; None: the sorted labels of these recordings.

    Returns
    -------
    samples
        Steps and channels of each, as :meth:`Binning.spikes` returns them.
    labels
        int64 (n_samples,), numbers of the classes.
    n_classes
        Number of classes.
    tally
        Numbers of events.

    Raises
    ------
    DatasetError
        If a recording is no such array or does not fit the sensor and the duration.
    """
    samples, labels, tally = [], [], Tally()
    for index, (events, label) in enumerate(recordings):
        where = _place(index)
        fields = getattr(getattr(events, "dtype", None), "names", None) or ()
        if missing := [name for name in "txp" if name not in fields]:
            raise DatasetError(f"{where}: no field {missing[0]}; expected a structured array with fields t, x, (y,) p")
        x, polarity = (numbers.whole_numbers(events[name], name, where) for name in "xp")
        y = numbers.whole_numbers(events["y"], "y", where) if "y" in fields else None
        channels = binning.sensor.checked_channels(x, y, polarity, where)
        samples.append(binning.spikes(numbers.times(events["t"], where), channels, duration, where, tally))
        labels.append(label)
    if not samples:
        raise DatasetError("no recordings; expected at least one")
    labelled = Labelled("recordings", numbers.labels(labels, "labels", "recordings"), _place)
    known = Classes.of(labelled) if classes is None else Classes(classes)
    return samples, known.numbers(labelled), len(known.labels), tally


def _place(index: int) -> str:
    return f"recording {index}"
