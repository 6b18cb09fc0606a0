"""Event-driven and time-driven cost per step, and where they break even."""

import numpy as np
import pandas as pd

from workflow.scripts.shared import other_work
from workflow.scripts.shared.left_out import Reason, Reasons, clearly_positive, positive, quotient

MODELS = {"event_driven": "event-driven", "time_driven": "time-driven", "bound": "bound of time-driven"}
RIVALS = ("time_driven", "bound")
"""Models that the event-driven model is compared with."""


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per series and value: median, smallest and largest time per step of each model (s), and ratios.

    Other work is that of the repeat with most of it.

    ``x`` is the value of the parameter, or the measured rate of the presynaptic neurons (spikes/s, mean over synapses)
    where the rate of the input is varied.

    The time-driven model's time is a difference of two, and left out unless it is above zero in all but a quarter of
    the repeats (:func:`reasons`); the smallest of a time that is shown is not below zero.
    """
    x = runs["value"].where(runs["parameter"] != "input_rate", runs["rate_hz"])
    keys = ["series", "parameter", "value"]
    groups = runs.assign(x=x).groupby(keys, sort=False)
    table = groups[["x", "rate_hz", "synapses", "pairs", "synaptic_events_per_step"]].mean()
    table["repeats"] = groups.size()
    for model in MODELS:
        times = groups[f"{model}_s"].agg(["median", "min", "max"]).clip(lower=0)
        table = table.join(times.where(clearly_positive(groups, f"{model}_s")).add_prefix(f"{model}_s_"))
    table["other_work_processors"] = other_work.largest(groups)
    for rival in RIVALS:
        table[f"{rival}_ratio"] = quotient(table[f"{rival}_s_median"], table["event_driven_s_median"])
    return table.reset_index()


def reasons(table: pd.DataFrame) -> dict[str, Reasons]:
    """Return why numbers of a :func:`summary` are left out, by column."""
    return {
        "rate_hz": {Reason.NO_SYNAPSES: table["synapses"] == 0},
        "event_driven_s_per_event": {Reason.NO_EVENTS: table["synaptic_events_per_step"] == 0},
        **{f"{model}_s_median": {Reason.NOT_LONGER: table[f"{model}_s_median"].isna()} for model in MODELS},
        **{f"{rival}_ratio": {Reason.NOT_LONGER: table[f"{rival}_s_median"].isna()} for rival in RIVALS},
    }


def break_even(x: pd.Series, ratio: pd.Series) -> float | None:
    """Return where the ratio of a series passes 1, from a straight line between logarithms; None where it does not.

    Points without a logarithm do not count.
    """
    points = positive(ratio).dropna().groupby(positive(x)).median()  # by ascending x
    log_x, log_ratio = np.log(points.index.to_numpy()), np.log(points.to_numpy())
    (passes,) = np.nonzero(np.diff(np.sign(log_ratio)))
    if not len(passes):
        return None
    i = passes[0]
    share = log_ratio[i] / (log_ratio[i] - log_ratio[i + 1])
    return float(np.exp(log_x[i] + share * (log_x[i + 1] - log_x[i])))
