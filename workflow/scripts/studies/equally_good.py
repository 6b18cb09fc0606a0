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


def tolerance(runs: pd.DataFrame, measure: Measure) -> float:
    """Return how much worse than the first point of ``runs`` still counts as good, in units of the measure's column."""
    margin = float(runs["margin"].iloc[0])
    first = runs.loc[runs["point"] == runs["point"].iloc[0], measure.column].mean()
    return margin if measure == ACCURACY else margin * float(first)


def lowest(runs: pd.DataFrame, measure: Measure) -> pd.Series:
    """Return by point how much better than the first one it is at least, with 95 % confidence; missing for one seed.

    In units of the measure's column; negative where it may be worse.
    """
    values = measure.sign * runs.pivot_table(index="seed", columns="point", values=measure.column, sort=False)
    better = values.sub(values[runs["point"].iloc[0]], axis="index")
    quantile = pd.Series(stats.t.ppf(CONFIDENCE, better.count() - 1), better.columns)
    return better.mean() - quantile * better.sem()


def last_equally_good(runs: pd.DataFrame, series: str, measure: Measure) -> int | None:
    """Return the last point of a series up to which all are as good as the first of ``runs``; None: no other one is."""
    good = lowest(runs, measure) >= -tolerance(runs, measure)
    last = None
    for point in runs.loc[(runs["series"] == series) & (runs["point"] != runs["point"].iloc[0]), "point"].unique():
        if not good[point]:
            break
        last = int(point)
    return last
