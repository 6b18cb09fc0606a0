"""``.npz`` files: those of :meth:`EventDataset.save`, and those of the recipe in docs/data.md.

The recipe has the arrays ``times`` (s), ``channels``, ``offsets`` (index of the first event of each sample, and the
number of events), ``labels`` and, if samples have groups, ``groups``.
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
from eprop_core.datasets.recordings.source import Events, Labelled, Source, sample_of
from eprop_core.errors import DatasetError, one_line
from eprop_core.files.archive import Archive, open_archive
from eprop_core.files.arrays import read_array
from eprop_core.machine import memory

RECIPE = ("times", "channels", "offsets", "labels")
_EXPECTED = f"expected {', '.join(RECIPE)}, or a file of EventDataset.save"


def open_npz(path: Path) -> Source:
    """Return the recordings of a file.

    Raises
    ------
    DatasetError
        If the file is damaged or has other arrays.
    """
    try:
        with open_archive(path, str(path)) as archive:
            names = sorted(name.removesuffix(".npy") for name in archive.entries)
            arrays = _arrays(archive) if {f"{name}.npy" for name in RECIPE} <= archive.entries.keys() else {}
    except DatasetError as error:
        told = one_line(error).removeprefix(f"{path}: ")
        raise DatasetError(f"{path}: damaged, or not an .npz file ({told}); {_EXPECTED}") from None
    if arrays:
        return _of_recipe(path, arrays)
    if "events" in names:
        return _of_dataset(path, EventDataset.load(path))
    raise DatasetError(f"{path}: has the arrays {', '.join(names) or 'none'}; {_EXPECTED}")


def _arrays(archive: Archive) -> dict[str, npt.NDArray[Any]]:
    entries = {name: archive.entries.get(f"{name}.npy") for name in (*RECIPE, "groups")}
    sizes = {name: entry.file_size for name, entry in entries.items() if entry is not None}
    free = memory.available()
    if sum(sizes.values()) > free:
        raise DatasetError(f"has arrays of {sum(sizes.values())} bytes; the memory has room for {free}")
    return {name: read_array(archive.read(f"{name}.npy", size), f"{name}.npy") for name, size in sizes.items()}


def _of_recipe(path: Path, arrays: Mapping[str, Any]) -> Source:
    times = numbers.times(arrays["times"], str(path))
    channels = numbers.whole_numbers(arrays["channels"], "channels", str(path))
    offsets = numbers.whole_numbers(arrays["offsets"], "offsets", str(path))
    labels = numbers.labels(arrays["labels"], "labels", str(path))
    groups = numbers.labels(arrays["groups"], "groups", str(path)) if "groups" in arrays else None
    if len(channels) != len(times):
        raise DatasetError(f"{path}: {len(times)} times but {len(channels)} channels; expected as many")
    if len(offsets) != len(labels) + 1:
        raise DatasetError(f"{path}: {len(offsets)} offsets but {len(labels)} labels; expected one offset more")
    if groups is not None and len(groups) != len(labels):
        raise DatasetError(f"{path}: {len(groups)} groups but {len(labels)} labels; expected as many")
    if fault := fault_of_offsets(offsets, len(times)):
        raise DatasetError(f"{path}: {fault}")

    def read(index: int) -> Events:
        events = slice(offsets[index], offsets[index + 1])
        return times[events], channels[events]

    return Source(Labelled(str(path), labels, sample_of(path)), read, 1.0, groups=groups)


def _of_dataset(path: Path, dataset: EventDataset) -> Source:
    def read(index: int) -> Events:
        steps, channels = dataset.sample(index)
        return steps.astype(np.float64), channels.astype(np.int64)

    labels = Labelled(str(path), dataset.labels, sample_of(path), n_classes=dataset.n_classes)
    return Source(labels, read, None, sensor=Sensor(dataset.n_channels), n_steps=dataset.n_steps)
