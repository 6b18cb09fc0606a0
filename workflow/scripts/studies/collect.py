"""Collect the result files of a study in tidy tables.

A row per run; a row per run and point of its curve; and, of tasks in which no answer is right or wrong, a row per step
and readout of the first run's last answer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eprop_core.errors import printable
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, shown
from eprop_core.training.curve import CurvePoint
from workflow.scripts.shared import asked, program
from workflow.scripts.shared.read_table import PATHS, Amount, Count, Number, Share, Table, columns_of, read
from workflow.scripts.shared.values import value_at
from workflow.scripts.studies import parameter_paths

_POINT = {
    "task": str,
    "point": Count,
    "variant": str | None,
    "series": str | None,
    "panel": str | None,
    "varied": str | None,
    "tuned": str | None,
    "default": bool,
    "margin": Amount,
    "seed": Count,
}
RUNS = Table(
    {
        **_POINT,
        "test_accuracy": Share | None,
        "test_loss": Amount | None,
        "test_samples": Count,
        "training_loss": Amount,
        "training_nmse": Amount | None,
        "loss": StudyResult.model_fields["loss"].annotation,
        "loss_of_best_constant": Amount,
        "chance": Share | None,
        "training_samples_shown": Number,
        "neurons": Number,
        "synapses": Count,
        "synaptic_events_per_sample": Amount,
        "operations_per_sample": Amount,
        "dense_operations_per_sample": Count,
        "rate_hz": Amount,
        "training_time_per_sample_s": Amount,
        "training_time_per_event_s": Amount | None,
        "goal": Amount | None,
        "time_to_goal_s": Amount | None,
        "total_time_s": Amount,
        "peak_memory_bytes": Count,
        "ranks": Number,
        "cpu": str,
        "commit": str | None,
        "file": str,
    },
    key=("point", "seed"),
    others=PATHS,
)
CURVES = Table(
    {**_POINT, **columns_of(CurvePoint), "samples": Number, "training_nmse": Amount | None},
    key=("point", "seed", "samples"),
    others=PATHS,
)
ANSWERS = Table(
    {"task": str, "seed": Count, "readout": Count, "step": Count, "target": float, "answer": float},
    key=("task", "readout", "step"),
    may_be_empty=True,
)
LAST_POINTS = 10
"""Points at the end of a curve whose mean is the final training loss; a single one scatters."""


def time_to(goal: float, curve: list[CurvePoint]) -> float | None:
    """Return the seconds of training after which a curve reaches ``goal`` for the first time; None: it does not.

    Where answers are right or wrong, the goal is an accuracy: of validation samples, if there are any, otherwise of the
    training samples while they are learned. Elsewhere it is a training loss.
    """
    if curve[0].training_accuracy is None:
        return next((point.training_time_s for point in curve if point.training_loss <= goal), None)
    validation = any(point.validation_accuracy is not None for point in curve)
    for point in curve:
        accuracy = point.validation_accuracy if validation else point.training_accuracy
        if accuracy is not None and accuracy >= goal:
            return point.training_time_s
    return None


def nmse(loss: float, result: StudyResult) -> float | None:
    """Return the normalized mean squared error, ``loss`` over that of the target's mean.

    None where answers are right or wrong, or the target is constant.
    """
    reference = result.loss_of_best_constant
    return None if result.chance is not None or reference == 0 else loss / reference


def run_row(result: StudyResult, goal: float | None) -> dict[str, Any]:
    """Return the row of a run: score, cost, activity and size."""
    counts, n_shown, test, operations = result.counts, result.samples.shown, result.test, result.operations_per_sample
    training_loss = float(np.mean([point.training_loss for point in result.curve[-LAST_POINTS:]]))
    return {
        "seed": result.seed,
        "test_accuracy": None if test is None else test.accuracy,
        "test_loss": None if test is None else test.loss,
        "test_samples": 0 if test is None else test.samples,
        "training_loss": training_loss,
        "training_nmse": nmse(training_loss, result),
        "loss": result.loss,
        "loss_of_best_constant": result.loss_of_best_constant,
        "chance": result.chance,
        "training_samples_shown": n_shown,
        "neurons": counts.neurons,
        "synapses": counts.synapses,
        "synaptic_events_per_sample": counts.synaptic_events / n_shown,
        "operations_per_sample": operations.effective_accumulates,
        "dense_operations_per_sample": operations.dense,
        "rate_hz": result.rate_hz,
        "training_time_per_sample_s": result.training_time_per_sample_s,
        "training_time_per_event_s": result.times_s["training"] / counts.synaptic_events
        if counts.synaptic_events
        else None,
        "goal": goal,
        "time_to_goal_s": None if goal is None else time_to(goal, result.curve),
        "total_time_s": sum(result.times_s.values()),
        "peak_memory_bytes": max(rank.peak_memory_bytes for rank in result.per_rank),
        "ranks": result.provenance.ranks,
        "cpu": result.provenance.cpu,
        "commit": result.provenance.code.commit,
    }


def answers(points: list[dict[str, Any]]) -> pd.DataFrame:
    """Return target and answer (mV) of the first run of each task to its last training sample."""
    columns, parts = list(ANSWERS.columns), []
    for task in dict.fromkeys(point["task"] for point in points):
        first = next(point for point in points if point["task"] == task)
        result = StudyResult.read(first["results"][0])
        if result.last_answer is None:
            continue
        target, answer = np.array(result.last_answer.target), np.array(result.last_answer.readout)
        for readout in range(target.shape[1]):
            values = {"target": target[:, readout], "answer": answer[:, readout]}
            table = pd.DataFrame({"step": np.arange(len(target)), **values})
            parts.append(table.assign(task=task, seed=result.seed, readout=readout))
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def collect(
    points: list[dict[str, Any]], goals: dict[str, float], margin: float, tuned: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs and their curves. A column per varied or tuned parameter holds its value in each run.

    ``points`` are dictionaries of ``task``, ``variant`` and ``series`` (their names, where the study has them),
    ``panel`` (the series that this one is compared with, maybe itself), ``changes`` (values by path), ``default``
    (whether the changes change nothing) and ``results`` (file names). The column ``point`` counts them, ``varied``
    holds the paths that a point changes, ``tuned`` those whose values were chosen on validation samples. ``goals`` are
    accuracies or losses by task, ``margin`` is how much worse still counts as good.
    """
    paths = list(dict.fromkeys([*(path for point in points for path in point["changes"]), *tuned]))
    runs: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    for number, point in enumerate(points):
        for file in point["results"]:
            result = StudyResult.read(file)
            head = {
                "task": point["task"],
                "point": number,
                "variant": point["variant"],
                "series": point["series"],
                "panel": point["panel"],
                "varied": parameter_paths.joined(point["changes"]),
                "tuned": parameter_paths.joined(tuned),
                "default": point["default"],
                "margin": margin,
                **{path: value_at(result.parameters, path) for path in paths},
            }
            runs.append({**head, **run_row(result, goals.get(point["task"])), "file": file})
            curves += [
                {
                    **head,
                    "seed": result.seed,
                    **point_of_curve.model_dump(),
                    "training_nmse": nmse(point_of_curve.training_loss, result),
                }
                for point_of_curve in result.curve
            ]
    return pd.DataFrame(runs), pd.DataFrame(curves)


