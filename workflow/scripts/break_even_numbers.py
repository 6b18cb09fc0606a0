"""Event-driven and time-driven cost per step, and where they break even."""

import numpy as np
import pandas as pd

MODELS = {"event_driven": "event-driven", "time_driven": "time-driven", "bound": "bound of time-driven"}
RIVALS = ("time_driven", "bound")
"""What the event-driven model is compared with."""


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per series and value: median, smallest and largest time per step of each model (s), and ratios.

    Other work is that of the repeat with most of it.

    ``x`` is the value of the parameter, or the measured rate of the presynaptic neurons (spikes/s, mean over synapses)
    where the rate of the input is varied.
    """
    x = runs["value"].where(runs["parameter"] != "input_rate", runs["rate_hz"])
    keys = ["series", "parameter", "value"]
    groups = runs.assign(x=x).groupby(keys, sort=False)
    table = groups[["x", "rate_hz", "synapses", "pairs", "synaptic_events_per_step"]].mean().reset_index()
    for model in MODELS:
        times = groups[f"{model}_s"].agg(["median", "min", "max"]).add_prefix(f"{model}_s_").reset_index()
        table = table.merge(times, on=keys)
    table = table.merge(groups["other_work_processors"].max().reset_index(), on=keys)
    for rival in RIVALS:
        table[f"{rival}_ratio"] = table[f"{rival}_s_median"] / table["event_driven_s_median"]
    return table


def break_even(x: pd.Series, ratio: pd.Series) -> float | None:
    """Return where the ratio of a series passes 1, from a straight line between logarithms; None where it does not."""
    order = np.argsort(x.to_numpy())
    log_x, log_ratio = np.log(x.to_numpy()[order]), np.log(ratio.to_numpy()[order])
    (passes,) = np.nonzero(np.diff(np.sign(log_ratio)))
    if not len(passes):
        return None
    i = passes[0]
    share = log_ratio[i] / (log_ratio[i] - log_ratio[i + 1])
    return float(np.exp(log_x[i] + share * (log_x[i + 1] - log_x[i])))
