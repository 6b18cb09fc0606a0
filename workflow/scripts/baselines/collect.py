"""Collect the results of the comparison of simulators in tidy tables: rows per process, and of memory over time."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from eprop_core.experiments.baselines.result import Agreement, BaselineResult, MachineSpeed, Process
from eprop_core.files.text import read_json
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Count, Number, Table, columns_of

NOT_IN_ROWS = ("machine", "memory_over_time_bytes", "wait_s", "host")
RUNS = Table(
    {
        "network": str,
        **columns_of(Process, *NOT_IN_ROWS),
        "neurons": Number,
        "version": str,
        "computes": str | None,
        **columns_of(Agreement),
        **dict.fromkeys(MachineSpeed.model_fields, float | None),
        "model_time_s": Annotated[float, Field(gt=0)],
        "left_out": str | None,
        "host": str,
        "cpu": str,
        "commit": str | None,
    },
    key=("network", "simulator", "variant", "repeat"),
)
MEMORY = Table(
    {
        "network": str,
        "simulator": str,
        "version": str,
        "model_time_s": Annotated[float, Field(gt=0)],
        "synapses": Count,
        "neurons": Number,
        "memory_bytes": int,
    },
    key=("network", "simulator", "model_time_s"),
)


def rows(network: str, result: BaselineResult) -> list[dict[str, Any]]:
    """Return a row per process on one network."""
    provenance = result.provenance
    return [
        {
            "network": network,
            **process.model_dump(exclude=set(NOT_IN_ROWS)),
            "version": result.simulators[process.simulator].version,
            "computes": None if process.variant == "static" else result.simulators[process.simulator].computes,
            **_agreement(result.simulators[process.simulator].agreement if process.variant == "plastic" else None),
            **(process.machine.model_dump() if process.machine else {}),
            "model_time_s": process.n_steps * result.network.dt * 1e-3,
            "left_out": "; ".join(f"{variant}: {reason}" for variant, reason in result.left_out.items()),
            "host": provenance.hosts[0],
            "cpu": provenance.cpu,
            "commit": provenance.code.commit,
        }
        for process in result.processes
        if process.variant != "memory"
    ]


def memory_rows(network: str, result: BaselineResult) -> list[dict[str, Any]]:
    """Return a row per simulator and part of the run in which memory was measured over time."""
    return [
        {
            "network": network,
            "simulator": process.simulator,
            "version": result.simulators[process.simulator].version,
            "model_time_s": part * process.n_steps / len(over_time) * result.network.dt * 1e-3,
            "synapses": process.synapses,
            "neurons": process.neurons,
            "memory_bytes": memory,
        }
        for process in result.processes
        if (over_time := process.memory_over_time_bytes)
        for part, memory in enumerate(over_time, start=1)
    ]


def _agreement(agreement: Agreement | None) -> dict[str, float | None]:
    return agreement.model_dump() if agreement is not None else dict.fromkeys(Agreement.model_fields)


def main() -> None:
    """Write the table of all simulators."""
    outputs = "tables of processes and of memory (CSV)"
    options = program.parser("workflow.scripts.baselines.collect", __doc__, outputs, 2)
    options.add_argument("plan", type=Path, help="JSON file: result files by network")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    read = {network: BaselineResult.read(file) for network, file in plan["results"].items()}
    for of_result, table, file in zip((rows, memory_rows), (RUNS, MEMORY), given.output, strict=True):
        made = [row for network, result in read.items() for row in of_result(network, result)]
        pd.DataFrame(made, columns=list(table.columns)).to_csv(file, index=False)


if __name__ == "__main__":
    program.run(main)
