"""Read the tables of the suite, whose columns are stated once, where they are written."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Annotated, Any, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from eprop_core.errors import one_line, printable
from eprop_core.files.text import read_text
from eprop_core.parsing import ParameterError, shown, visible

NAMES = ("commit", "experiment", "network", "panel", "series", "simulator", "task", "varied", "variant", "version")
"""Columns of text, whatever it looks like: a variant may be called ``1``, ``True`` or ``None``."""

Count = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=1)]
"""A count that is not zero."""
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


LARGEST = 1e100
"""No table has larger numbers, whose products would overflow."""


class Table(NamedTuple):
    """Columns and types of one kind of table."""

    columns: Mapping[str, Any]
    """Types of the cells, by column; ``| None`` where a cell may be empty."""
    key: Sequence[str] = ()
    """Columns that together name a row, of which there is one."""
    others: str = r"(?!)"
    """Pattern of the names of further columns; their cells may hold anything."""
    may_be_empty: bool = False


PATHS, ANY = r".*\..*", r".*"
"""Patterns of names: of parameters, and of all columns."""


def columns_of(model: type[BaseModel], *left_out: str) -> dict[str, Any]:
    """Return the columns for the fields of a model, without some."""
    return {
        name: Annotated[field.annotation, field] for name, field in model.model_fields.items() if name not in left_out
    }


def read(file: str | PathLike[str], table: Table | None = None) -> pd.DataFrame:
    """Return a table; nothing is missing but what is empty.

    Parameters
    ----------
    file
        A table as this suite writes them (CSV).
    table
        What it must hold; None: any columns.

    Raises
    ------
    ParameterError
        The file is no table or cut off, or a cell is not allowed; the message names column and row, as a spreadsheet
        counts them.
    """
    text = read_text(file)
    try:
        columns = {} if table is None else table.columns
        header, rows = _cells(text)
        texts = [*NAMES, *(name for name, of_name in columns.items() if of_name in (str, str | None))]
        if table is not None:
            _check_columns(header, table)
        typed = {} if table is None else _typed(header, rows, table)
        frame = pd.read_csv(io.StringIO(text), dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""])
        return frame.assign(**{name: values for name, values in typed.items() if name not in texts})
    except (ValueError, csv.Error) as error:
        raise ParameterError(f"{printable(file)}: {one_line(error)}; expected a table of this suite (CSV)") from None


def read_columns(file: str | PathLike[str], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of any kind; those of its columns that are among ``columns`` must hold these types."""
    present = set(read(file))
    return read(file, Table({n: of for n, of in columns.items() if n in present}, others=ANY, may_be_empty=True))


def check_together(file: str | PathLike[str], table: pd.DataFrame, other: pd.DataFrame, key: Sequence[str]) -> None:
    """Raise a :class:`ParameterError` for a row of a file whose ``key`` the other table does not have."""
    known = set(other[list(key)].itertuples(index=False, name=None))
    for number, found in enumerate(table[list(key)].itertuples(index=False, name=None), start=2):
        if found not in known:
            what = ", ".join(f"{name} = {shown(value)}" for name, value in zip(key, found, strict=True))
            raise ParameterError(f"{printable(file)}: row {number}: {visible(what)} is not in the table of runs")


def _cells(text: str) -> tuple[list[str], dict[int, list[str]]]:
    """Return the names of the columns, and the cells of the rows by the number of the row."""
    if "\0" in text:
        raise ValueError("it has a zero byte")
    lines = csv.reader(io.StringIO(text), strict=True)
    header = next(lines, [])
    rows = {number: row for number, row in enumerate(lines, start=2) if row}
    if not any(header):
        raise ValueError("it is empty")
    if wrong := next((number for number, row in rows.items() if len(row) != len(header)), None):
        raise ValueError(f"row {wrong} has other columns than the first row")
    if not text.endswith("\n"):
        raise ValueError("it is cut off")
    if twice := [name for name in header if header.count(name) > 1]:
        raise ValueError(f"the column {shown(twice[0])} comes twice")
    if spaced := [name for name in header if name != name.strip()]:
        raise ValueError(f"the column {shown(spaced[0])} has spaces around its name")
    return header, rows


def _check_columns(header: Sequence[str], table: Table) -> None:
    if other := next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None):
        raise ValueError(f"columns are separated by {other!r}, not by commas")
    if missing := next((name for name in table.columns if name not in header), None):
        raise ValueError(f"lacks the column {missing}")
    if unknown := [name for name in header if name not in table.columns and not re.fullmatch(table.others, name)]:
        raise ValueError(f"has a column {shown(unknown[0])}, which such a table does not have")


def _typed(header: Sequence[str], rows: Mapping[int, Sequence[str]], table: Table) -> dict[str, "pd.Series[Any]"]:
    """Return the columns that the table states, with the values of their cells."""
    if not rows and not table.may_be_empty:
        raise ValueError("has no row")
    numbers = list(rows)
    typed = {}
    for name, of_name in table.columns.items():
        place = header.index(name)
        cells = [row[place] or None for row in rows.values()]
        try:
            values = TypeAdapter(list[of_name], config=_FINITE).validate_python(cells)  # type: ignore[valid-type]
        except ValidationError as error:
            first = error.errors()[0]
            row = numbers[int(first["loc"][0])]
            why = first["msg"].partition(", unable")[0]
            raise ValueError(f"row {row}, {name} = {shown(rows[row][place])}: {why}") from None
        typed[name] = pd.Series([math.nan if value is None else value for value in values])
        if (typed[name].dtype == object and values) or _too_large(typed[name]):
            raise ValueError(f"the column {name} has a number that is too large")
    seen: dict[tuple[Any, ...], int] = {}
    for number, key in zip(numbers, zip(*(typed[name] for name in table.key), strict=True), strict=bool(table.key)):
        if (first_row := seen.setdefault(key, number)) != number:
            what = ", ".join(f"{name} = {shown(value)}" for name, value in zip(table.key, key, strict=True))
            raise ValueError(f"row {number} names the same as row {first_row}: {visible(what)}")
    return typed


def _too_large(values: "pd.Series[Any]") -> bool:
    return bool(values.dtype == float and (values.abs() > LARGEST).any())


_FINITE = ConfigDict(allow_inf_nan=False)
