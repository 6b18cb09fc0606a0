"""Recordings of the user's own, from files to events in time steps."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.events import EventDataset, Splits, check_enough
from eprop_core.datasets.parameters import Events
from eprop_core.datasets.recordings.binning import Binning, Tally
from eprop_core.datasets.recordings.classes import Classes
from eprop_core.datasets.recordings.opening import open_recordings, origin_of
from eprop_core.datasets.recordings.sensor import Sensor, sensor_of
from eprop_core.datasets.recordings.source import Source
from eprop_core.errors import DatasetError
from eprop_core.files.regular import user_path
from eprop_core.progress import progress

Indices = npt.NDArray[np.int64]


def read(parameters: Events) -> Splits:
    """Read training, test and validation samples.

    Raises
    ------
    DatasetError
        If a file is missing, damaged or does not fit the parameters; the message names the file, the sample and what
        was expected.
    """
    sensor = sensor_of(parameters.n_channels, parameters.sensor_size)
    files = {"train": parameters.train, "validation": parameters.validation, "test": parameters.test}
    with ExitStack() as stack:
        sources = {
            name: stack.enter_context(open_recordings(user_path(path), sensor))
            for name, path in files.items()
            if path is not None
        }
        train = sources["train"]
        sensor = train.sensor_or(sensor)
        binning = Binning(sensor, parameters.n_steps, parameters.pooling, parameters.events_beyond, parameters.align)
        durations = {name: _duration(source, parameters.duration, sensor) for name, source in sources.items()}
        classes = Classes.of(train.labels, parameters.n_classes)
        for source in sources.values():
            classes.numbers(source.labels)  # finds wrong ones before the samples are read
        chosen = _chosen(parameters, sources, classes.numbers(train.labels))
        splits, tallies = {}, {}
        for name, (origin, indices) in chosen.items():
            splits[name], tally = _binned(sources[origin], indices, durations[origin], binning, classes, name)
            tallies[name] = asdict(tally)
        notes = {
            "classes": list(classes.labels if classes.names is None else classes.names),
            "samples_in_files": {name: source.n_samples for name, source in sources.items()},
            "binning": tallies,
        }
        origins = {source.name: origin_of(Path(source.name)) for source in sources.values()}
    return Splits(splits["train"], splits["test"], origins=origins, validation=splits.get("validation"), notes=notes)


def read_file(
    path: str | os.PathLike[str],
    sensor: Sensor | None,
    duration: float | None,
    classes: Sequence[int | str] | None,
    binned: Mapping[str, Any],
) -> EventDataset:
    """Return the recordings of one file; see :meth:`EventDataset.read`. ``binned`` are parameters of the binning."""
    with open_recordings(user_path(path), sensor) as source:
        binning = Binning(source.sensor_or(sensor), **binned)
        known = Classes.of(source.labels) if classes is None else Classes(classes)
        ticks = _duration(source, duration, binning.sensor)
        dataset, _ = _binned(source, np.arange(source.n_samples), ticks, binning, known, str(path))
    return dataset


def _binned(
    source: Source, indices: Indices, duration: float, binning: Binning, classes: Classes, description: str
) -> tuple[EventDataset, Tally]:
    """Return the samples ``indices`` of a source in time steps, and the numbers of events.

    Raises
    ------
    DatasetError
        If a sample is damaged or does not fit, or if there are no events at all.
    """
    tally = Tally()
    samples = (
        binning.spikes(*source.read(index), duration, source.labels.place(index), tally)
        for index in progress(indices.tolist(), f"events of {description}")
    )
    labels = classes.numbers(source.labels)[indices]
    dataset = EventDataset.from_samples(samples, labels, binning.n_channels, binning.n_steps, len(classes.labels))
    if tally.empty_samples == len(dataset):
        raise DatasetError(f"{source.name}: no events in any sample of {description}; expected some")
    print(f"{description}: {len(dataset)} samples, {tally}", file=sys.stderr)
    return dataset, tally


def _duration(source: Source, duration: float | None, sensor: Sensor) -> float:
    """Return the duration of a sample, given in s, in the unit of the source's times.

    Raises
    ------
    DatasetError
        If there must be one and is none, or the other way round, or if the source has another number of channels.
    """
    if source.sensor is not None and source.sensor.n_channels != sensor.n_channels:
        raise DatasetError(f"{source.name}: has {source.sensor.n_channels} channels; expected {sensor.n_channels}")
    if source.ticks_per_second is None:
        if duration is not None:
            raise DatasetError(f"{source.name}: events have steps, not times; expected duration = null")
        return float(source.n_steps or 0)
    if duration is None:
        raise DatasetError(f"{source.name}: events have times; expected a duration (s) of samples")
    return duration * source.ticks_per_second


def _chosen(
    parameters: Events, sources: dict[str, Source], labels: npt.NDArray[np.int64]
) -> dict[str, tuple[str, Indices]]:
    """Return for each split the source of its samples and their indices, ascending."""
    train, chosen = np.arange(len(labels)), {}
    if parameters.test_share is not None:
        tested = _drawn(labels, parameters.test_share, parameters.seed)
        if not 0 < tested.sum() < len(labels):
            raise DatasetError(
                f"test_share = {parameters.test_share}: {tested.sum()} of {len(labels)} samples of {parameters.train}; "
                "expected some, but not all"
            )
        train, test = np.flatnonzero(~tested), ("train", np.flatnonzero(tested))
    else:
        test = "test", np.arange(sources["test"].n_samples)
    if parameters.validation_groups is not None:
        held_back = _in_groups(sources["train"], parameters.validation_groups)
        chosen["validation"] = "train", train[held_back[train]]
        train = train[~held_back[train]]
        if len(train) == 0:
            raise DatasetError(f"validation_groups: leave no sample of {parameters.train}; expected some to learn")
    if parameters.validation is not None:
        chosen["validation"] = "validation", np.arange(sources["validation"].n_samples)
    for name, n, available in (
        ("train_samples", parameters.train_samples, len(train)),
        ("test_samples", parameters.test_samples, len(test[1])),
    ):
        check_enough(name, n, available)
    return {
        "train": ("train", train[: parameters.train_samples]),
        **chosen,
        "test": (test[0], test[1][: parameters.test_samples]),
    }


def _drawn(labels: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return which samples are drawn, so that the share of each class differs from ``share`` by less than a sample."""
    random = np.random.RandomState(np.random.MT19937(seed))
    order = random.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    numbers = np.floor(np.arange(len(labels) + 1) * share)
    drawn = np.zeros(len(labels), bool)
    drawn[by_class[np.diff(numbers) > 0]] = True
    return drawn


def _in_groups(source: Source, groups: list[Any]) -> npt.NDArray[np.bool_]:
    if source.groups is None:
        raise DatasetError(f"{source.name}: samples have no groups (extra/speaker, groups); expected them")
    present = source.groups.tolist()
    for group in groups:
        if group not in present:
            listed = ", ".join(map(str, sorted(set(present))))
            raise DatasetError(
                f"{source.name}: no sample of group {group!r} (validation_groups); expected some of {listed}"
            )
    return np.array([group in groups for group in present])
