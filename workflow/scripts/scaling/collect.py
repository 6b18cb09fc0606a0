"""Collect the result files of a scaling experiment in a tidy table: one row per variant, run, repeat and rank."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from eprop_core.errors import printable
from eprop_core.experiments import points
from eprop_core.experiments.interconnect.parameters import Interconnect
from eprop_core.experiments.interconnect.result import InterconnectResult
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.experiments.scaling.result import MessageCost, ScalingResult
from eprop_core.files.text import read_json
from eprop_core.measurement.results import Counts, Phases
from eprop_core.parsing import ParameterError, shown
from eprop_core.ranks.exchange_cost import Destinations
from workflow.scripts.scaling.numbers import ELSEWHERE
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Amount, Count, Number, Table, read

RUNS = Table(
    {
        "experiment": str,
        "variant": str,
        "kind": Timing.model_fields["kind"].annotation,
        "measured": Literal["measured", "dry_run"],
        "ranks": Number,
        "rank": Count,
        "emulated_together": Number | None,
        "seed": Count,
        "repeat": Number,
        "network_neurons": Number,
        **dict.fromkeys(Counts.model_fields, Count),
        "model_time_s": Annotated[float, Field(gt=0)],
        "propagation_s": Amount,
        "alone_s": Amount | None,
        **{f"{phase}_s": Amount for phase in Phases.model_fields},
        "destinations": Destinations,
        "interval_ms": Annotated[float, Field(gt=0)],
        "exchanges": Count,
        "received_bytes": Count,
        "modelled_to_all_s": Amount | None,
        "modelled_to_targets_s": Amount | None,
        "bytes_per_event": Amount | None,
        "peak_memory_bytes": Count,
        "network_memory_bytes": int,
        "estimated_memory_bytes": Count,
        "other_work_processors": Amount | None,
        "processors": Amount,
        "threads": Number,
        "host": str,
        "cpu": str,
        "mpi": str | None,
        "commit": str | None,
    },
    key=("experiment", "variant", "measured", "ranks", "rank", "seed", "repeat"),
)


def rows(result: ScalingResult, experiment: str, interconnect: Interconnect | None) -> list[dict[str, Any]]:
    """Return a row per variant, repeat and rank of one job.

    In a dry run no time passes in messages: the time that ``interconnect`` would need for them is added to
    ``communicate_s`` and ``propagation_s``, and is also in ``modelled_to_all_s`` and ``modelled_to_targets_s``.
    """
    provenance, table = result.provenance, []
    for variant, run in result.variants.items():
        for repeat, of_ranks in enumerate(run.repeats, start=1):
            for process, measured in enumerate(of_ranks):
                modelled = _modelled(measured.modelled, interconnect) if result.dry_run else {}
                added = modelled.get(measured.destinations, 0.0)
                traffic = measured.traffic.get(measured.destinations)
                times = measured.times_s.model_dump()
                times["communicate"] += added
                row = {
                    "experiment": experiment,
                    "variant": variant,
                    "kind": result.parameters.kind,
                    "measured": "dry_run" if result.dry_run else "measured",
                    "ranks": result.ranks,
                    "rank": measured.rank,
                    "emulated_together": result.together or math.nan,
                    "seed": result.seed,
                    "repeat": repeat,
                    "network_neurons": run.network.n_recurrent,
                    **measured.counts.model_dump(),
                    "model_time_s": run.model_time_s,
                    "propagation_s": measured.propagation_s + added,
                    "alone_s": run.alone_s[repeat - 1] if run.alone_s else math.nan,
                    **{f"{phase}_s": seconds for phase, seconds in times.items()},
                    "destinations": measured.destinations,
                    "interval_ms": run.interval_steps * run.network.dt,
                    "exchanges": traffic.exchanges if traffic else 0,
                    "received_bytes": traffic.received_bytes if traffic else 0,
                    "modelled_to_all_s": modelled.get("all", math.nan),
                    "modelled_to_targets_s": modelled.get("targets", math.nan),
                    "bytes_per_event": math.nan if measured.bytes_per_event is None else measured.bytes_per_event,
                    "peak_memory_bytes": measured.peak_memory_bytes,
                    "network_memory_bytes": measured.peak_memory_bytes - result.memory_without_network_bytes[process],
                    "estimated_memory_bytes": run.estimated_memory_bytes,
                    "other_work_processors": measured.other_work_processors,
                    "processors": provenance.processors[process],
                    "threads": provenance.threads[process],
                    "host": provenance.hosts[process],
                    "cpu": provenance.cpu,
                    "mpi": provenance.mpi,
                    "commit": provenance.code.commit,
                }
                table.append(row)
    return table


def measured_elsewhere(file: Path, machine: str, own: pd.DataFrame) -> pd.DataFrame:
    """Return what another machine measured of the variants of ``own``, a table of runs, as variants of their own.

    Raises
    ------
    ParameterError
        The file is no table of runs of this experiment, has no measured run of one of the variants, or has formulas.
    """
    table = read(file, RUNS)
    experiment = own["experiment"].iloc[0]
    chosen = (table["measured"] == "measured") & table["variant"].isin(own["variant"])
    if not chosen.any() or set(table["kind"]) != set(own["kind"]):
        raise ParameterError(
            f"{printable(file)}: has no measured run of {experiment} scaling: expected its table of runs"
        )
    for name, column in table[list(own)].select_dtypes(exclude="number").items():
        if found := next((cell for cell in column.dropna().astype(str) if points.is_formula(cell)), None):
            raise ParameterError(
                f"{printable(file)}: {name} = {shown(found)}: spreadsheets would compute it; expected no formula"
            )
    return table[chosen].assign(experiment=experiment, variant=table["variant"] + ELSEWHERE + machine)[list(own)]


def _modelled(
    costs: Mapping[Destinations, MessageCost], interconnect: Interconnect | None
) -> dict[Destinations, float]:
    """Return the time in s of a dry run's messages, to all ranks and to those with targets."""
    if interconnect is None:
        raise ValueError("a dry run needs the latency and the bandwidth between two ranks")
    latency, bandwidth = 1e-6 * interconnect.latency, 1e9 * interconnect.bandwidth
    return {destinations: cost.messages * latency + cost.bytes / bandwidth for destinations, cost in costs.items()}


def main() -> None:
    """Write the table of one scaling experiment."""
    options = program.parser("workflow.scripts.scaling.collect", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: name, interconnect and result files of the experiment")
    options.add_argument("--interconnect", type=Path, help="measurement of the interconnect, where the plan has none")
    given = options.parse_args()
    experiment = read_json(given.plan)
    asked.check(experiment)
    interconnect = experiment["interconnect"] and Interconnect.model_validate(experiment["interconnect"])
    if given.interconnect is not None:
        interconnect = InterconnectResult.read(given.interconnect).interconnect
    results = [ScalingResult.read(file) for file in experiment["results"]]
    table = [row for result in results for row in rows(result, experiment["experiment"], interconnect)]
    own = pd.DataFrame(table)
    others = [measured_elsewhere(Path(file), of, own) for of, file in experiment["measured_elsewhere"].items()]
    pd.concat([own, *others]).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
