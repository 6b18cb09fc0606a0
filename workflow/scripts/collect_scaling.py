"""Collect the result files of a scaling experiment in a tidy table: one row per run, repeat and rank."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

import script_log


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row per repeat and rank of one run."""
    provenance, network = result["provenance"], result["network"]
    return [
        {
            "kind": result["parameters"]["kind"],
            "ranks": provenance["ranks"],
            "seed": result["seed"],
            "repeat": repeat,
            "rank": rank,
            "network_neurons": network["n_recurrent"],
            "neurons": measured["neurons"],
            **measured["synapses"],
            **measured["counts"],
            "model_time_s": result["model_time_s"],
            "propagation_s": measured["propagation_s"],
            **{f"{phase}_s": seconds for phase, seconds in measured["times_s"].items()},
            "peak_memory_bytes": measured["peak_memory_bytes"],
            "network_memory_bytes": measured["peak_memory_bytes"] - result["memory_without_network_bytes"][rank],
            "host": provenance["hosts"][rank],
            "cpu": provenance["cpu"],
            "mpi": provenance["mpi"],
            "commit": provenance["code"]["commit"],
        }
        for repeat, of_ranks in enumerate(result["repeats"], start=1)
        for rank, measured in enumerate(of_ranks)
    ]


def collect(files: list[str]) -> pd.DataFrame:
    """Return the rows of all result ``files``."""
    return pd.DataFrame([row for file in files for row in rows(json.loads(Path(file).read_text(encoding="utf-8")))])


def main(snakemake: Any) -> None:
    """Write the table of one scaling experiment."""
    collect(list(snakemake.input)).to_csv(snakemake.output[0], index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
