"""Table of a study: a row per point, with the spread over seeds, and differences to the first where they count."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import Operations, RankRecord, SampleNumbers, StudyResult
from eprop_core.files.text import read_json
from eprop_core.labels import label_of, name_of, unit_of
from eprop_core.measurement.results import Counts
from workflow.scripts.shared import program, style, write_table
from workflow.scripts.shared.left_out import Reason, Reasons
from workflow.scripts.shared.spread import with_means
from workflow.scripts.studies import parameter_paths
from workflow.scripts.studies.collect import read_runs
from workflow.scripts.studies.differences import differences
from workflow.scripts.studies.measures import ACCURACY, NMSE, Measure, measure_of

COSTS = (
    Measure("training_samples_shown", name_of(SampleNumbers, "shown"), "", 1, 0, -1),
    Measure("rate_hz", name_of(StudyResult, "rate_hz"), unit_of(StudyResult, "rate_hz"), 1, 1, -1),
    Measure("synapses", name_of(Counts, "synapses"), "", 1, 0, -1),
    Measure("operations_per_sample", name_of(Operations, "effective_accumulates"), "1000", 1e-3, 2, -1),
    Measure("synaptic_events_per_sample", "Synaptic events per training sample", "1000", 1e-3, 2, -1),
    Measure("training_time_per_sample_s", name_of(StudyResult, "training_time_per_sample_s"), "ms", 1e3, 2, -1),
    Measure("training_time_per_event_s", "Training time per synaptic event", "ns", 1e9, 1, -1),
    Measure("time_to_goal_s", "Training time to goal", "s", 1, 2, -1),
    Measure("peak_memory_bytes", name_of(RankRecord, "peak_memory_bytes"), "MB", 1e-6, 0, -1),
)


def measures_of(runs: pd.DataFrame) -> list[Measure]:
    """Return the measures that the table shows: those that any run has."""
    loss = measure_of(runs.assign(test_accuracy=float("nan")))
    shown = [ACCURACY, loss, NMSE, *COSTS] if measure_of(runs) != ACCURACY else [ACCURACY, *COSTS]
    return [measure for measure in shown if runs[measure.column].notna().any()]


def tuned_paths(runs: pd.DataFrame) -> list[str]:
    """Return the paths of the parameters whose values the study has chosen on validation samples."""
    return parameter_paths.split(str(runs["tuned"].iloc[0])) if runs["tuned"].notna().all() else []


def _with_numbers(values: "pd.Series[Any]") -> str:
    """Return the values that a point has chosen, each with the number of runs that have it."""
    counts = values.value_counts().sort_index()
    return ", ".join(
        f"{value:g} ({n})" if isinstance(value, float) else f"{value} ({n})" for value, n in counts.items()
    )


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per point: mean and 95 % confidence interval of every measure, with all digits.

    Points of variants and series also have the difference to the first (:mod:`differences`). Chosen values come with
    the number of runs that have them.
    """
    paths = list(dict.fromkeys(path for varied in runs["varied"].dropna() for path in parameter_paths.split(varied)))
    keys = ["point", "task", "variant", "series", "varied", *paths]
    chosen = {path: (path, _with_numbers) for path in tuned_paths(runs)}
    table = runs.groupby(keys, sort=False, dropna=False).agg(seeds=("seed", "nunique"), **chosen).reset_index()
    table = with_means(table, runs, ["point"], [measure.column for measure in measures_of(runs)])
    if runs["variant"].notna().any() or runs["series"].notna().any():
        table = table.merge(differences(runs, measure_of(runs).column), on="point")
    return table.drop(columns="point")


