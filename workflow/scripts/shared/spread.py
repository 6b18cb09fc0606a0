"""Means and their uncertainty over seeds."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats


def summarize(table: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return n, mean and the bounds of its 95 % confidence interval (Student's t) of ``value`` for each group.

    The bounds are missing where a group has a single value. Rows in which ``value`` is missing do not count.
    """
    groups = table.dropna(subset=[value]).groupby(list(by), sort=False, dropna=False)[value]
    summary = groups.agg(n="count", mean="mean", error="sem").reset_index()
    quantile = stats.t.ppf(0.975, np.maximum(summary["n"] - 1, 1))
    half_width = (quantile * summary["error"]).where(summary["n"] > 1)
    return summary.drop(columns="error").assign(low=summary["mean"] - half_width, high=summary["mean"] + half_width)


def with_means(table: pd.DataFrame, runs: pd.DataFrame, by: Sequence[str], columns: Iterable[str]) -> pd.DataFrame:
    """Return ``table``, which has a row for each group of ``runs``, with the mean and interval of further columns.

    The mean has the column's name; the bounds of its 95 % confidence interval end in ``_low`` and ``_high``.
    """
    for column in columns:
        names = {"mean": column, "low": f"{column}_low", "high": f"{column}_high"}
        summary = summarize(runs, by, column).drop(columns="n").rename(columns=names)
        table = table.merge(summary, on=list(by), how="left")
    return table
