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

from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.origin import check_different, origin_of
from eprop_core.datasets.parameters import Events, check_enough
from eprop_core.datasets.recordings.binning import Binning, Tally
from eprop_core.datasets.recordings.classes import NO_CLASSES, Classes
from eprop_core.datasets.recordings.opening import open_recordings
from eprop_core.datasets.recordings.sensor import sensor_of
from eprop_core.datasets.recordings.source import Source
from eprop_core.datasets.recordings.targets import in_steps
from eprop_core.errors import DatasetError
from eprop_core.files.regular import user_path
from eprop_core.parsing import parse
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
            name: stack.enter_context(open_recordings(user_path(path), sensor, parameters.learn))
            for name, path in files.items()
            if path is not None
        }
        train = sources["train"]
        sensor = train.sensor_or(sensor)
        _check_outputs(sources)
        binning = Binning.of(parameters, sensor)
        durations = {name: _duration(source, parameters.duration, binning) for name, source in sources.items()}
        classes = Classes.of(train.labels, parameters.n_classes) if parameters.learn == "labels" else NO_CLASSES
        for source in sources.values():
            classes.numbers(source.labels)  # finds wrong ones before the samples are read
        chosen = _chosen(parameters, sources, classes.numbers(train.labels))
        splits, tallies = {}, {}
        for name, (origin, indices) in chosen.items():
            splits[name], tally = _binned(sources[origin], indices, durations[origin], binning, classes, name)
            tallies[name] = asdict(tally)
        notes = {
            "classes": None
            if parameters.learn == "targets"
            else list(classes.labels if classes.names is None else classes.names),
            "samples_in_files": {name: source.n_samples for name, source in sources.items()},
            "binning": tallies,
        }
        origins = {source.name: origin_of(Path(source.name)) for source in sources.values()}
    check_different(origins)
    return Splits(splits["train"], splits["test"], origins=origins, validation=splits.get("validation"), notes=notes)


def parameters_of(path: str | os.PathLike[str], **values: Any) -> Events:
    """Return the parameters of one file, which Python code may give as numbers of numpy and tuples.

    Raises
    ------
    ParameterError
        If a value is not allowed.
    """
    plain = {name: np.array(value).tolist() if value is not None else None for name, value in values.items()}
    return parse(Events, {"name": "events", "train": str(path), "test": str(path), **plain})


def read_file(parameters: Events, classes: Sequence[int | str] | None) -> EventDataset:
    """Return the recordings of one file, ``parameters.train``; see :meth:`EventDataset.read`."""
    sensor = sensor_of(parameters.n_channels, parameters.sensor_size)
    with open_recordings(user_path(parameters.train), sensor, parameters.learn) as source:
        binning = Binning.of(parameters, source.sensor_or(sensor))
        known = NO_CLASSES
        if parameters.learn == "labels":
            known = Classes.of(source.labels) if classes is None else Classes.listed(classes)
        ticks = _duration(source, parameters.duration, binning)
        dataset, _ = _binned(source, np.arange(source.n_samples), ticks, binning, known, parameters.train)
    return dataset


def _check_outputs(sources: Mapping[str, Source]) -> None:
    """Raise a :class:`DatasetError` if files have other numbers of targets than the training file."""
    expected = sources["train"].n_outputs
    for source in sources.values():
        if source.n_outputs != expected:
            raise DatasetError(
                f"{source.name}: {source.n_outputs} targets; expected {expected}, as in the training samples"
            )


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
    n_steps, targets = binning.n_steps, source.targets
    if targets is None:
        labels = classes.numbers(source.labels)[indices]
        dataset = EventDataset.from_samples(samples, labels, binning.n_channels, n_steps, len(classes.labels))
    else:
        of_samples = (in_steps(targets.read(index), n_steps, source.labels.place(index)) for index in indices.tolist())
        dataset = EventDataset.with_targets(samples, of_samples, binning.n_channels, n_steps)
    if tally.empty_samples == len(dataset):
        raise DatasetError(f"{source.name}: no events in any sample of {description}; expected some")
    print(f"{description}: {len(dataset)} samples, {tally}", file=sys.stderr)
    return dataset, tally


def _duration(source: Source, duration: float | None, binning: Binning) -> float:
    """Return the duration of a sample, given in s, in the unit of the source's times.

    Raises
    ------
    DatasetError
        If there must be one and is none, or the other way round, or if the source has another number of channels or
        fewer steps.
    """
    sensor, n_steps = binning.sensor, binning.n_steps
    if source.sensor is not None and source.sensor.n_channels != sensor.n_channels:
        raise DatasetError(f"{source.name}: has {source.sensor.n_channels} channels; expected {sensor.n_channels}")
    if source.ticks_per_second is None:
        if duration is not None:
            raise DatasetError(f"{source.name}: events have steps, not times; expected duration = null")
        if source.n_steps is not None and n_steps > source.n_steps:
            raise DatasetError(f"{source.name}: has {source.n_steps} steps; expected n_steps of at most as many")
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
        validation = _in_groups(sources["train"], parameters.validation_groups)
        chosen["validation"] = "train", train[validation[train]]
        train = train[~validation[train]]
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
