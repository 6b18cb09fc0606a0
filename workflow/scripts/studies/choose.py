"""Choose the values with which a point of a study is trained, by the scores of a search on validation samples."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eprop_core.experiments import points
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError
from eprop_core.training.curve import CurvePoint, best_point
from workflow.scripts.shared import asked, program


class Score(NamedTuple):
    """How well networks with a combination of values do on validation samples; scores compare by accuracy first."""

    accuracy: float
    """Mean over the runs of the search; 0 where no answer is right or wrong."""
    negative_loss: float
    """Mean over the runs, with the sign changed; compares combinations of equal accuracy."""


def judged(result: StudyResult) -> CurvePoint:
    """Return the point of the curve at which the network stood that the training kept.

    Raises a :class:`ParameterError` where there were no validation samples.
    """
    shown = [point for point in result.curve if point.validation_loss is not None]
    if not shown:
        raise ParameterError(f"tune: {result.parameters.dataset.name} has no validation samples to choose by")
    best = best_point(shown)
    assert best is not None
    return best if result.parameters.training.keep == "best" else shown[-1]


def score(files: Sequence[str]) -> Score:
    """Return the score of a combination, from the result files of its runs."""
    at_end = [judged(StudyResult.read(file)) for file in files]
    return Score(
        float(np.mean([point.validation_accuracy or 0.0 for point in at_end])),
        -float(np.mean([point.validation_loss for point in at_end])),
    )


def best(candidates: Sequence[Mapping[str, Any]]) -> int:
    """Return the position of the best of ``candidates``, the first of those that are equally good.

    Each is a dictionary with ``results``, the result files of its runs.
    """
    scores = [score(candidate["results"]) for candidate in candidates]
    return scores.index(max(scores))


def main() -> None:
    """Write the parameters of a task with the chosen values."""
    options = program.parser("workflow.scripts.studies.choose", __doc__, "parameters of the task (JSON)")
    options.add_argument(
        "plan", type=Path, help="JSON file: parameters of the point; candidates with their changes and result files"
    )
    given = options.parse_args()
    plan = read_json(given.plan)
    asked.check(plan)
    chosen = plan["candidates"][best(plan["candidates"])]["changes"]
    parameters = points.parse_changed(TaskParameters, plan["parameters"], chosen)
    given.output[0].write_text(json.dumps(parameters.model_dump(mode="json"), indent=1), encoding="utf-8")


if __name__ == "__main__":
    program.run(main)
