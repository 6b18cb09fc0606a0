"""Prepared data, of which all splits must come from the same preparation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eprop_core.datasets import event_file
from eprop_core.datasets.events import EventDataset
from eprop_core.errors import DatasetError
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError

DESCRIPTION = "dataset.json"
CHECKSUMS = "prepared"
"""Key of the description: the checksum of each prepared file, by its name."""


def checksums(files: Iterable[Path]) -> dict[str, int]:
    """Return what the description says of prepared files, by name."""
    return {file.name: event_file.checksum(file) for file in files}


def load_together(files: Iterable[Path]) -> dict[str, EventDataset]:
    """Return the splits of a data set, which must fit together, by the names of their files without suffix.

    Parameters
    ----------
    files
        Files that ``prepare`` wrote, or others that ``EventDataset.save`` wrote, without a description beside them.

    Raises
    ------
    DatasetError
        If a file is missing or damaged, or if two of them come from different preparations.
    """
    loaded: dict[Path, EventDataset] = {file: EventDataset.load(file) for file in files}
    first, *others = loaded
    for other in others:
        loaded[first].check_fits(loaded[other], str(first), str(other))
    for file in loaded:
        expected = _described(file.with_name(DESCRIPTION)).get(file.name)
        if expected is not None and expected != event_file.checksum(file):
            raise DatasetError(
                f"{file}: is not the file that {DESCRIPTION} beside it describes; prepare the data set again"
            )
    return {file.stem: dataset for file, dataset in loaded.items()}


def _described(description: Path) -> dict[str, Any]:
    """Return the checksums in a description; none without one."""
    if not description.exists():
        return {}
    try:
        content = read_json(description)
    except (ParameterError, OSError) as error:
        raise DatasetError(str(error)) from None
    found = content.get(CHECKSUMS, {}) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise DatasetError(f"{description}: damaged; prepare the data set again")
    return found
