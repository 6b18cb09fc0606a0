"""Means over seeds of the accuracies of methods, and of the angles between gradients."""

from collections.abc import Sequence

import pandas as pd

from workflow.scripts.shared.left_out import Reason, Reasons
from workflow.scripts.shared.spread import with_means

FACTORS = ("factor", "output_factor")
"""Columns of the factors of learning rates: of all, and the further one of the output weights."""
COSINES = ("input_cosine", "recurrent_cosine", "output_cosine", "all_cosine")


def accuracies(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean accuracies and their 95 % confidence intervals: by method, and by the rates it tried."""
    test, tried = (runs[runs["samples"] == samples] for samples in ("test", "search"))
    of_test = _means(test, ["method", "samples"], ["accuracy"])
    for factor in FACTORS:
        chosen = test.groupby("method", sort=False)[factor].agg(["median", "min", "max"]).add_prefix(f"{factor}_")
        of_test = of_test.merge(chosen.reset_index(), on="method")
    of_search = _means(tried, ["method", "samples", *FACTORS], ["accuracy"])
    return pd.concat([of_test, of_search], ignore_index=True)


def cosines(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per point and kind of feedback: mean cosines, their 95 % confidence intervals, and mean spikes."""
    keys = ["series", "parameter", "value", "feedback"]
    runs = runs.assign(value=[as_text(value) for value in runs["value"]])
    spikes = runs.groupby(keys, sort=False)["spikes"].mean().reset_index()
    return _means(runs, keys, COSINES).merge(spikes, on=keys)


def as_text(value: float | str) -> str:
    """Return a number with all its digits; text as it is."""
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")


def reasons(table: pd.DataFrame) -> dict[str, Reasons]:
    """Return why cosines are left out, by column."""
    return {column: {Reason.NO_REFERENCE: table[column].isna()} for column in COSINES}


def _means(runs: pd.DataFrame, keys: list[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return a row per group, in the order of ``runs``: number of seeds, means and 95 % confidence intervals."""
    table = runs.groupby(keys, sort=False).agg(seeds=("seed", "nunique")).reset_index()
    return with_means(table, runs, keys, columns)
