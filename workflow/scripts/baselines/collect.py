"""Collect the results of contests between simulators in a tidy table: one row per process."""

from pathlib import Path
from typing import Any

import pandas as pd

from workflow.scripts.shared import program

COLUMNS = (
    "variant",
    "repeat",
    "neurons",
    "synapses",
    "n_steps",
    "spikes",
    "synaptic_events",
    "seconds",
    "processor_s",
    "build_s",
    "memory_built_bytes",
    "memory_bytes",
    "peak_memory_bytes",
    "bytes_moved_per_event",
    "threads",
    "other_work_processors",
)


def rows(network: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row per process of one contest."""
    provenance, dt = result["provenance"], result["network"]["dt"]
    return [
        {
            "network": network,
            "simulator": f"NEST {provenance['nest']}" if measured["simulator"] == "NEST" else measured["simulator"],
            **{column: measured.get(column) for column in COLUMNS},
            **{f"{phase}_s": seconds for phase, seconds in measured.get("phases_s", {}).items()},
            **measured.get("machine", {}),
            "model_time_s": measured["n_steps"] * dt * 1e-3,
            "left_out": "; ".join(f"{variant}: {reason}" for variant, reason in result["left_out"].items()),
            "host": provenance["hosts"][0],
            "cpu": provenance["cpu"],
            "commit": provenance["code"]["commit"],
        }
        for measured in result["measured"]
    ]


def main() -> None:
    """Write the table of all simulators."""
    options = program.parser("workflow.scripts.baselines.collect", __doc__, "table (CSV)")
    options.add_argument("plan", type=Path, help="JSON file: result files by network")
    given = options.parse_args()
    results = program.read_json(given.plan)["results"].items()
    table = [row for network, file in results for row in rows(network, program.read_json(Path(file)))]
    pd.DataFrame(table).to_csv(given.output[0], index=False)


if __name__ == "__main__":
    program.run(main)
