"""Prepare a data set: read or generate its events; write ``train.npz``, ``test.npz`` and ``dataset.json``.

If the data set has validation samples of its own, they are written to ``validation.npz``.
"""

import importlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import eprop_core.memory_shortage  # noqa: F401
from eprop_core import plug_ins
from eprop_core.datasets import program
from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.origin import Origin, print_comparisons
from eprop_core.datasets.prepared import CHECKSUMS, DESCRIPTION, checksums
from eprop_core.datasets.registry import Dataset
from eprop_core.errors import DatasetError
from eprop_core.files.arguments import Parser
from eprop_core.files.litter import is_litter
from eprop_core.machine import processors
from eprop_core.machine.whole_directory import whole_directory
from eprop_core.parsing import ParameterError

FILES = ("train.npz", "test.npz", "validation.npz", DESCRIPTION)
VERSIONS = {"numpy", "numba", "scipy", "scikit-learn"}
"""Distributions whose versions are written down."""


def read(parameters: Dataset) -> Splits:
    """Read or make the data set that ``parameters`` describe, by the module that they name.

    Raises
    ------
    DatasetError
        If what the module returns is no data set of the sizes that the parameters state.
    """
    module = importlib.import_module(parameters.implementation)
    where = f"data set {parameters.name} ({plug_ins.described(module.__name__)})"
    splits = module.read(parameters)
    if not isinstance(splits, Splits):
        raise DatasetError(f"{where}: read must return {Splits.__module__}.Splits, not {type(splits).__name__}")
    for name in ("train", "test", "validation"):
        part = getattr(splits, name)
        if not (isinstance(part, EventDataset) or (part is None and name == "validation")):
            raise DatasetError(f"{where}: {name} must be an EventDataset, not {type(part).__name__}")
        if part is not None and not len(part):
            raise DatasetError(f"{where}: {name} has no samples")
        if part is not None and part.n_steps != parameters.n_steps:
            raise DatasetError(
                f"{where}: {name} has {part.n_steps} steps per sample; its parameters state {parameters.n_steps}"
            )
    if parameters.sizes not in (None, (sizes := (splits.train.n_channels, splits.train.n_readout))):
        raise DatasetError(f"{where}: {sizes} channels and readouts; its parameters state {parameters.sizes}")
    if (splits.validation is not None) != parameters.has_validation:
        raise DatasetError(f"{where}: has_validation is {parameters.has_validation}, unlike what read returns")
    if not all(isinstance(origin, Origin) for origin in dict(splits.origins).values()):
        raise DatasetError(f"{where}: origins must be objects of {Origin.__module__}.Origin by name")
    try:
        json.dumps(splits.notes)
    except TypeError as error:
        raise DatasetError(f"{where}: notes must be values of JSON ({error})") from None
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
    with whole_directory(directory) as temporary:
        splits = read(parameters)
        print_comparisons(splits.origins)
        splits.train.save(temporary / "train.npz")
        splits.test.save(temporary / "test.npz")
        if splits.validation is not None:
            splits.validation.save(temporary / "validation.npz")
        described = describe(parameters, splits) | {CHECKSUMS: checksums(sorted(temporary.glob("*.npz")))}
        (temporary / DESCRIPTION).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        _check_replaceable(directory)


def describe(parameters: Dataset, splits: Splits) -> dict[str, Any]:
    """Return the content of ``dataset.json``: parameters, sizes, statistics, source files, versions."""
    channels, size = splits.sensor_channels, splits.sensor_size
    if channels is not None and size is not None and len(channels) == 2 * size**2:
        channels = None  # all of them
    return {
        "parameters": parameters.model_dump(),
        "n_channels": splits.train.n_channels,
        "n_steps": splits.train.n_steps,
        "n_classes": splits.train.n_classes,
        "n_outputs": splits.train.n_outputs,
        "sensor_size": size,
        "sensor_channels": None if channels is None else channels.tolist(),
        "train": _statistics(splits.train, splits),
        "test": _statistics(splits.test, splits),
        "validation": None if splits.validation is None else _statistics(splits.validation, splits),
        **splits.notes,
        "sources": {name: origin._asdict() for name, origin in splits.origins.items()},
        "versions": {name: importlib.metadata.version(name) for name in sorted(VERSIONS | plug_ins.distributions())},
    }


def _statistics(dataset: EventDataset, splits: Splits) -> dict[str, Any]:
    share_of_on_events, n_events = None, int(dataset.offsets[-1])
    if splits.sensor_channels is not None and splits.sensor_size is not None and n_events:
        is_on = splits.sensor_channels >= splits.sensor_size**2
        share_of_on_events = int(dataset.events_by_channel()[is_on].sum()) / n_events
    return {
        "samples": len(dataset),
        "samples_by_class": np.bincount(dataset.labels, minlength=dataset.n_classes).tolist(),
        "mean_events_per_sample": n_events / len(dataset),
        "share_of_on_events": share_of_on_events,
    }


def _check_replaceable(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise DatasetError(f"{directory}: is a file; expected a directory to write to")
    names = [path.name for path in directory.iterdir() if not is_litter(path.name)] if directory.exists() else []
    foreign = sorted(set(names) - set(FILES))
    if foreign:
        raise DatasetError(
            f"{directory}: holds {foreign[0]}, which is no part of a data set; expected none or a former one"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = Parser(prog="python -m eprop_core.datasets.prepare", description=__doc__)
    parser.add_argument("parameters", metavar="PARAMETERS.json", type=Path, help='for instance {"name": "digits"}')
    parser.add_argument("directory", metavar="OUTPUT_DIRECTORY", type=Path, help="replaced if it holds a data set")
    parser.add_argument(
        "--threads", type=int, default=processors.available(), help="threads to record samples on (default: all cores)"
    )
    options = parser.parse_args(arguments)

    def work() -> None:
        parameters = program.read_parameters(options.parameters)
        if options.threads < 1:
            raise ParameterError(f"--threads {options.threads}: at least one is needed")
        with processors.at_most(options.threads):
            prepare(parameters, options.directory)

    return program.run(work)


if __name__ == "__main__":
    sys.exit(main())
