"""Table of a search: scores on validation samples of every point and combination of values, and what was chosen."""

from pathlib import Path
from typing import Any

import pandas as pd

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.files.text import read_json
from eprop_core.labels import label_of, name_of
from eprop_core.parameters import LOSS_UNITS
from eprop_core.training.curve import CurvePoint
from workflow.scripts.shared import program, style, write_table
from workflow.scripts.shared.spread import summarize
from workflow.scripts.shared.values import in_cell
from workflow.scripts.studies.choose import best, judged
from workflow.scripts.studies.measures import Measure

CAPTION = (
    "Search of study {study}: scores on validation samples, after training; mean over the runs of the "
    "search and half width of its 95 % confidence interval (Student's t). Chosen is the combination with the best "
    "accuracy, or loss where no answer is right or wrong: for all runs of the study, or for those that test a fold."
)


def rows(points: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per point, combination of values and run of the search.

    ``points`` are dictionaries of ``task``, ``variant``, ``series``, ``changes`` and ``choices``: for each choice its
    candidates, dictionaries of ``changes`` and ``results``. The column ``candidate`` counts the combinations of a
    point, ``choice`` its choices; ``chosen`` says whether this one is for the combination.
    """
    found = []
    for number, point in enumerate(points):
        for choice, candidates in enumerate(point["choices"]):
            chosen = best(candidates)
            for position, candidate in enumerate(candidates):
                for file in candidate["results"]:
                    result = StudyResult.read(file)
                    at_end = judged(result)
                    found.append(
                        {
                            "task": point["task"],
                            "point": number,
                            "variant": point["variant"],
                            "series": point["series"],
                            "changes": _in_words(point["changes"]),
                            "candidate": position,
                            "choice": choice,
                            **{path: in_cell(value) for path, value in candidate["changes"].items()},
                            "seed": result.seed,
                            "validation_accuracy": at_end.validation_accuracy,
                            "validation_loss": at_end.validation_loss,
                            "loss": result.loss,
                            "chosen": position == chosen,
                        }
                    )
    return pd.DataFrame(found)


def _in_words(changes: dict[str, Any]) -> str:
    return ", ".join(f"{label_of(TaskParameters, path)} {in_cell(value)}" for path, value in changes.items())


def printed(table: pd.DataFrame, paths: list[str]) -> pd.DataFrame:
    """Return the table as it is printed, a row per point and combination of the values at ``paths``."""
    accuracy = Measure("validation_accuracy", name_of(CurvePoint, "validation_accuracy"), "%", 100, 1, 1)
    units = "/".join(dict.fromkeys(LOSS_UNITS[loss] for loss in table["loss"]))
    loss = Measure("validation_loss", name_of(CurvePoint, "validation_loss"), units, 1, 2, -1)
    heads = table.groupby(["point", "candidate"], sort=False).first().reset_index()
    names = heads["variant"].where(heads["variant"] != "", (heads["series"] + ": ").where(heads["series"] != "", ""))
    columns: dict[str, Any] = {"Task": heads["task"].map(style.task_name)}
    if len(table["point"].unique()) > 1:
        columns["Variant"] = names.where(heads["variant"] != "", names + heads["changes"])
    for path in paths:
        columns[label_of(TaskParameters, path)] = heads[path].astype(str)
    for measure in (accuracy, loss):
        if table[measure.column].notna().any():
            means = summarize(table, ["point", "candidate"], measure.column)
            columns[measure.label] = [
                write_table.mean_with_interval(mean, high, measure.factor, measure.digits)
                for mean, high in zip(means["mean"], means["high"], strict=True)
            ]
    choices = table.drop_duplicates(["point", "candidate", "choice"]).groupby(["point", "candidate"], sort=False)[
        "chosen"
    ]
    columns["Chosen (searches)"] = [f"{n} of {of}" for n, of in zip(choices.sum(), choices.count(), strict=True)]
    return pd.DataFrame(columns)


def main() -> None:
    """Write the table of the search of one study."""
    options = program.table_parser("workflow.scripts.studies.search_table", __doc__)
    options.add_argument("plan", type=Path, help="JSON file: name of the study; points with their candidates")
    given = options.parse_args()
    plan = read_json(given.plan)
    table = rows(plan["points"])
    paths = list(plan["points"][0]["choices"][0][0]["changes"])
    caption = CAPTION.format(study=plan["study"])
    write_table.write(table, printed(table, paths), given.output, caption, f"{plan['study']}-search")


if __name__ == "__main__":
    program.run(main)