def read_runs(file: Path, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table of the runs of a study.

    Raises
    ------
    ParameterError
        It is no such table, or its rows are not the runs of the plan: the first one of a study is the reference.
    """
    runs = read(file, RUNS)
    rows = [
        {name: point[name] or None for name in ("task", "variant", "series", "panel")}
        | {"varied": parameter_paths.joined(point["changes"]) or None, "margin": plan["margin"]}
        | {path: value for path, value in point["changes"].items() if isinstance(value, int | float | str)}
        | {"point": number, "default": point["default"], "file": of_run}
        for number, point in enumerate(plan["points"])
        for of_run in point["results"]
    ]
    if len(rows) != len(runs):
        raise ParameterError(f"{printable(file)}: has {len(runs)} rows; expected the {len(rows)} runs of the study")
    for number, (expected, (_, found)) in enumerate(zip(rows, runs.iterrows(), strict=True), start=2):
        for name, value in expected.items():
            here = found.get(name)
            if here != value and str(here) != str(value) and not (value is None and pd.isna(here)):
                raise ParameterError(
                    f"{printable(file)}: row {number}, {name} = {shown(here)}: must be {shown(value)}, as in the plan"
                )
    return runs


def main() -> None:
    """Write the tables of one study."""
    options = program.parser(
        "workflow.scripts.studies.collect", __doc__, "tables of runs, learning curves and last answers (CSV)", 3
    )
    options.add_argument("plan", type=Path, help="JSON file: points with their result files, goals, margin")
    given = options.parse_args()
    study = read_json(given.plan)
    asked.check(study)
    runs, curves = collect(study["points"], study["goals"], study["margin"], study["tuned"])
    for table, file in zip((runs, curves, answers(study["points"])), given.output, strict=True):
        table.to_csv(file, index=False)


if __name__ == "__main__":
    program.run(main)
