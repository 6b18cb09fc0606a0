"""Hyperparameter search of a study: the values of each point are chosen by validation samples before its runs."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from eprop_core.experiments import points
from eprop_core.experiments.values import Seeds
from eprop_core.parsing import Parameters, visible

_ALLOWED = ("network", "training.epochs", "training.learning_rate_schedule", "training.rewiring")
"""Parameters whose values a search may choose. Others define the problem or the score, or do not affect learning."""
MOST = 100
"""Combinations of values of a point."""


def _values_to_choose(values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    for path in values:
        if not any(f"{path}.".startswith(f"{allowed}.") for allowed in _ALLOWED) or path == "network":
            raise ValueError(
                f"{visible(path)}: cannot be chosen; allowed are paths below network, and {', '.join(_ALLOWED[1:])}"
            )
    n_combinations = len(points.all_combinations(values))
    if not 2 <= n_combinations <= MOST:
        raise ValueError(f"must have 2 to {MOST} combinations, but has {n_combinations}")
    return values


class Tuning(Parameters):
    """Grid search at every point of a study: networks are trained with each combination of these values and evaluated
    on validation samples; the runs of the study use the combination with the best mean.

    All points have the same budget. Test samples have no influence: with ``training.folds``, cross-validation is
    nested: a run uses what was chosen by the searches of the same fold, which have not seen its test samples either.
    """

    values: Annotated[
        dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1), AfterValidator(_values_to_choose)
    ] = Field(description="values by parameter path within the task; every combination is tried at every point")
    seeds: Seeds = Field(
        description="one run of the search per seed and combination; with training.folds, equally many seeds for each "
        "fold (seed modulo folds)"
    )
    validation_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="fraction of the training samples that the search holds out as validation samples; the study's own "
        "runs hold out training.validation_share of the task. null: the same samples as these runs",
    )

    def changes(self) -> list[points.Changes]:
        """Return the combinations of values, with what the search changes in all of them."""
        always: points.Changes = {"training.keep_network": False, "training.snapshots": []}
        if self.validation_share is not None:
            always["training.validation_share"] = self.validation_share
        return [point.changes | always for point in self.combinations()]

    def combinations(self) -> list[points.Point]:
        """Return the combinations of values."""
        return points.all_combinations(self.values)

    def chosen_together(self, seed: int, folds: int | None) -> list[int]:
        """Return the seeds of the search that decide for a run: all, or those that test the same fold."""
        return [of_search for of_search in self.seeds if folds is None or (of_search - seed) % folds == 0]
