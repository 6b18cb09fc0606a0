"""Collect the timing runs of the break-even experiment in one tidy table: a row per repeat."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

import script_log
from collect_study import value_at


def rows(point: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one run of a ``point``, which has ``series``, ``parameter`` (a path) and ``results``."""
    head = {
        "series": point["series"],
        "parameter": point["parameter"],
        "value": value_at(result["parameters"], point["parameter"]),
        "seed": result["seed"],
        **{name: result[name] for name in ("rate_hz", "synapses", "pairs", "synaptic_events_per_step")},
        "cpu": result["provenance"]["cpu"],
        **{name: result["provenance"][name][0] for name in ("processors", "threads")},
    }
    seconds = result["seconds_per_step"]
    return [
        {
            **head,
            "repeat": repeat,
            **{f"{model}_s": times[repeat] for model, times in seconds.items()},
            "other_work_processors": other_work,
        }
        for repeat, other_work in enumerate(result["other_work_processors"])
    ]


def main(snakemake: Any) -> None:
    """Write the table."""
    table = [
        row
        for point in snakemake.params.points
        for file in point["results"]
        for row in rows(point, json.loads(Path(file).read_text(encoding="utf-8")))
    ]
    pd.DataFrame(table).to_csv(snakemake.output[0], index=False)


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
