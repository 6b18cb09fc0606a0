"""Read the tables of the suite."""

from os import PathLike

import pandas as pd

NAMES = ("experiment", "network", "panel", "series", "simulator", "task", "varied", "variant")
"""Columns of text, whatever it looks like: a variant may be called ``1``, ``True`` or ``None``."""


def read(file: str | PathLike[str]) -> pd.DataFrame:
    """Return a table; nothing is missing but what is empty."""
    return pd.read_csv(file, dtype=dict.fromkeys(NAMES, str), keep_default_na=False, na_values=[""])
