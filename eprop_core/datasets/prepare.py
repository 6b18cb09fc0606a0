"""Prepare a data set: read or generate its events; write ``train.npz``, ``test.npz`` and ``dataset.json``.

If the data set itself holds samples back from training, they are written to ``validation.npz``.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core import plug_ins
from eprop_core.datasets.events import DatasetError, EventDataset, Splits
from eprop_core.datasets.registry import Dataset, parse_dataset
from eprop_core.parsing import ParameterError

FILES = ("train.npz", "test.npz", "validation.npz", "dataset.json")
VERSIONS = {"numpy", "numba", "scipy", "scikit-learn"}
"""Distributions whose versions are written down."""


def read(parameters: Dataset) -> Splits:
    """Read or make the data set that ``parameters`` describe, by the module that they name."""
    splits: Splits = importlib.import_module(parameters.implementation).read(parameters)
    return splits


def prepare(parameters: Dataset, directory: str | os.PathLike[str]) -> None:
    """Write the data set to ``directory``, completely or not at all; an earlier data set there is replaced.

    Raises
    ------
    DatasetError
        If the source data are missing or damaged, or if ``directory`` holds other files.
    """
    directory = Path(directory)
    _check_replaceable(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    splits = read(parameters)
    with tempfile.TemporaryDirectory(prefix=f"{directory.name}.", suffix=".part", dir=directory.parent) as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        splits.train.save(whole / "train.npz")
        splits.test.save(whole / "test.npz")
        if splits.validation is not None:
            splits.validation.save(whole / "validation.npz")
        (whole / "dataset.json").write_text(json.dumps(describe(parameters, splits), indent=2) + "\n")
        _check_replaceable(directory)
        if directory.exists():
            shutil.rmtree(directory)
        os.replace(whole, directory)


def describe(parameters: Dataset, splits: Splits) -> dict[str, Any]:
    """Return the content of ``dataset.json``: parameters, sizes, statistics, checksums of the source data, versions."""
    channels, size = splits.sensor_channels, splits.sensor_size
    if channels is not None and size is not None and len(channels) == 2 * size**2:
        channels = None  # all of them
    return {
        "parameters": parameters.model_dump(),
        "n_channels": splits.train.n_channels,
        "n_steps": splits.train.n_steps,
        "n_classes": splits.train.n_classes,
        "sensor_size": size,
        "sensor_channels": None if channels is None else channels.tolist(),
        "train": _statistics(splits.train, splits),
        "test": _statistics(splits.test, splits),
        "validation": None if splits.validation is None else _statistics(splits.validation, splits),
        **splits.notes,
        "checksums": dict(splits.checksums),
        "versions": {name: importlib.metadata.version(name) for name in sorted(VERSIONS | plug_ins.distributions())},
    }


def _statistics(dataset: EventDataset, splits: Splits) -> dict[str, Any]:
    share_of_on_events = None
    if splits.sensor_channels is not None and splits.sensor_size is not None and dataset.channels.size:
        share_of_on_events = float(np.mean(splits.sensor_channels[dataset.channels] >= splits.sensor_size**2))
    return {
        "samples": len(dataset),
        "samples_by_class": [int((dataset.labels == label).sum()) for label in range(dataset.n_classes)],
        "mean_events_per_sample": len(dataset.steps) / len(dataset),
        "share_of_on_events": share_of_on_events,
    }


def _check_replaceable(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise DatasetError(f"{directory}: is a file; expected a directory to write to")
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in FILES) if directory.exists() else []
    if foreign:
        raise DatasetError(
            f"{directory}: holds {foreign[0]}, which is no part of a data set; expected none or a former one"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m eprop_core.datasets.prepare", description=__doc__)
    parser.add_argument("parameters", metavar="PARAMETERS.json", type=Path, help='for instance {"name": "digits"}')
    parser.add_argument("directory", metavar="OUTPUT_DIRECTORY", type=Path, help="replaced if it holds a data set")
    options = parser.parse_args(arguments)
    try:
        try:
            values = json.loads(options.parameters.read_text())
        except ValueError as error:
            raise ParameterError(f"{options.parameters}: {error}; expected JSON") from None
        prepare(parse_dataset(values, f"{options.parameters}: "), options.directory)
    except (ParameterError, DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
