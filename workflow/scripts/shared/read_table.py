"""Read the tables of the suite."""

import csv
import io
from os import PathLike

import pandas as pd

from eprop_core.errors import one_line, printable
from eprop_core.files.text import read_text
from eprop_core.parsing import ParameterError

NAMES = ("commit", "experiment", "network", "panel", "series", "simulator", "task", "varied", "variant", "version")
"""Columns of text, whatever it looks like: a variant may be called ``1``, ``True`` or ``None``."""


def read(file: str | PathLike[str]) -> pd.DataFrame:
    """Return a table; nothing is missing but what is empty.

    Raises
    ------
    ParameterError
        The file is no table, or cut off.
    """
    text = read_text(file)
    try:
        header, *rows = csv.reader(io.StringIO(text), strict=True)
        if wrong := next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None):
            raise ValueError(f"row {wrong} has other columns than the first row")
        if not text.endswith("\n") or len(set(header)) < len(header):
            raise ValueError("it is cut off, or a column comes twice")
        return pd.read_csv(io.StringIO(text), dtype=dict.fromkeys(NAMES, str), keep_default_na=False, na_values=[""])
    except (ValueError, csv.Error) as error:
        raise ParameterError(f"{printable(file)}: {one_line(error)}; expected a table of this suite (CSV)") from None
