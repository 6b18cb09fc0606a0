"""A folder of recordings in N-MNIST's binary format: a folder for each class, a file ``*.bin`` for each recording."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from eprop_core.datasets.layout import LARGEST_RECORDING, recordings_by_class
from eprop_core.datasets.recordings.nmnist_format import unpack
from eprop_core.datasets.recordings.numbers import composed
from eprop_core.datasets.recordings.sensor import Sensor
from eprop_core.datasets.recordings.source import Events, Labelled, Learn, Source
from eprop_core.errors import DatasetError
from eprop_core.files.litter import is_litter
from eprop_core.files.regular import open_regular, read_at_most

_TICKS_PER_SECOND = 1e6


def open_folder(path: Path, sensor: Sensor | None, learn: Learn) -> Source:
    """Return the recordings of a folder, sorted by file name, then by class.

    Raises
    ------
    DatasetError
        If files are missing or of another kind, here or when a sample is read.
    """
    if learn == "targets":
        raise DatasetError(f"{path}: is a folder of classes, without targets; expected HDF5 or .npz to learn targets")
    if sensor is None or sensor == Sensor(sensor.n_channels):
        raise DatasetError(f"{path}: is a folder; expected sensor_size, such as [34, 34, 2], to read its recordings")
    try:
        recordings = recordings_by_class(path)
        classes = list(recordings)
        outside = [entry for entry in path.iterdir() if entry.suffix.lower() == ".bin" and entry.name not in classes]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    if not classes:
        raise DatasetError(f"{path}: no folders in it; expected a folder for each class, with files *.bin")
    if empty := [name for name, of_class in recordings.items() if not of_class]:
        raise DatasetError(f"{path / empty[0]}: no recording; expected files *.bin in the folder of a class")
    if outside := [entry for entry in outside if not is_litter(entry.name)]:
        raise DatasetError(f"{outside[0]}: is in no folder of a class; expected a folder for each class")
    files = [file for of_class in recordings.values() for file in of_class]
    files.sort(key=lambda file: (file.name, file.parent.name))
    if all(name.isdecimal() for name in classes):
        classes.sort(key=int)
        for name, following in pairwise(classes):
            if int(name) == int(following):
                raise DatasetError(f"{path}: folders {name} and {following} are one number; expected different classes")

    def read(index: int) -> Events:
        file = files[index]
        try:
            with open_regular(file) as opened:
                data = read_at_most(opened, LARGEST_RECORDING + 1)
        except OSError as error:
            raise DatasetError(f"{file}: cannot be read ({error.strerror})") from None
        events = unpack([data], [str(file)])
        x, y, polarity = (values.astype(np.int64) for values in (events.x, events.y, events.polarity))
        return events.times.astype(np.float64), sensor.checked_channels(x, y, polarity, str(file))

    labels, names = (
        np.array([composed(name) for name in of]) for of in ((file.parent.name for file in files), classes)
    )
    labelled = Labelled(str(path), labels, lambda index: str(files[index]), class_names=names.tolist())
    return Source(labelled, read, _TICKS_PER_SECOND, sensor=sensor)
