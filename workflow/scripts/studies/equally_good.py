"""Which points of a series are as good as the point that they are compared with: tests of non-inferiority.

A point is as good if we are 95 % confident (one-sided, Student's t of the differences paired over seeds) that its mean
is not worse by more than the study's margin. That a difference is not significant would not do: with few seeds, few
are. Margin and reference are chosen before the runs; the reference is the first point, not the best one found, whose
luck would count against all others. Points are tested in their order up to the first that fails (a fixed sequence), so
that the 95 % hold for the series as a whole.
"""

import pandas as pd
from scipy import stats

from workflow.scripts.studies.measures import ACCURACY, Measure

CONFIDENCE = 0.95
MARGIN = "0.85"
"""Colour of what still counts as good."""


def tolerance(runs: pd.DataFrame, measure: Measure) -> float:
    """Return how much worse than the first point of ``runs`` still counts as good, in units of the measure's column."""
    margin = float(runs["margin"].iloc[0])
    first = runs.loc[runs["point"] == runs["point"].iloc[0], measure.column].mean()
    return margin if measure == ACCURACY else margin * float(first)


def lowest(runs: pd.DataFrame, measure: Measure) -> pd.Series:
    """Return by point how much better than the first one it is at least, with 95 % confidence; missing for one seed.

    In units of the measure's column; negative where it may be worse.
    """
    better = _better(runs, measure)
    return better.mean() - _quantile(better) * better.sem()


def power(runs: pd.DataFrame, measure: Measure) -> pd.Series:
    """Return by point the probability of being called as good for one that in truth equals the first one.

    It follows from the spread of the differences over seeds (noncentral t), and is missing for one seed: where it is
    small, a point that is not called as good may well be.
    """
    better = _better(runs, measure)
    error = better.sem()
    distance = tolerance(runs, measure) / error.where(error > 0)
    power = pd.Series(stats.nct.sf(_quantile(better), better.count() - 1, distance), better.columns)
    return power.mask(error == 0, 1.0)


def _better(runs: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return by seed and point how much better than the first point it is."""
    values = measure.sign * runs.pivot_table(index="seed", columns="point", values=measure.column, sort=False)
    return values.sub(values[runs["point"].iloc[0]], axis="index")


def _quantile(better: pd.DataFrame) -> pd.Series:
    return pd.Series(stats.t.ppf(CONFIDENCE, better.count() - 1), better.columns)


def last_equally_good(runs: pd.DataFrame, series: str, measure: Measure) -> int | None:
    """Return the last point of a series up to which all are as good as the first of ``runs``; None: no other one is."""
    good = lowest(runs, measure) >= -tolerance(runs, measure)
    last = None
    for point in _points(runs, series):
        if not good[point]:
            break
        last = point
    return last


def first_not_shown(runs: pd.DataFrame, series: str, measure: Measure) -> int | None:
    """Return the first point of a series that is not shown to be as good; None: all are."""
    points, last = _points(runs, series), last_equally_good(runs, series, measure)
    failing = points if last is None else points[points.index(last) + 1 :]
    return failing[0] if failing else None


def _points(runs: pd.DataFrame, series: str) -> list[int]:
    """Return the points of a series in their order, without the one that they are compared with."""
    others = (runs["series"] == series) & (runs["point"] != runs["point"].iloc[0])
    return [int(point) for point in runs.loc[others, "point"].unique()]