def printed(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of ``runs`` as it is printed; a point has its name, or the parameters that it changes."""
    columns: dict[str, Any] = {"Task": table["task"].map(style.task_name)}
    if runs["varied"].notna().any():
        columns["Variant" if runs["variant"].notna().any() else "Varied"] = [_point(row) for _, row in table.iterrows()]
    columns["Seeds"] = table["seeds"].astype(str)
    for path in tuned_paths(runs):
        columns[f"{label_of(TaskParameters, path)}, chosen (runs)"] = table[path]
    reasons: dict[str, Reasons] = {
        "time_to_goal_s": {Reason.NOT_REACHED: table["task"].map(runs.groupby("task")["goal"].first()).notna()},
        "training_time_per_event_s": {Reason.NO_EVENTS: table["synaptic_events_per_sample"] == 0},
    }
    for measure in measures_of(runs):
        columns[measure.label] = _cells(table, measure.column, measure, reasons.get(measure.column, {}))
        if "difference" in table and measure == measure_of(runs):
            columns["Difference"] = _cells(table, "difference", measure, {})
            columns["p (adjusted)"] = _p_values(table, _compared(runs))
    return pd.DataFrame(columns)


def _cells(table: pd.DataFrame, column: str, measure: Measure, reasons: Reasons) -> list[str]:
    return [
        write_table.mean_with_interval(mean, high, measure.factor, measure.digits)
        or write_table.left_out(position, reasons)
        for position, (mean, high) in enumerate(zip(table[column], table[f"{column}_high"], strict=True))
    ]


def _p_values(table: pd.DataFrame, compared: pd.Series) -> list[str]:
    reasons = {Reason.ONE_SEED: compared & (table["seeds"] < 2), Reason.NO_SPREAD: compared}
    p_values = enumerate(table["adjusted_p_value"])
    return [write_table.p_value(p) or write_table.left_out(position, reasons) for position, p in p_values]


def _compared(runs: pd.DataFrame) -> pd.Series:
    """Return by row of the table whether its point is another one than that which it is compared with."""
    first = runs.groupby(["task", "panel"], dropna=False)["point"].transform("first")
    return (runs["point"] != first).groupby(runs["point"], sort=False).first().reset_index(drop=True)


def _point(row: pd.Series) -> str:
    if isinstance(row["variant"], str):
        return row["variant"]
    changed = parameter_paths.split(str(row["varied"]))
    if isinstance(row["series"], str):
        return f"{row['series']}: {label_of(TaskParameters, changed[0])} {row[changed[0]]}"
    return ", ".join(f"{label_of(TaskParameters, path)} {row[path]}" for path in changed)


NOT_IN_LATEX = [
    measure.label
    for measure in COSTS
    if measure.column in ("training_samples_shown", "synaptic_events_per_sample", "time_to_goal_s", "peak_memory_bytes")
]
"""Costs that follow from others, or that depend on the machine."""
CAPTION = "Study {study}: mean over seeds and half width of its 95 % confidence interval (Student's t)."
ONE_SEED = " A single seed has no interval."
DIFFERENCES = (
    " Differences are those to the first row{of_series}, paired over seeds; p: paired t-test, adjusted for the number "
    "of differences (Benjamini and Hochberg)."
)
OF_NMSE = (
    " NMSE: normalized mean squared error, the training loss over that of readouts that stay at the mean of the target."
)
TO_GOAL = " The training time to the goal is that of the seeds that reach it."


def main() -> None:
    """Write the table of one study."""
    options = program.table_parser("workflow.scripts.studies.table", __doc__)
    options.add_argument("plan", type=Path, help="JSON file: name of the study, and what it varies")
    options.add_argument("runs", type=Path, help="table of runs (CSV)")
    given = options.parse_args()
    plan = read_json(given.plan)
    study, kind = plan["study"], plan["kind"]
    runs = read_runs(given.runs, plan)
    table = numbers(runs)
    caption = CAPTION.format(study=study)
    if (table["seeds"] < 2).any():
        caption += ONE_SEED
    if "difference" in table:
        caption += DIFFERENCES.format(
            of_series=" of each series, or of the one drawn with it" if kind == "series" else ""
        )
    if NMSE.column in table:
        caption += OF_NMSE
    if "time_to_goal_s" in table:
        caption += TO_GOAL
    write_table.write(table, printed(table, runs), given.output, caption, study, not_in_latex=NOT_IN_LATEX)


if __name__ == "__main__":
    program.run(main)
