"""Numbers in table and figure of the simulators, from the tidy table of their processes: medians over repeats."""

import math

import pandas as pd

from eprop_core.experiments.baselines.result import OWN, Agreement
from workflow.scripts.shared import other_work
from workflow.scripts.shared.left_out import Reason, Reasons, clearly_positive, positive, quotient

NEST = "NEST"
AGREEMENT = tuple(Agreement.model_fields)
"""What simulators with plastic synapses compute, compared with this one."""
COLUMNS = (
    "simulator",
    "version",
    "computes",
    "network",
    "variant",
    "rate_hz",
    "synapses",
    "synaptic_events",
    "seconds",
    "ns_per_synaptic_event",
    "bytes_per_synapse",
    "synapses_built_per_second",
    *AGREEMENT,
    "seconds_iqr",
    "threads",
    "other_work_processors",
)
"""Columns of the table."""


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network, variant and simulator, in the order of the configuration.

    Beside the columns of the table: quartiles, the ratio of NEST's time to a time (training runs:
    whole runs; else per event, also of the time-driven model), and the machine's limit: the time in which it moves the
    bytes of a synapse, at the bandwidth measured in the same processes, and that with a visit to the synapse's target.
    The time of the time-driven model and all memory are differences of two measurements, and left out unless they are
    above zero in all but a quarter of the processes (:func:`reasons`).
    """
    runs = runs.assign(
        rate_hz=runs["spikes"] / runs["neurons"] / runs["model_time_s"],
        ns_per_synaptic_event=1e9 * quotient(runs["seconds"], runs["synaptic_events"]),
        bytes_per_synapse=quotient(runs["memory_bytes"], runs["synapses"]),
        synapses_built_per_second=positive(quotient(runs["synapses"], runs["build_s"])),
        buffer_bytes_per_neuron=(runs["memory_bytes"] - runs["memory_built_bytes"]) / runs["neurons"],
        stream_ns=1e9 * runs["bytes_moved_per_event"] / _of_kind(runs, "read_bytes_per_s", "update_bytes_per_s"),
        target_ns=1e9 * _of_kind(runs, "add_s", "gather_s"),
    )
    runs["limit_ns"] = runs["stream_ns"] + runs["target_ns"]
    runs[list(AGREEMENT)] = runs[list(AGREEMENT)].astype(float)
    groups = runs.groupby(["network", "variant", "simulator"], sort=False)
    table = groups.median(numeric_only=True)
    for column in ("seconds", "ns_per_synaptic_event", "bytes_per_synapse"):
        table[f"{column}_low"] = groups[column].quantile(0.25)
        table[f"{column}_high"] = groups[column].quantile(0.75)
        shown = [column, f"{column}_low", f"{column}_high"]
        table[shown] = table[shown].where(clearly_positive(groups, column))
    table["other_work_processors"] = other_work.largest(groups)  # of the process with most of it
    table["seconds_iqr"] = table["seconds_high"] - table["seconds_low"]
    table["buffer_bytes_per_neuron"] = table["buffer_bytes_per_neuron"].where(table["buffer_bytes_per_neuron"] >= 0)
    table["repeats"] = groups.size()
    table[["version", "computes"]] = groups[["version", "computes"]].first()
    table = table.reset_index()
    table["ratio_to_nest"] = [_ratio(row, table) for row in table.itertuples()]
    return table


def reasons(table: pd.DataFrame) -> dict[str, Reasons]:
    """Return why numbers of a :func:`summary` are left out, by column."""
    no_events, no_synapses = table["synaptic_events"] == 0, table["synapses"] == 0
    per_event = {Reason.NO_EVENTS: no_events, Reason.NOT_LONGER: table["seconds"].isna()}
    has_limit = (table["simulator"] == OWN) & table["variant"].isin(["plastic", "static"])
    return {
        "seconds": {Reason.NOT_LONGER: table["seconds"].isna()},
        "ns_per_synaptic_event": per_event,
        "ratio_to_nest": per_event,
        "times_the_limit": {Reason.NO_EVENTS: no_events & has_limit},
        "bytes_per_synapse": {Reason.NO_SYNAPSES: no_synapses, Reason.NOT_LARGER: ~no_synapses},
        "buffer_bytes_per_neuron": {Reason.GIVEN_BACK: table["memory_built_bytes"].notna()},
        "synapses_built_per_second": {Reason.NO_SYNAPSES: no_synapses & table["build_s"].notna()},
    }


def _of_kind(runs: pd.DataFrame, static: str, plastic: str) -> pd.Series:
    """A static synapse is read, and adds to its target's input; a plastic one is written, too, and reads sums."""
    return runs[plastic].where(runs["variant"] != "static", runs[static])


def _ratio(row: object, table: pd.DataFrame) -> float:
    """NEST's time over this one: of the same variant, and for the time-driven model of event-driven e-prop."""
    network, variant = row.network, row.variant  # type: ignore[attr-defined]
    variant = "plastic" if variant == "time_driven" else variant
    of_network = table[(table["network"] == network) & (table["variant"] == variant)]
    nest = of_network[of_network["simulator"] == NEST]
    column = "seconds" if variant == "training" else "ns_per_synaptic_event"
    return float(nest[column].iloc[0] / getattr(row, column)) if len(nest) else math.nan
