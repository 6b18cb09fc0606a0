"""What programs that work on data sets share."""

import sys
from collections.abc import Callable
from pathlib import Path

from eprop_core.datasets.registry import Dataset, parse_dataset
from eprop_core.errors import DatasetError
from eprop_core.files.text import read_json
from eprop_core.machine.driver import end_with_driver
from eprop_core.parsing import ParameterError


def run(work: Callable[[], None]) -> int:
    """Do the work of a program; return its exit code. An error in the input of the user is printed in one line."""
    end_with_driver()
    try:
        work()
    except (ParameterError, DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def read_parameters(file: Path) -> Dataset:
    """Return the parameters of the data set that a JSON file describes.

    Raises
    ------
    ParameterError
        They are not allowed, or it is no JSON file.
    OSError
        It cannot be read.
    """
    return parse_dataset(read_json(file), f"{file}: ")
