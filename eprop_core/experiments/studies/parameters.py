"""The parameters of studies: what is trained, how, and what varies."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, Field, create_model, model_validator

from eprop_core import labels, plug_ins
from eprop_core.datasets.registry import Dataset, check_dataset
from eprop_core.experiments import points
from eprop_core.experiments.studies.tuning import Tuning
from eprop_core.experiments.values import COLUMNS, LOOKS, VALUES, Name, RankCount, Seeds
from eprop_core.network.initial_weights import check_initial_weights
from eprop_core.parameters import Network, check_rate
from eprop_core.parsing import WHOLE_NUMBERS, ParameterError, Parameters, Whole, different
from eprop_core.tasks.parameters import GENERATE, Generated, StatedByTask
from eprop_core.tasks.registry import GeneratedTask
from eprop_core.training.parameters import (
    TrainingParameters,
    check_numbers,
    check_rewirable,
    count_validation_samples,
    resolve_validation_share,
)
from eprop_core.training.schedules import Constant

CONTROL = ("learning_rate_schedule", "rewiring", "folds", "stop_at_accuracy", "patience", "keep")
"""Keys of a training that change what is learned, and that only studies know."""

# The sizes that follow from the data set are not for the user to give.
TaskNetwork = create_model(  # type: ignore[call-overload]
    "TaskNetwork",
    __base__=Parameters,
    __doc__="A network without n_input and n_readout, which follow from the data set or generated task.",
    **{
        name: (field.annotation, field)
        for name, field in Network.model_fields.items()
        if name not in ("n_input", "n_readout")
    },
)


class Training(TrainingParameters):
    """How a network is trained on a task, and what is saved."""

    learning_window: Whole | None = Field(
        None,
        ge=1,
        description="steps at the end of each sample in which errors count; null: all. It is not shifted by delays: in "
        "the first input.delay + output.delay steps of a sample, readouts still respond to the previous one",
    )
    folds: Whole | None = Field(
        None,
        ge=2,
        description="number of folds of cross-validation over training and test samples together: the run with seed s "
        "is tested on fold s modulo folds and trained on the others; null: the test samples of the data set",
    )
    keep_network: bool = Field(
        True, description="whether the trained network is saved beside its scores, in a file with the suffix .h5"
    )
    snapshots: Annotated[list[Annotated[Whole, Field(ge=0)]], AfterValidator(different)] = Field(
        [],
        description="numbers of training samples after which the network is saved (0: before training), at the end of "
        "the group, in a folder with the suffix .snapshots beside its scores, under the number of samples seen",
    )
    checkpoint_minutes: float | None = Field(
        10.0,
        gt=0,
        description="time between checkpoints; a run that was ended by a crash, a time limit or SIGTERM continues from "
        "the latest one. null: no checkpoints",
        json_schema_extra={"unit": "minutes"},
    )
    ranks: RankCount = Field(
        1,
        description="MPI ranks of a training run, for networks too large for one; results do not depend on it",
    )


def without_effect(training: Training, keys: Sequence[str]) -> list[str]:
    """Return a line for each of these keys that has another value than its default, where it would have no effect."""
    lines = []
    for key in keys:
        default = Training.model_fields[key].get_default()
        if getattr(training, key) != default:
            shown = default.kind if isinstance(default, Constant) else json.dumps(default)
            lines.append(f"training.{key}: must be {shown}")
    return lines


def check_factors(key: str, factors: Sequence[float], network: Network) -> None:
    """Raise a :class:`ParameterError` for a factor with which a learning rate of a network is not allowed."""
    for factor in factors:
        try:
            network.with_scaled_learning_rates(factor)
        except ParameterError as error:
            raise ParameterError(f"{key}: {factor:g}: {error}") from None


def check_snapshots(snapshots: list[int], n_shown: int) -> None:
    """Raise a :class:`ParameterError` for a snapshot after more samples than a training shows."""
    if max(snapshots, default=0) > n_shown:
        raise ParameterError(f"training.snapshots: {max(snapshots)} exceeds the {n_shown} samples of all epochs")


class TaskParameters(Parameters):
    """A data set or generated task, the network, and its training."""

    dataset: Dataset | GeneratedTask = Field(discriminator="name")
    network: TaskNetwork
    training: Training

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if isinstance(self.dataset, Generated):
            plug_ins.check(self.dataset, StatedByTask, GENERATE)
        else:
            check_dataset(self.dataset)
        if self.training.learning_window is not None and self.training.learning_window > self.dataset.n_steps:
            raise ValueError(f"training.learning_window must not exceed dataset.n_steps = {self.dataset.n_steps}")
        if self.training.stop_at_accuracy is not None and not self.has_accuracy:
            raise ValueError(f"training.stop_at_accuracy must be null for {self.dataset.name}, which has no accuracy")
        if self.training.folds is not None and isinstance(self.dataset, Generated):
            raise ValueError(f"training.folds must be null for {self.dataset.name}, whose samples are generated")
        if self.training.folds is not None and getattr(self.dataset, "active_channels", None) is not None:
            raise ValueError(
                "training.folds needs dataset.active_channels = null: test samples must not choose channels"
            )
        if self.training.folds is not None:
            n_samples = self._n_samples_in_folds
            if n_samples is not None and n_samples < self.training.folds:
                raise ValueError(
                    f"training.folds = {self.training.folds}: must not exceed the {n_samples} training and test samples"
                )
        if self._has_validation:
            for key in ("folds", "validation_share"):
                if getattr(self.training, key) is not None:
                    raise ValueError(f"training.{key} must be null: the data set has validation samples of its own")
        # The user's own recordings are not read yet: what depends on their sizes is checked when the network is built.
        try:
            network = self.network_before_data()
            check_initial_weights(network, sizes_are_known=self.dataset.sizes is not None)
        except ParameterError as error:
            raise ValueError(str(error)) from None
        for name in type(self.dataset).model_fields:
            if labels.unit_of(type(self.dataset), name) == "spikes/s":
                check_rate(f"dataset.{name}", getattr(self.dataset, name), network.dt)
        if self.training.ranks > network.n_recurrent:
            raise ValueError(f"training.ranks must not exceed network.n_recurrent = {network.n_recurrent}")
        if self.training.rewiring is not None:
            try:
                check_rewirable(network, self.training.rewiring)
            except ParameterError as error:
                raise ValueError(f"training.{error}") from None
        if self.n_training_samples is not None:
            self._check_samples(network, self.n_training_samples)
        if not self.has_accuracy and network.readout.loss != "mean_squared_error":
            raise ValueError(f'network.readout.loss must be "mean_squared_error" for {self.dataset.name}')
        return self

    def _check_samples(self, network: Network, n_samples: int) -> None:
        training, n_validation = self.training, 0
        try:
            if not self._has_validation:
                n_validation = count_validation_samples(training.validation_share, n_samples)
            n_known = n_validation or int(self._has_validation)  # at least one, if the data set has its own
            check_numbers(network, training, n_samples - n_validation, n_known)
        except ParameterError as error:
            message = str(error)
            raise ValueError(message if message.startswith("network.") else f"training.{message}") from None
        check_snapshots(training.snapshots, training.epochs * (n_samples - n_validation))

    @property
    def has_accuracy(self) -> bool:
        """Whether answers are right or wrong; otherwise a run is judged by its loss, a mean squared error."""
        return bool(self.dataset.has_accuracy)

    @property
    def _has_validation(self) -> bool:
        """Whether the data set has validation samples of its own."""
        return not isinstance(self.dataset, Generated) and self.dataset.has_validation

    @property
    def n_training_samples(self) -> int | None:
        """Number of training samples, with those for validation; None if unknown until the data are read.

        In cross-validation it is that of the fold with the fewest.
        """
        if self.training.folds is None:
            return self.dataset.n_training_samples
        total = self._n_samples_in_folds
        return None if total is None else total - -(-total // self.training.folds)

    @property
    def _n_samples_in_folds(self) -> int | None:
        """Number of samples that cross-validation deals to the folds; None if unknown until the data are read."""
        assert not isinstance(self.dataset, Generated)
        of_training, of_test = self.dataset.n_training_samples, self.dataset.n_test_samples
        return None if of_training is None or of_test is None else of_training + of_test

    @property
    def has_no_validation_samples(self) -> bool:
        """Whether it is certain that there are no validation samples."""
        if self._has_validation:
            return False
        share, n_samples = self.training.validation_share, self.n_training_samples
        if n_samples is None:
            return resolve_validation_share(share) == 0
        return count_validation_samples(share, n_samples) == 0

    def network_before_data(self) -> Network:
        """Return the network before data are read: of the sizes that are known, or else of the largest ones."""
        return self.network_for(*(self.dataset.sizes or (WHOLE_NUMBERS - 1, WHOLE_NUMBERS - 1)))

    def network_for(self, n_input: int, n_readout: int) -> Network:
        """Return the network for a task of ``n_input`` channels and ``n_readout`` readouts.

        Raises a :class:`ParameterError` where it does not fit them.
        """
        try:
            return Network(n_input=n_input, n_readout=n_readout, **dict(self.network))
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            message = first["msg"].removeprefix("Value error, ")
            key = ".".join(map(str, first["loc"]))
            raise ParameterError(f"network.{key}: {message}" if key else f"network.{message}") from None


ROWS = 8
"""Tasks whose learning curves a figure shows."""
PAIRS = 12
"""Pairs of panels in the figure of series."""
SERIES = 3
"""Series that share a panel, by the style of the lines of their costs."""


def _check_number(key: str, number: int, most: int) -> None:
    if number > most:
        raise ValueError(f"{key}: {number} are more than the {most} that a figure has room for; use another study")


class Study(Parameters):
    """Training runs over parameters and seeds; what is varied determines the kind of figure."""

    tasks: Annotated[list[Name], AfterValidator(different)] = Field(
        min_length=1,
        description="names of the tasks to train; if something is varied, all or none of them have an accuracy",
    )
    seeds: Seeds = Field(description="one run per seed of connections, initial weights and sample order")
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, min_length=1, description="values by parameter path within the task; parameters are varied one at a time"
    )
    grid: points.Grid = Field(
        {}, description="values by parameter path within the task, of two parameters; all combinations are run"
    )
    variants: dict[points.Label, points.Changes] = Field(
        {},
        min_length=1,
        description="changed values by parameter path, by name; the first variant is the reference",
    )
    series: dict[points.Label, points.Series] = Field(
        {},
        min_length=1,
        description="values by parameter path, by name; the parameters of a series change together, and the first one "
        "is on the axis of the figure; the first values are the reference",
    )
    compared_with: dict[points.Label, points.Label] = Field(
        {},
        description="series that are drawn in the panel of an earlier series and compared with its first values, by "
        "name",
    )
    margin: float = Field(
        0.02,
        gt=0,
        description="margin of non-inferiority to the first values: absolute for accuracies, relative for losses; to "
        "be chosen before looking at results",
    )
    tune: Tuning | None = Field(
        None,
        description="hyperparameter search of each point on validation samples; null: the values of its task",
    )
    goals: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        {},
        description="goals by task: validation accuracy (training accuracy without validation samples), at most 1, or "
        "training loss (mean_squared_error, mV²) for regression; tables have the time to reach it",
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if sum(map(bool, (self.vary, self.grid, self.variants, self.series))) > 1:
            raise ValueError("a study has one of vary, grid, variants and series")
        for path, values in [*self.vary.items(), *self.grid.items()]:
            points.check_axis(f"{self.kind}: {path}", values, words=True)
        for name, of_series in self.series.items():
            path, values = next(iter(of_series.items()))
            points.check_axis(f"series.{name}: {path}", values, words=False)
        names = list(self.series)
        for name, other in self.compared_with.items():
            if name not in names or other not in names[: names.index(name)] or other in self.compared_with:
                raise ValueError(f"compared_with: {name!r} and {other!r} must be series, the second before the first")
            if next(iter(self.series[name])) != next(iter(self.series[other])):
                raise ValueError(f"compared_with: the first parameter of {name!r} and {other!r} must be the same")
        for point in self.points():
            points.check_cells(point.changes)
        self._check_tuned_paths()
        self._check_room()
        return self

    def _check_tuned_paths(self) -> None:
        """Raise a ValueError where a point changes what the search would change, too."""
        for path in self.tune.values if self.tune else ():
            for point in self.points():
                for changed in point.changes:
                    if f"{changed}.".startswith(f"{path}."):
                        raise ValueError(f"tune.values: {path} would replace {changed}, which {self.place(point)} sets")

    def _check_room(self) -> None:
        """Raise a ValueError where the figure has no place or no look for something."""
        n_tasks = len(self.tasks)
        if self.kind == "curves":
            _check_number("tasks", n_tasks, ROWS)
        elif self.kind == "grid":
            _check_number("tasks", n_tasks, COLUMNS)
            path, values = list(self.grid.items())[1]
            _check_number(f"grid: {path}", len(values), LOOKS)
        else:
            _check_number("tasks", n_tasks, LOOKS)
        _check_number("vary", len(self.vary), COLUMNS)
        _check_number("variants", len(self.variants), VALUES)
        panels = Counter(self.compared_with.get(name, name) for name in self.series)
        _check_number("series (times the number of tasks)", n_tasks * len(panels), PAIRS)
        _check_number("compared_with: series in a panel", max(panels.values(), default=0), SERIES)

    def place(self, point: points.Point) -> str:
        """Return the key that names a point in messages."""
        return ".".join(filter(None, (self.kind, point.variant or point.series)))

    @property
    def kind(self) -> Literal["curves", "vary", "grid", "variants", "series"]:
        """The key that lists the points; learning curves where there is none."""
        if self.variants:
            return "variants"
        if self.series:
            return "series"
        return "vary" if self.vary else "grid" if self.grid else "curves"

    def points(self) -> list[points.Point]:
        """Return the changes that each point makes to the task."""
        if self.variants:
            return [points.Point(changes, variant=name) for name, changes in self.variants.items()]
        if self.series:
            return [point for name, values in self.series.items() for point in points.together(values, name)]
        return points.one_at_a_time(self.vary) if self.vary else points.all_combinations(self.grid)
