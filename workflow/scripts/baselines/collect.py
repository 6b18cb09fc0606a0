"""Collect the results of the comparison of simulators in tidy tables: rows per process, and of memory over time."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.baselines.result import Agreement, BaselineResult
from eprop_core.files.text import read_json
from workflow.scripts.shared import asked, program


def rows(network: str, result: BaselineResult) -> list[dict[str, Any]]:
    """Return a row per process on one network."""
    provenance = result.provenance
    return [
        {
            "network": network,
            **process.model_dump(exclude={"machine", "memory_over_time_bytes", "wait_s", "host"}),
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
    for of_result, file in zip((rows, memory_rows), given.output, strict=True):
        table = [row for network, result in read.items() for row in of_result(network, result)]
        pd.DataFrame(table).to_csv(file, index=False)


if __name__ == "__main__":
    program.run(main)
