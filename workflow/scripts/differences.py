"""Differences to the first point, paired over seeds: the same seed draws the same samples, connections and weights."""

import warnings

import numpy as np
import pandas as pd
from scipy import stats

SIGNIFICANT = 0.05
"""Largest share of false discoveries among the differences that are called significant."""


def differences(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return for each point the difference of ``column`` to the first point of its task and panel.

    Columns: point, mean ``difference`` over seeds, its 95 % confidence interval ``difference_low`` to
    ``difference_high`` (Student's t), ``p_value`` (paired t-test) and ``adjusted_p_value`` (Benjamini and Hochberg,
    over all differences in the table). With less than two seeds, and for the first points, there is the difference
    alone.
    """
    parts = []
    for _, table in runs.groupby(["task", "panel"], sort=False, dropna=False):
        values = table.pivot_table(index="seed", columns="point", values=column, sort=False)
        first = table["point"].iloc[0]
        for point in values:
            row = _paired((values[point] - values[first]).dropna(), compared=point != first)
            parts.append({"point": point, **row})
    result = pd.DataFrame(parts)
    tested = result["p_value"].notna()
    result["adjusted_p_value"] = np.nan
    if tested.any():
        result.loc[tested, "adjusted_p_value"] = stats.false_discovery_control(result.loc[tested, "p_value"])
    return result


def _paired(difference: pd.Series, compared: bool) -> dict[str, float]:
    low = high = p_value = np.nan
    if compared and len(difference) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # where all seeds agree
            test = stats.ttest_1samp(difference, 0.0)
        low, high = test.confidence_interval(0.95)
        p_value = test.pvalue if difference.any() else 1.0  # not 0 / 0
    return {"difference": difference.mean(), "difference_low": low, "difference_high": high, "p_value": p_value}
