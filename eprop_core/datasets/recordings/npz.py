"""``.npz`` files: those of :meth:`EventDataset.save`, and those of the recipe in docs/reference/data.md.

The recipe has the arrays ``times`` (s), ``channels``, ``offsets`` (index of the first event of each sample, and the
number of events), ``labels`` and, if samples have groups, ``groups``. Where signals over time are learned, ``targets``
(mV) take the place of ``labels``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.event_store import fault_of_offsets
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.recordings import numbers
from eprop_core.datasets.recordings.sensor import Sensor
from eprop_core.datasets.recordings.source import Events, Labelled, Learn, Source, sample_of, unlabelled
from eprop_core.datasets.recordings.targets import Targets
from eprop_core.errors import DatasetError
from eprop_core.files.archive import Archive, open_archive
from eprop_core.files.arrays import read_array
from eprop_core.files.regular import reason
from eprop_core.machine import memory
from eprop_core.parsing import visible

_EVENTS = ("times", "channels", "offsets")


def open_npz(path: Path, learn: Learn) -> Source:
    """Return the recordings of a file, with what is learned of them.

    Raises
    ------
    DatasetError
        If the file is damaged or has other arrays.
    """
    recipe = (*_EVENTS, learn)
    expected = f"expected {', '.join(recipe)}, or a file of EventDataset.save"
    try:
        with open_archive(path, str(path)) as archive:
            names = sorted(name.removesuffix(".npy") for name in archive.entries)
            is_recipe = {f"{name}.npy" for name in recipe} <= archive.entries.keys()
            arrays = _arrays(archive, (*recipe, "groups")) if is_recipe else {}
    except DatasetError as error:
        raise DatasetError(f"{path}: damaged, or not an .npz file ({reason(error, path)}); {expected}") from None
    if arrays:
        return _of_recipe(path, arrays, learn)
    if "events" in names:
        return _of_dataset(path, EventDataset.load(path), learn)
    raise DatasetError(f"{path}: has the arrays {visible(', '.join(names)) or 'none'}; {expected}")


def _arrays(archive: Archive, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    entries = {name: archive.entries.get(f"{name}.npy") for name in names}
    sizes = {name: entry.file_size for name, entry in entries.items() if entry is not None}
    free = memory.available()
    if sum(sizes.values()) > free:
        raise DatasetError(f"has arrays of {sum(sizes.values())} bytes; the memory has room for {free}")
    return {name: read_array(archive.read(f"{name}.npy", size), f"{name}.npy") for name, size in sizes.items()}


def _of_recipe(path: Path, arrays: Mapping[str, Any], learn: Learn) -> Source:
    times = numbers.times(arrays["times"], str(path))
    channels = numbers.whole_numbers(arrays["channels"], "channels", str(path))
    offsets = numbers.whole_numbers(arrays["offsets"], "offsets", str(path))
    learned = arrays["targets"] if learn == "targets" else numbers.labels(arrays["labels"], "labels", str(path))
    groups = numbers.labels(arrays["groups"], "groups", str(path)) if "groups" in arrays else None
    if len(channels) != len(times):
        raise DatasetError(f"{path}: {len(times)} times but {len(channels)} channels; expected as many")
    n_samples = len(offsets) - 1
    if learn == "labels" and n_samples != len(learned):
        raise DatasetError(f"{path}: {len(offsets)} offsets but {len(learned)} labels; expected one offset more")
    if groups is not None and len(groups) != n_samples:
        raise DatasetError(f"{path}: {len(groups)} groups but {n_samples} samples; expected as many")
    if fault := fault_of_offsets(offsets, len(times)):
        raise DatasetError(f"{path}: {fault}")

    def read(index: int) -> Events:
        events = slice(offsets[index], offsets[index + 1])
        return times[events], channels[events]

    if learn == "targets":
        targets = Targets.of(str(path), learned.shape, n_samples, learned.__getitem__)
        return Source(unlabelled(str(path), n_samples), read, 1.0, groups=groups, targets=targets)
    return Source(Labelled(str(path), learned, sample_of(path)), read, 1.0, groups=groups)


def _of_dataset(path: Path, dataset: EventDataset, learn: Learn) -> Source:
    if (dataset.n_outputs is None) != (learn == "labels"):
        saved = "labels" if dataset.n_outputs is None else "targets"
        raise DatasetError(f"{path}: has {saved}; expected {learn}, or learn = {saved}")

    def read(index: int) -> Events:
        steps, channels = dataset.sample(index)
        return steps.astype(np.float64), channels.astype(np.int64)

    place, targets = sample_of(path), None
    if dataset.n_outputs is not None:
        targets = Targets(dataset.n_steps, dataset.n_outputs, dataset.target)
    labels = Labelled(str(path), dataset.labels, place, n_classes=dataset.n_classes)
    sensor = Sensor(dataset.n_channels)
    return Source(labels, read, None, sensor=sensor, n_steps=dataset.n_steps, targets=targets)
