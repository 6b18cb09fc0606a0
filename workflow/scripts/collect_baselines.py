"""Collect the results of contests between simulators in a tidy table: one row per process."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

import script_log

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


def main(snakemake: Any) -> None:
    """Write the table of all contests."""
    results = zip(snakemake.params.networks, snakemake.input, strict=True)
    table = [row for network, file in results for row in rows(network, json.loads(Path(file).read_text("utf-8")))]
    pd.DataFrame(table).to_csv(snakemake.output[0], index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
