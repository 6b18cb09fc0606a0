"""Collect pairs of trainings that differ by one spike in tidy tables: a row per pair; a row per pair and time."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from eprop_core.experiments.studies.sensitivity import SensitivityResult
from eprop_core.files.text import read_json
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import Amount, Count, Share, Table

RUNS = Table(
    {
        "task": str,
        "seed": Count,
        "loss": SensitivityResult.model_fields["loss"].annotation,
        "same_spikes_ms": Amount | None,
        "voltage_difference": Amount | None,
        "share_of_differing_spikes": Share | None,
        "weight_distance": Amount | None,
        "training_loss": Amount,
        "training_loss_without_spike": Amount,
        "cpu": str,
        "commit": str | None,
        "test_loss": Amount | None,
        "test_loss_without_spike": Amount | None,
        "test_loss_difference": float | None,
        "test_accuracy": Share | None,
        "test_accuracy_without_spike": Share | None,
        "test_accuracy_difference": float | None,
    },
    key=("task", "seed"),
)
MEASURES = (
    "voltage_difference",
    "share_of_differing_spikes",
    "weight_distance",
    "training_loss",
    "training_loss_without_spike",
)
CURVES = Table(
    {
        "task": str,
        "seed": Count,
        "measure": Literal[MEASURES],
        "time_ms": Annotated[float, Field(gt=0)],
        "value": Amount | None,
    },
    key=("task", "seed", "measure", "time_ms"),
)


def run_row(task: str, result: SensitivityResult) -> dict[str, Any]:
    """Return the row of a pair: for how long spikes are equal, how far the runs are apart at the end, and scores."""
    parted = next((window for window in result.distances if window.spikes_of_one_run), None)
    last, weights, losses = result.distances[-1], result.weights[-1], result.losses[-1].losses
    row = {
        "task": task,
        "seed": result.seed,
        "loss": result.loss,
        "same_spikes_ms": None if parted is None else parted.first_step * result.dt,
        "voltage_difference": last.voltage,
        "share_of_differing_spikes": share_of_spikes(last.spikes, last.spikes_of_one_run),
        "weight_distance": quotient(weights.between_runs, weights.since_start),
        "training_loss": losses[0],
        "training_loss_without_spike": losses[1],
        "cpu": result.provenance.cpu,
        "commit": result.provenance.code.commit,
    }
    for name, pair in (("test_loss", result.test_losses), ("test_accuracy", result.test_accuracies)):
        row |= dict(zip((name, f"{name}_without_spike"), pair or (None, None), strict=True))
        row[f"{name}_difference"] = None if pair is None else pair[1] - pair[0]
    return row


def share_of_spikes(spikes: tuple[int, int], of_one_run: int) -> float | None:
    """Return the share of the spikes of either run that the other lacks; None where there are none."""
    return quotient(of_one_run, (sum(spikes) + of_one_run) / 2)


def quotient(numerator: float, denominator: float) -> float | None:
    """Return the quotient; None where the denominator is zero."""
    return numerator / denominator if denominator else None


def curve(task: str, result: SensitivityResult) -> pd.DataFrame:
    """Return a row per measure and time since the missing spike, ms: the middle of a window, or the end of a sample."""
    rows: list[tuple[str, float, float | None]] = []
    for window in result.distances:
        middle = float(np.sqrt((window.first_step + 1) * (window.last_step + 1))) * result.dt
        share = share_of_spikes(window.spikes, window.spikes_of_one_run)
        rows += [("voltage_difference", middle, window.voltage), ("share_of_differing_spikes", middle, share)]
    for weights, losses in zip(result.weights, result.losses, strict=True):
        time = weights.step * result.dt
        rows += [
            ("weight_distance", time, quotient(weights.between_runs, weights.since_start)),
            ("training_loss", time, losses.losses[0]),
            ("training_loss_without_spike", time, losses.losses[1]),
        ]
    table = pd.DataFrame(rows, columns=["measure", "time_ms", "value"])
    return table.assign(task=task, seed=result.seed)[["task", "seed", "measure", "time_ms", "value"]]


def main() -> None:
    """Write the tables."""
    options = program.parser("workflow.scripts.sensitivity.collect", __doc__, "tables of pairs and of times (CSV)", 2)
    options.add_argument("plan", type=Path, help="JSON file: result files by task")
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    results = [(task, SensitivityResult.read(file)) for task, files in plan["results"].items() for file in files]
    tables = [pd.DataFrame([run_row(*pair) for pair in results]), pd.concat([curve(*pair) for pair in results])]
    for table, file in zip(tables, given.output, strict=True):
        table.to_csv(file, index=False)


if __name__ == "__main__":
    program.run(main)
