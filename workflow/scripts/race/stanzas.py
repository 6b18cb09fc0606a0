"""Stanzas for ``benchmarks/points.yaml`` from results: a point per network, simulator and number of cores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from eprop_core.experiments.baselines.result import OWN, OWN_RULE, BaselineResult, Learned, Process
from eprop_core.experiments.scaling.result import NEST_RANKS, NEST_THREADS, ScalingResult
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, parse
from eprop_core.records import Provenance
from workflow.scripts.race import fixed
from workflow.scripts.race.fixed import PLASTIC
from workflow.scripts.race.points import NETWORKS, NOBODY, Point
from workflow.scripts.scaling import collect
from workflow.scripts.scaling.numbers import by_repeat
from workflow.scripts.shared import other_work, program

SIMULATORS = {PLASTIC: OWN, f"{NEST_THREADS}{PLASTIC}": "NEST", f"{NEST_RANKS}{PLASTIC}": "NEST, MPI"}
"""Simulators by variant of the result; "NEST" alone is NEST on threads."""
DIGITS = 4
"""Of the numbers."""


def stanzas(network: str, result: BaselineResult) -> list[dict[str, Any]]:
    """Return a point for each simulator that was measured with plastic synapses."""
    by_simulator: dict[str, list[Process]] = {}
    for process in result.processes:
        if process.variant == "plastic":
            by_simulator.setdefault(process.simulator, []).append(process)
    return [
        {
            "network": network,
            "simulator": label,
            "version": result.simulators[label].version,
            "computes": result.simulators[label].computes,
            "hardware": {
                "processor": result.provenance.cpu,
                "cores": processes[0].threads,
                **({"gpu": processes[0].gpu} if processes[0].gpu else {}),
            },
            "measured": with_training(measured(processes), result.learned.get(label)),
            **origin(result.provenance),
        }
        for label, processes in by_simulator.items()
    ]


def stanzas_of_plan(plan: dict[str, Any], file: Path) -> list[dict[str, Any]]:
    """Return the points of all results that a plan, from ``file``, lists by network; others have no place in the race.

    Raises
    ------
    ParameterError
        The problem of a result is not that of the race.
    """
    made = []
    for network in NETWORKS:
        if network in plan["results"]:
            result, values = BaselineResult.read(plan["results"][network]), plan["tasks"][network]
            task = None if values is None else parse(TaskParameters, values, f"{file}: tasks.{network}: ")
            _explained(plan["results"][network], fixed.check, network, result.parameters, task)
            made += stanzas(network, result)
    return made


def _explained(file: Path | str, check: Callable[..., None], *arguments: Any) -> None:
    """Call a check; its error names the file of the result."""
    try:
        check(*arguments)
    except ParameterError as error:
        raise ParameterError(f"{file}: {error}") from None


def stanzas_of_scaling(results: list[ScalingResult]) -> list[dict[str, Any]]:
    """Return a point for each simulator and number of ranks or threads; other work disturbs it, and leaves it out."""
    groups: dict[tuple[str, int], list[ScalingResult]] = {}
    for result in results:
        for variant in SIMULATORS:
            if variant in result.variants and not result.dry_run:
                groups.setdefault((variant, result.ranks), []).append(result)
    made = []
    for (variant, n_cores), of_group in groups.items():
        rows = [row for result in of_group for row in collect.rows(result, "scaling", None)]
        runs = by_repeat(pd.DataFrame(rows).query("variant == @variant"))
        if runs[other_work.COLUMN].isna().any() or other_work.disturbed(runs).any():
            continue
        first, is_own = of_group[0], variant == PLASTIC
        made.append(
            {
                "network": "scaling",
                "simulator": SIMULATORS[variant],
                "version": first.provenance.packages.get("eprop-core") if is_own else first.provenance.nest,
                "computes": OWN_RULE,
                "hardware": {"processor": first.provenance.cpu, "cores": n_cores},
                "measured": {
                    "ns_per_event": spread(1e9 * runs["propagation_s"] / runs["synaptic_events"]),
                    "clock": "wall",
                    "bytes_per_synapse": _memory(runs["memory_per_synapse_bytes"]),
                    "repeats": len(runs),
                    "events": float(runs["synaptic_events"].median()),
                },
                **origin(first.provenance),
            }
        )
    return sorted(made, key=lambda stanza: (stanza["simulator"] != OWN, stanza["hardware"]["cores"]))


def with_training(numbers: dict[str, Any], learned: Learned | None) -> dict[str, Any]:
    """Return the numbers of a simulator with those of its training, if there was one."""
    if learned is None:
        return numbers
    seconds = learned.processor_s if numbers["clock"] == "processor" else learned.seconds
    return numbers | {
        "training": {
            "samples": learned.samples,
            "seconds": rounded(seconds),
            "accuracy": rounded(learned.accuracy),
            "test_samples": learned.test_samples,
            "learning_rate": learned.learning_rate_factor,
        }
    }


def measured(processes: list[Process]) -> dict[str, Any]:
    """Return the numbers of a simulator: of wall times or, where one was disturbed, of the core's own time."""
    table = pd.DataFrame([process.model_dump(exclude={"machine"}) for process in processes])
    disturbed = bool(table[other_work.COLUMN].isna().any() or other_work.disturbed(table).any())
    times = 1e9 * table["processor_s" if disturbed else "seconds"] / table["synaptic_events"]
    return {
        "ns_per_event": spread(times),
        "clock": "processor" if disturbed else "wall",
        "bytes_per_synapse": _memory(table["memory_bytes"] / table["synapses"]),
        "repeats": len(table),
        "events": float(table["synaptic_events"].median()),
    }


def spread(values: "pd.Series[float]") -> dict[str, float]:
    """Return median and quartiles."""
    quantiles = {"median": 0.5, "low": 0.25, "high": 0.75}
    return {name: rounded(float(values.quantile(share))) for name, share in quantiles.items()}


def _memory(values: "pd.Series[float]") -> float | None:
    """Return the median of bytes per synapse; None where the process did not grow: what it took was free before."""
    median = float(values.median())
    return rounded(median) if median > 0 else None


def rounded(value: float) -> float:
    """Return a number with as many digits as a stanza has."""
    return float(f"{value:.{DIGITS}g}")


def origin(provenance: Provenance) -> dict[str, str | None]:
    """Return where a point comes from, but not from whom."""
    return {"commit": provenance.code.commit, "by": NOBODY, "date": provenance.date[:10]}


def main() -> None:
    """Write the stanzas."""
    options = program.parser("workflow.scripts.race.stanzas", __doc__, "stanzas (YAML)")
    options.add_argument("plan", type=Path, help="JSON file: result files by network")
    options.add_argument("--scaling", type=Path, nargs="*", default=[], help="result files of nest_strong")
    given = options.parse_args()
    made = stanzas_of_plan(read_json(given.plan), given.plan)
    of_scaling = [ScalingResult.read(file) for file in given.scaling]
    for file, result in zip(given.scaling, of_scaling, strict=True):
        _explained(file, fixed.check_scaling, result.parameters, result.seed)
    made += stanzas_of_scaling(of_scaling)
    if not made:
        raise ParameterError(f"{given.plan}: no result that could be a point; the race has {', '.join(NETWORKS)}")
    for stanza in made:
        parse(Point, stanza | {"by": "someone"}, f"{given.plan}: {stanza['network']}, {stanza['simulator']}: ")
    given.output[0].write_text(yaml.safe_dump(made, sort_keys=False, allow_unicode=True), encoding="utf-8")


if __name__ == "__main__":
    program.run(main)
