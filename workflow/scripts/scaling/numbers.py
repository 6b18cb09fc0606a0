"""Numbers in the tables and figures of a scaling experiment, from its tidy table of runs, repeats and ranks.

A time is the maximum over ranks; of the repeats the median is shown, with the smallest and the largest beside it.
"""

import math

import pandas as pd

from eprop_core.experiments.scaling.result import NEST_RANKS, NEST_THREADS
from workflow.scripts.shared import other_work
from workflow.scripts.shared.left_out import Reason, Reasons, clearly_positive, quotient

PHASES = ("update", "deliver", "plasticity", "collocate", "communicate", "wait", "other")
"""Parts of the propagation: ``deliver`` without its plastic part, and ``other``, what no phase accounts for."""
CONFIDENCE = 0.95
"""Confidence level of the interval of a median."""
NEST = {NEST_THREADS: "NEST threads", NEST_RANKS: "NEST ranks"}
"""Names of NEST in tables and figures, by the prefix of a variant's name."""
ELSEWHERE = " on "
"""Separates the name of a variant from that of another machine on which it was measured."""
POINT = ["variant", "measured", "ranks"]
"""Columns that are equal for all repeats of a run."""


def by_repeat(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, number of ranks, seed and repeat: times of the slowest rank, largest memory.

    Counts are sums over ranks; those of the emulated ranks of a dry run stand for all. Phases are means over ranks, so
    that they add up to the propagation, and so are the bytes that a rank receives and those that an event touches.
    """
    table = rows.groupby([*POINT, "seed", "repeat"], sort=False).agg(
        emulated=("rank", "nunique"),
        neurons=("neurons", "sum"),
        synapses=("synapses", "sum"),
        spikes=("spikes", "sum"),
        synaptic_events=("synaptic_events", "sum"),
        model_time_s=("model_time_s", "first"),
        interval_ms=("interval_ms", "first"),
        exchanges=("exchanges", "first"),
        received_bytes=("received_bytes", "mean"),
        modelled_to_all_s=("modelled_to_all_s", "first"),
        modelled_to_targets_s=("modelled_to_targets_s", "first"),
        build_s=("build_s", "max"),
        propagation_s=("propagation_s", "max"),
        alone_s=("alone_s", "first"),
        **{f"{phase}_s": (f"{phase}_s", "mean") for phase in PHASES if phase != "other"},
        bytes_per_event=("bytes_per_event", "mean"),
        peak_memory_bytes=("peak_memory_bytes", "max"),
        network_memory_bytes=("network_memory_bytes", "max"),
        estimated_memory_bytes=("estimated_memory_bytes", "max"),
        other_work_processors=("other_work_processors", "max"),
    )
    table = table.reset_index()
    share = (table["emulated"] / table["ranks"]).where(table["measured"] == "dry_run", 1.0)
    for count in ("neurons", "synapses", "spikes", "synaptic_events"):
        table[count] = table[count] / share
    table["deliver_s"] = (table["deliver_s"] - table["plasticity_s"]).clip(lower=0)
    phases = [f"{phase}_s" for phase in PHASES if phase != "other"]
    table["other_s"] = (table["propagation_s"] - table[phases].sum(axis=1)).clip(lower=0)
    growth = 1.0 if rows["kind"].iloc[0] == "strong" else table["ranks"]
    table["paired_speed_up"] = growth * quotient(table["alone_s"], table["propagation_s"])
    table["real_time_factor"] = table["propagation_s"] / table["model_time_s"]
    table["rate_hz"] = table["spikes"] / table["neurons"] / table["model_time_s"]
    of_all_ranks = table[["propagation_s", "network_memory_bytes"]].mul(table["ranks"], axis="index")
    table["time_per_synaptic_event_ns"] = 1e9 * quotient(of_all_ranks["propagation_s"], table["synaptic_events"])
    table["memory_per_synapse_bytes"] = quotient(of_all_ranks["network_memory_bytes"], table["synapses"])
    return table


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant and number of ranks: medians over repeats and seeds, and the propagation's extremes.

    Other work is that of the repeat with most of it.

    Efficiency is T(1) / (ranks * T(ranks)) where the network stays (strong scaling) and T(1) / T(ranks) where it grows
    with the ranks (weak scaling), against the smallest number of ranks of the same variant. Where runs of one rank and
    of several alternated, it is the median of the ratios of pairs, with the interval of :func:`interval_of_median`. The
    memory of a network is what the process grew by, and left out unless it did in all but a quarter of the repeats
    (:func:`reasons`).
    """
    repeats = by_repeat(rows)
    groups = repeats.groupby(POINT, sort=False)
    table = groups.median(numeric_only=True).drop(columns=["seed", "repeat"])
    intervals = [interval_of_median(ratios.dropna()) for _, ratios in groups["paired_speed_up"]]
    table["speed_up_low"], table["speed_up_high"] = ([ends[end] for ends in intervals] for end in (0, 1))
    table["propagation_min_s"], table["propagation_max_s"] = (
        groups["propagation_s"].min(),
        groups["propagation_s"].max(),
    )
    table["repeats"] = groups["propagation_s"].count()
    table["other_work_processors"] = other_work.largest(groups)
    column = "memory_per_synapse_bytes"
    table[column] = table[column].where(clearly_positive(groups, column))
    table = table.reset_index()
    order = {variant: position for position, variant in enumerate(rows["variant"].unique())}
    table = table.sort_values(["variant", "ranks"], key=lambda c: c.map(order) if c.name == "variant" else c)
    table = table.reset_index(drop=True)
    first = table.groupby("variant")[["ranks", "propagation_s"]].transform("first")
    gained, growth = quotient(first["propagation_s"], table["propagation_s"]), table["ranks"] / first["ranks"]
    strong = rows["kind"].iloc[0] == "strong"
    table["speed_up"] = table["paired_speed_up"].fillna(gained if strong else gained * growth)
    table["efficiency_low"], table["efficiency_high"] = table["speed_up_low"] / growth, table["speed_up_high"] / growth
    table["efficiency"] = table["speed_up"] / growth
    return table


def interval_of_median(values: "pd.Series[float]") -> tuple[float, float]:
    """Return the narrowest pair of ordered values around a median with 95 % confidence, else the smallest and largest.

    It assumes nothing of the distribution: each value is below the median as often as above. Six values are the fewest
    with 95 %; of three, the smallest and the largest have 75 %.
    """
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return math.nan, math.nan
    outside = [2 * sum(math.comb(n, k) for k in range(left_out + 1)) / 2**n for left_out in range(n // 2)]
    left_out = max((k for k, share in enumerate(outside) if share <= 1 - CONFIDENCE), default=0)
    return ordered[left_out], ordered[n - 1 - left_out]


def reasons(table: pd.DataFrame) -> dict[str, Reasons]:
    """Return why numbers of a :func:`summary` are left out, by column."""
    no_synapses = table["synapses"] == 0
    return {
        "time_per_synaptic_event_ns": {Reason.NO_EVENTS: table["synaptic_events"] == 0},
        "bytes_per_event": {Reason.NO_EVENTS: table["synaptic_events"] == 0},
        "memory_per_synapse_bytes": {Reason.NO_SYNAPSES: no_synapses, Reason.NOT_LARGER: ~no_synapses},
    }


def variant_name(variant: str) -> str:
    """Return the name of a variant as it is printed."""
    for begin, simulator in NEST.items():
        if variant.startswith(begin):
            return f"{simulator}, {variant_name(variant.removeprefix(begin))}"
    if ELSEWHERE in variant:
        own, machine = variant.split(ELSEWHERE)
        return f"{variant_name(own)}{ELSEWHERE}{machine.replace('_', ' ')}"
    names = {"eprop_plus": "e-prop+", "bellec": "Bellec et al. 2020", "stdp": "STDP"}
    return names.get(variant, variant.replace("_", " "))


def ranks_and_how(table: pd.DataFrame) -> pd.Series:
    """Return the numbers of ranks as they are printed, those of dry runs with an asterisk, of disturbed ones marked."""
    return (
        table["ranks"].astype(str) + table["measured"].map({"measured": "", "dry_run": "*"}) + other_work.marks(table)
    )
