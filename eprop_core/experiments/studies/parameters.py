"""The parameters of studies: what is trained, how, and what varies."""

from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, Field, create_model, model_validator

from eprop_core.datasets.registry import Dataset
from eprop_core.experiments import points
from eprop_core.experiments.values import RankCount, Seeds, different
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, Parameters
from eprop_core.tasks.parameters import Generated
from eprop_core.tasks.registry import GeneratedTask
from eprop_core.training.parameters import TrainingParameters, check_rewirable

# The sizes that follow from the data set are not for the user to give.
TaskNetwork = create_model(  # type: ignore[call-overload]
    "TaskNetwork",
    __base__=Parameters,
    __doc__="A network whose inputs and readouts are as many as the data set or generated task has.",
    **{
        name: (field.annotation, field)
        for name, field in Network.model_fields.items()
        if name not in ("n_input", "n_readout")
    },
)


class Training(TrainingParameters):
    """How a network is trained on a task, and what is kept of it."""

    learning_window: int | None = Field(
        None,
        ge=1,
        description="steps at the end of each sample in which errors count; null: all. It does not shift with delays: "
        "in the first input.delay + output.delay steps of a sample the readouts still answer the sample before",
    )
    folds: int | None = Field(
        None,
        ge=2,
        description="cross-validation: training and test samples together are dealt to so many folds, and the run with "
        "seed s tests fold s modulo folds and learns the others; null: the data set's own test samples",
    )
    keep_network: bool = Field(
        True, description="whether the trained network is kept beside its scores, in a file with the end .h5"
    )
    snapshots: Annotated[list[Annotated[int, Field(ge=0)]], AfterValidator(different)] = Field(
        [],
        description="numbers of training samples, 0 for none, after which the network is saved: at the end of the "
        "group, in a folder with the end .snapshots beside its scores, under the number of samples it has seen",
    )
    checkpoint_minutes: float | None = Field(
        10.0,
        gt=0,
        description="time from one checkpoint to the next; a run that is ended by the machine, a time limit or SIGTERM "
        "goes on from the latest. null: no checkpoints",
        json_schema_extra={"unit": "minutes"},
    )
    ranks: RankCount = Field(
        1, description="MPI ranks of a training run, for networks too large for one; the results are the same"
    )


class TaskParameters(Parameters):
    """A data set or generated task, the network that learns it, and how it is trained."""

    dataset: Dataset | GeneratedTask = Field(discriminator="name")
    network: TaskNetwork
    training: Training

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
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
        if not isinstance(self.dataset, Generated) and self.dataset.has_validation:
            for key in ("folds", "validation_share"):
                if getattr(self.training, key) is not None:
                    raise ValueError(f"training.{key} must be null: the data set holds samples back itself")
        # A data set is not there yet: what depends on its exact size is checked when the network is built.
        sizes = self.dataset.sizes if isinstance(self.dataset, Generated) else (2**31, 2**31)
        try:
            network = self.network_for(*sizes)
        except ParameterError as error:
            raise ValueError(str(error)) from None
        if self.training.ranks > network.n_recurrent:
            raise ValueError(f"training.ranks must not exceed network.n_recurrent = {network.n_recurrent}")
        if self.training.rewiring is not None:
            try:
                check_rewirable(network, self.training.rewiring)
            except ParameterError as error:
                raise ValueError(f"training.{error}") from None
        if not self.has_accuracy and network.readout.loss != "mean_squared_error":
            raise ValueError(f'network.readout.loss must be "mean_squared_error" for {self.dataset.name}')
        return self

    @property
    def has_accuracy(self) -> bool:
        """Whether answers are right or wrong; otherwise a run is judged by its loss, a mean squared error."""
        return bool(self.dataset.has_accuracy)

    def network_for(self, n_input: int, n_readout: int) -> Network:
        """Return the network for a task of ``n_input`` channels and ``n_readout`` readouts.

        Raises a :class:`ParameterError` where it does not fit them.
        """
        try:
            return Network(n_input=n_input, n_readout=n_readout, **dict(self.network))
        except pydantic.ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ParameterError(f"network.{message}") from None


class Study(Parameters):
    """Training runs over parameters and seeds; its figure follows from what is varied."""

    tasks: Annotated[list[str], AfterValidator(different)] = Field(
        min_length=1,
        description="names of the tasks to train; where something is varied, all with accuracy or all without",
    )
    seeds: Seeds = Field(description="one run per seed: initial weights, connections, sample order")
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, min_length=1, description="values by parameter path within the task; one parameter is changed at a time"
    )
    grid: points.Grid = Field(
        {}, description="values by parameter path within the task, of two parameters; every combination is run"
    )
    variants: dict[points.Label, points.Changes] = Field(
        {},
        min_length=1,
        description="changed values by parameter path, by name; the first variant is the model to compare with",
    )
    series: dict[points.Label, points.Series] = Field(
        {},
        min_length=1,
        description="values by parameter path, by name; the parameters of a series change together, and its figure has "
        "the first on its axis; the first values are those to compare with",
    )
    compared_with: dict[points.Label, points.Label] = Field(
        {},
        description="series that are drawn in the panel of another, named before them, and compared with its first "
        "values, by name",
    )
    margin: float = Field(
        0.02,
        gt=0,
        description="by how much accuracy may fall below that of the first values, or a loss rise as a share of it, to "
        "be called as good; to be chosen before looking at results",
    )
    goals: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {},
        description="accuracy on samples held back (on training samples if there are none), at most 1, or training "
        "loss (mean_squared_error, mV²) where no answer is right or wrong, by task; tables have the time until then",
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if sum(map(bool, (self.vary, self.grid, self.variants, self.series))) > 1:
            raise ValueError("a study has one of vary, grid, variants and series")
        on_axes = [*self.vary.items(), *self.grid.items(), *(next(iter(one.items())) for one in self.series.values())]
        for path, values in on_axes:
            if None in values:
                raise ValueError(f"{self.kind}: {path} = null: has no place on an axis, use variants")
        names = list(self.series)
        for name, other in self.compared_with.items():
            if name not in names or other not in names[: names.index(name)] or other in self.compared_with:
                raise ValueError(f"compared_with: {name!r} and {other!r} must be series, the second before the first")
            if next(iter(self.series[name])) != next(iter(self.series[other])):
                raise ValueError(f"compared_with: the first parameter of {name!r} and {other!r} must be the same")
        return self

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
