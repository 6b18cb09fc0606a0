"""Differences to the first point, paired over seeds: the same seed draws the same samples, connections and weights."""

import numpy as np
import pandas as pd
from scipy import stats

SIGNIFICANT = 0.05
"""Largest share of false discoveries among the differences that are called significant."""
ROUNDING = 1e-9
"""Differences that are equal but for this share of them do not scatter."""


def differences(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return for each point the difference of ``column`` to the first point of its task and panel.

    Columns: point, mean ``difference`` over seeds, its 95 % confidence interval ``difference_low`` to
    ``difference_high`` (Student's t), ``p_value`` (paired t-test) and ``adjusted_p_value`` (Benjamini and Hochberg,
    over all differences in the table). With less than two seeds, and for the first points, there is the difference
    alone; without p-values where all seeds differ by the same, which leaves no spread to test that against.
    """
    parts = []
    for _, table in runs.groupby(["task", "panel"], sort=False, dropna=False):
        values = table.pivot_table(index="seed", columns="point", values=column, sort=False, dropna=False)
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
    mean = difference.mean()
    low = high = p_value = np.nan
    if compared and len(difference) > 1:
        if not difference.any():
            low, high, p_value = 0.0, 0.0, 1.0
        elif np.ptp(difference) <= ROUNDING * abs(mean):
            low = high = mean
        else:
            test = stats.ttest_1samp(difference, 0.0)
            (low, high), p_value = test.confidence_interval(0.95), test.pvalue
    return {"difference": mean, "difference_low": low, "difference_high": high, "p_value": p_value}
