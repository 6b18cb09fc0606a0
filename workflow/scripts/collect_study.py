"""Collect the result files of a study in two tidy tables: a row per run, and a row per run and point of its curve."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

import script_log


def value_at(parameters: dict[str, Any], path: str) -> Any:
    """Return the parameter at a path such as ``network.input.connectivity.probability``; other values as JSON."""
    value: Any = parameters
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int | float | str) else json.dumps(value)


def run_row(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a run is told by: score, cost, activity and size."""
    counts, shown = result["counts"], result["samples"]["shown"]
    return {
        "seed": result["seed"],
        "test_accuracy": result["test"]["accuracy"],
        "test_loss": result["test"]["loss"],
        "test_samples": result["test"]["samples"],
        "chance": 1 / result["classes"],
        "training_samples_shown": shown,
        "neurons": counts["neurons"],
        "synapses": counts["synapses"],
        "synaptic_events_per_sample": counts["synaptic_events"] / shown,
        "rate_hz": result["rate_hz"],
        "training_time_per_sample_s": result["training_time_per_sample_s"],
        "total_time_s": sum(result["times_s"].values()),
        "peak_memory_bytes": max(rank["peak_memory_bytes"] for rank in result["per_rank"]),
        "ranks": result["provenance"]["ranks"],
        "cpu": result["provenance"]["cpu"],
        "commit": result["provenance"]["code"]["commit"],
    }


def collect(points: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs and their curves. A column per varied parameter holds its value in each run.

    ``points`` are dictionaries of ``task``, ``changes`` (values by path), ``default`` (whether the changes change
    nothing) and ``results`` (file names). The column ``varied`` holds the paths that a point changes.
    """
    paths = list(dict.fromkeys(path for point in points for path in point["changes"]))
    runs: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    for point in points:
        for file in point["results"]:
            result = json.loads(Path(file).read_text(encoding="utf-8"))
            head = {
                "task": point["task"],
                "varied": " ".join(point["changes"]),
                "default": point["default"],
                **{path: value_at(result["parameters"], path) for path in paths},
            }
            runs.append({**head, **run_row(result), "file": file})
            curves += [{**head, "seed": result["seed"], **row} for row in result["curve"]]
    return pd.DataFrame(runs), pd.DataFrame(curves)


def main(snakemake: Any) -> None:
    """Write the tables of one study."""
    runs, curves = collect(snakemake.params.points)
    runs.to_csv(snakemake.output.runs, index=False)
    curves.to_csv(snakemake.output.curves, index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
