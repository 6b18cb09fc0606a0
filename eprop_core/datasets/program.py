"""What programs that work on data sets share."""

from collections.abc import Callable
from pathlib import Path

from eprop_core import plug_ins
from eprop_core.datasets.registry import Dataset, parse_dataset
from eprop_core.errors import DatasetError, report
from eprop_core.files.text import read_json
from eprop_core.machine.driver import end_with_driver
from eprop_core.parsing import ParameterError


def run(work: Callable[[], None]) -> int:
    """Do the work of a program; return its exit code. An error in the input of the user is printed in one line."""
    end_with_driver()
    try:
        with plug_ins.blaming():
            work()
    except (ParameterError, DatasetError, OSError) as error:
        report(error)
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
