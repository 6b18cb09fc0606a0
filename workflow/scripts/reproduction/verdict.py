"""Verdicts on tests and claims, by rules that do not depend on the runs."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from workflow.scripts.reproduction.claims import Question, Rows

CONFIDENCE = 0.95


class Verdict(StrEnum):
    """What the results say; for claims, in the order in which one test decides over others."""

    REPRODUCED = "reproduced"
    IN_PART = "reproduced in part"
    NOT_REPRODUCED = "not reproduced"
    UNDECIDED = "undecided"
    NOT_RUN = "not yet run"
    UNTESTABLE = "cannot be tested here"


class Statistic(NamedTuple):
    """A number with its uncertainty, in the unit of the column."""

    n: int
    """Number of values."""
    value: float
    """Mean, smallest or largest value."""
    low: float
    high: float
    """95 % confidence interval of a mean (Student's t); nan for a single value, and for extremes."""
    verdict: Verdict


def statistic(table: pd.DataFrame, test: Question) -> Statistic | None:
    """Return the number that a test asks for, and the verdict on it; None where the table does not answer.

    It does not without the column or the rows, or if a difference is asked for and rows share their seed. A difference
    of one pair is undecided, as accuracies vary from seed to seed.
    """
    values = _values(table, test.where, test)
    if test.against is not None:
        values, subtracted = (
            _values(table, rows, test).groupby(table["seed"]).agg(_only) for rows in (test.where, test.against)
        )
        values = values - subtracted
    values = values.dropna()
    if values.empty:
        return None
    n = len(values)
    if test.statistic != "mean" or n == 1:
        value = float(np.max(values) if test.statistic == "maximum" else np.min(values))
        met = _met(test.sign * (value - test.bound) >= 0)
        return Statistic(n, value, np.nan, np.nan, met if test.against is None else Verdict.UNDECIDED)
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half_width = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * error
    beyond = test.sign * (mean - test.bound)
    shown = abs(beyond) >= stats.t.ppf(CONFIDENCE, n - 1) * error
    return Statistic(n, mean, mean - half_width, mean + half_width, _met(beyond >= 0) if shown else Verdict.UNDECIDED)


def of_claim(verdicts: Collection[Verdict]) -> Verdict:
    """Return the verdict on a claim from those on its tests.

    All tests reproduced: reproduced; some: reproduced in part. None: not reproduced if a test says so, otherwise
    undecided if one is, otherwise not yet run.
    """
    if all(verdict == Verdict.REPRODUCED for verdict in verdicts):
        return Verdict.REPRODUCED
    if Verdict.REPRODUCED in verdicts:
        return Verdict.IN_PART
    return next(verdict for verdict in Verdict if verdict in verdicts)


def _met(met: bool) -> Verdict:
    return Verdict.REPRODUCED if met else Verdict.NOT_REPRODUCED


def _values(table: pd.DataFrame, rows: Rows, test: Question) -> "pd.Series[float]":
    """Return the column of the rows that have these values."""
    if not {*rows, test.column} <= set(table):
        return pd.Series(dtype=float)
    chosen = np.ones(len(table), dtype=bool)
    for name, value in rows.items():
        if isinstance(value, str):
            chosen &= (table[name].astype(str) == value).to_numpy()
        else:
            chosen &= np.isclose(pd.to_numeric(table[name], errors="coerce"), value)
    return table.loc[chosen, test.column].astype(float)


def _only(values: "pd.Series[float]") -> float:
    return float(values.iloc[0]) if len(values) == 1 else np.nan
