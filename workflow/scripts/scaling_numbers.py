"""What the tables and figures of a scaling experiment show, from its tidy table of runs, repeats and ranks.

A time is the maximum over ranks; of the repeats the median is shown, with the smallest and the largest beside it.
"""

import pandas as pd

PHASES = ("update", "deliver", "collocate", "communicate", "wait")


def by_repeat(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per number of ranks, seed and repeat: times of the slowest rank, sums of counts, largest memory.

    Phases are means over ranks, so that they add up to the propagation; ``other`` is what no phase accounts for.
    """
    groups = rows.groupby(["ranks", "seed", "repeat"])
    table = groups.agg(
        neurons=("neurons", "sum"),
        synapses=("synapses", "sum"),
        spikes=("spikes", "sum"),
        synaptic_events=("synaptic_events", "sum"),
        model_time_s=("model_time_s", "first"),
        build_s=("build_s", "max"),
        propagation_s=("propagation_s", "max"),
        plasticity_s=("plasticity_s", "mean"),
        **{f"{phase}_s": (f"{phase}_s", "mean") for phase in PHASES},
        peak_memory_bytes=("peak_memory_bytes", "max"),
        network_memory_bytes=("network_memory_bytes", "max"),
    ).reset_index()
    table["other_s"] = (table["propagation_s"] - table[[f"{phase}_s" for phase in PHASES]].sum(axis=1)).clip(lower=0)
    table["real_time_factor"] = table["propagation_s"] / table["model_time_s"]
    table["rate_hz"] = table["spikes"] / table["neurons"] / table["model_time_s"]
    table["time_per_synaptic_event_ns"] = 1e9 * table["propagation_s"] * table["ranks"] / table["synaptic_events"]
    return table


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per number of ranks: medians over repeats and seeds, smallest and largest propagation time.

    Efficiency is T(1) / (ranks * T(ranks)) where the network stays (strong scaling) and T(1) / T(ranks) where it grows
    with the ranks (weak scaling), against the smallest number of ranks measured.
    """
    repeats = by_repeat(rows)
    table = repeats.groupby("ranks").median(numeric_only=True).drop(columns=["seed", "repeat"])
    spread = repeats.groupby("ranks")["propagation_s"]
    table["propagation_min_s"], table["propagation_max_s"] = spread.min(), spread.max()
    table["repeats"] = spread.count()
    table = table.reset_index()
    first = table.iloc[0]
    gained = first["propagation_s"] / table["propagation_s"]
    growth = table["ranks"] / first["ranks"]
    strong = rows["kind"].iloc[0] == "strong"
    table["speed_up"] = gained if strong else gained * growth
    table["efficiency"] = table["speed_up"] / growth
    table["memory_per_synapse_bytes"] = table["network_memory_bytes"] * table["ranks"] / table["synapses"]
    return table
