"""The configuration of the pipeline: every key with its unit, range, default and meaning, in one place."""

import re
from collections import Counter
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, Field, create_model, model_validator

from eprop_core.datasets.parameters import Dataset, Saccades
from eprop_core.experiments import points
from eprop_core.experiments.break_even_parameters import BreakEven
from eprop_core.experiments.contest import Contest, SampleContest, check_comparable
from eprop_core.experiments.rewiring import Rewiring, check_rewirable
from eprop_core.experiments.timing import Interconnect, Name, RankCount, Scaling, Seeds, different
from eprop_core.experiments.validation_parameters import Validation
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, Parameters, parse
from eprop_core.tasks.parameters import Generated, GeneratedTask, Pattern, SineWaves

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


class Training(Parameters):
    """How a network is trained."""

    epochs: int = Field(ge=1, description="passes over the training samples, each in an order of its own")
    learning_window: int | None = Field(
        None,
        ge=1,
        description="steps at the end of each sample in which errors count; null: all. It does not shift with delays: "
        "in the first input.delay + output.delay steps of a sample the readouts still answer the sample before",
    )
    samples_per_group: int = Field(100, ge=1, description="samples per point of the learning curve")
    validation_share: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the training samples held back for the learning curve of unseen samples",
    )
    groups_per_validation: int | None = Field(
        None, ge=1, description="groups from one look at the samples held back to the next; null: those of an epoch"
    )
    stop_at_accuracy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="accuracy on the samples held back at which training ends early; null: after all epochs",
    )
    folds: int | None = Field(
        None,
        ge=2,
        description="cross-validation: training and test samples together are dealt to so many folds, and the run with "
        "seed s tests fold s modulo folds and learns the others; null: the data set's own test samples",
    )
    rewiring: Rewiring | None = Field(None, description="null: the connections stay as they were drawn")


class Task(Parameters):
    """A data set or generated task, the network that learns it, and how it is trained."""

    dataset: Dataset | GeneratedTask = Field(discriminator="name")
    network: TaskNetwork
    training: Training

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.training.learning_window is not None and self.training.learning_window > self.dataset.n_steps:
            raise ValueError(f"training.learning_window must not exceed dataset.n_steps = {self.dataset.n_steps}")
        if self.training.stop_at_accuracy is not None:
            if not self.has_accuracy:
                raise ValueError(
                    f"training.stop_at_accuracy must be null for {self.dataset.name}, which has no accuracy"
                )
            if self.training.validation_share == 0.0:
                raise ValueError("training.stop_at_accuracy needs training.validation_share > 0")
        if self.training.folds is not None and isinstance(self.dataset, Generated):
            raise ValueError(f"training.folds must be null for {self.dataset.name}, whose samples are generated")
        if self.training.folds is not None and getattr(self.dataset, "active_channels", None) is not None:
            raise ValueError(
                "training.folds needs dataset.active_channels = null: test samples must not choose channels"
            )
        # A data set is not there yet: what depends on its exact size is checked when the network is built.
        sizes = self.dataset.sizes if isinstance(self.dataset, Generated) else (2**31, 2**31)
        try:
            network = self.network_for(*sizes)
        except ParameterError as error:
            raise ValueError(str(error)) from None
        if self.training.rewiring is not None:
            check_rewirable(network, self.training.rewiring)
        if not self.has_accuracy and network.readout.loss != "mean_squared_error":
            raise ValueError(f'network.readout.loss must be "mean_squared_error" for {self.dataset.name}')
        return self

    @property
    def has_accuracy(self) -> bool:
        """Whether answers are right or wrong; otherwise a run is judged by its loss, a mean squared error."""
        return not isinstance(self.dataset, SineWaves | Pattern)

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
        "loss (mean_squared_error, mV²) where no answer is right or wrong, whose training time is told, by task",
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
        """Return the key below which a point is told."""
        return ".".join(filter(None, (self.kind, point.variant or point.series)))

    @property
    def kind(self) -> Literal["curves", "vary", "grid", "variants", "series"]:
        """Which of its keys tells the points; learning curves where there is none."""
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


class Comparison(Parameters):
    """Simulated against recorded saccades, on the images that both have (the target ``saccades``)."""

    nmnist: str = Field(description="directory with Train and Test, or archive, of N-MNIST")
    mnist: str = Field(description="directory of MNIST's four idx files")
    samples: int | None = Field(None, ge=1, description="the first so many recordings of each split; null: all")
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the simulated sensor's noise")
    saccades: Saccades = Saccades()


class Configuration(Parameters):
    """Everything that the pipeline is told."""

    tasks: dict[Name, Task] = Field({}, description="what there is to learn")
    studies: dict[Name, Study] = Field(
        {}, description="training runs; each study makes a figure and a table of its name"
    )
    scaling: dict[Name, Scaling] = Field({}, description="timing runs; each makes a figure and a table, `NAME_scaling`")
    ranks_per_node: RankCount | None = Field(
        None,
        description="ranks of a timing run on each node of a cluster; null: as many as its cores, and each node is "
        "asked for the memory of all ranks",
    )
    interconnect: Interconnect | None = Field(
        None, description="what the communication of dry runs is modelled from; null: measured between two ranks here"
    )
    break_even: BreakEven | None = Field(None, description="event-driven against time-driven simulation")
    baselines: dict[Name, Contest] = Field(
        {}, description="networks on which simulators are compared by the target `baselines`"
    )
    comparison: Comparison | None = Field(None, description="what the target `saccades` compares")
    validation: Validation = Field(Validation(), description="what the target `validation` compares")

    @property
    def other_figures(self) -> set[str]:
        """Names of the figures and tables that are not those of a study."""
        single = {"baselines", "break_even", "exchange", "saccades", "scaling", "validation"}
        return single | {f"{name}_scaling" for name in self.scaling}

    @property
    def other_tables(self) -> set[str]:
        """Names of tables that are not the one that a study has for its figure."""
        of_studies = {f"{name}_{kind}" for name in self.studies for kind in ("runs", "curves", "answers")}
        single = {"baselines_runs", "break_even_runs", "validation_activity", "validation_divergence"}
        return of_studies | single | {f"{name}_scaling_runs" for name in self.scaling}

    def point(self, task: str, changes: points.Changes) -> Task:
        """Return a task with the changes of a point; raise a :class:`ParameterError` if they are not allowed."""
        return points.parse_changed(Task, self.tasks[task].model_dump(mode="json"), changes)


def load(values: Any, where: str) -> Configuration:
    """Validate a configuration and every point of its studies; raise a :class:`ParameterError`, a line per wrong key.

    ``where`` names the file that the values come from.
    """
    configuration = parse(Configuration, _read_numbers(values), f"{where}: ")
    problems = []
    for name in configuration.studies:
        problems += [f"studies.{name}{line}" for line in _wrong_in_study(configuration, name)]
    if configuration.break_even is not None:
        try:
            configuration.break_even.points()
        except ParameterError as error:
            problems += [f"break_even.series: {line}" for line in str(error).splitlines()]
    for name, contest in configuration.baselines.items():
        if isinstance(contest, SampleContest):
            for task in contest.tasks:
                if task not in configuration.tasks:
                    problems.append(f"baselines.{name}.tasks: {_no_task(configuration, task)}")
                    continue
                if isinstance(configuration.tasks[task].dataset, Generated):
                    problems.append(f"baselines.{name}.tasks: {task} has no data set, whose samples could be shown")
                wrong = _wrong(configuration, task, contest.changes)
                problems += [f"baselines.{name}.changes: {task}: {line}" for line in wrong]
                if not wrong:
                    problems += _wrong_contest(configuration.point(task, contest.changes), f"baselines.{name}: {task}")
    if problems:
        raise ParameterError("\n".join(f"{where}: {problem}" for problem in dict.fromkeys(problems)))
    return configuration


def _wrong_in_study(configuration: Configuration, name: str) -> list[str]:
    """Return what is wrong with a study in the whole of the configuration: where below its name, and what."""
    study = configuration.studies[name]
    if name in configuration.other_figures:
        return [": another figure has this name"]
    if name in configuration.other_tables:
        return [": another table has this name; a study NAME has NAME, NAME_runs, NAME_curves and NAME_answers"]
    if unknown := [task for task in study.tasks if task not in configuration.tasks]:
        return [f".tasks: {_no_task(configuration, task)}" for task in unknown]
    lines = _wrong_goals(configuration, study)
    for point in study.points():
        told: dict[str, list[str]] = {}
        for task in study.tasks:
            for line in _wrong(configuration, task, point.changes):
                told.setdefault(line, []).append(task)
        for line, tasks in told.items():
            of_tasks = "" if tasks == study.tasks else f"{', '.join(tasks)}: "
            lines.append(f".{study.place(point)}: {of_tasks}{line}")
    if lines:
        return lines
    trained = {task: [configuration.point(task, point.changes) for point in study.points()] for task in study.tasks}
    return _wrong_judgement(study, trained) + _repeated_points(study, trained) + _wrong_seeds(study, trained)


def _wrong_contest(task: Task, where: str) -> list[str]:
    """Return what keeps the network of a task from being compared."""
    try:
        check_comparable(task.network_for(2**31, 2**31))
    except ValueError as error:
        return [f"{where}: {error}"]
    return []


def _no_task(configuration: Configuration, task: str) -> str:
    return f"no task {task!r}; there are {', '.join(configuration.tasks)}"


def _wrong(configuration: Configuration, task: str, changes: points.Changes) -> list[str]:
    """Return what is wrong with changes of a task, one line each."""
    try:
        configuration.point(task, changes)
    except ParameterError as error:
        return str(error).splitlines()
    return []


def _wrong_goals(configuration: Configuration, study: Study) -> list[str]:
    lines = []
    for task, goal in study.goals.items():
        if task not in study.tasks:
            lines.append(f".goals: {task!r} is no task of this study; there are {', '.join(study.tasks)}")
        elif goal > 1 and configuration.tasks[task].has_accuracy:
            lines.append(f".goals.{task} = {goal}: is an accuracy and must not exceed 1")
    return lines


def _wrong_judgement(study: Study, trained: dict[str, list[Task]]) -> list[str]:
    """Return a line where what is varied would be judged by two measures, which no axis and no difference can have."""
    judged = {task.has_accuracy: name for name, tasks in trained.items() for task in tasks}
    if study.kind == "curves" or len(judged) == 1:
        return []
    return [f".tasks: {judged[True]} is judged by accuracy, {judged[False]} by its loss: use a study for each"]


def _repeated_points(study: Study, trained: dict[str, list[Task]]) -> list[str]:
    """Return a line per point that is equal to one before it: the statistics would count its runs twice."""
    lines = []
    seen: dict[tuple[str, ...], points.Point] = {}
    for point, *tasks in zip(study.points(), *trained.values(), strict=True):
        # Each parameter of `vary`, and each of `series`, may have the task as it is.
        place = (point.series, *(point.changes if study.kind == "vary" else ()))
        first = seen.setdefault((*place, *map(points.identifier, tasks)), point)
        if first is not point:
            where = study.kind if point.variant else study.place(point)
            told = f"{point} comes twice" if str(first) == str(point) else f"{first} and {point} are the same"
            lines.append(f".{where}: {told}")
    return lines


def _wrong_seeds(study: Study, trained: dict[str, list[Task]]) -> list[str]:
    """Return a line per task whose folds are not tested equally often: the mean over seeds is to be that over folds."""
    lines = []
    for name, tasks in trained.items():
        for folds in {folds for task in tasks if (folds := task.training.folds)}:
            runs = Counter(seed % folds for seed in study.seeds)
            if len(runs) < folds or len(set(runs.values())) > 1:
                lines.append(
                    f".seeds: must test each of the {folds} folds of {name} (seed modulo {folds}) equally often"
                )
    return lines


_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def _read_numbers(values: Any) -> Any:
    """Return ``values`` with ``5e-3`` and the like as numbers, as YAML 1.2 has it; YAML 1.1 wants a dot there."""
    if isinstance(values, dict):
        return {key: _read_numbers(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_read_numbers(value) for value in values]
    if isinstance(values, str) and _EXPONENT.fullmatch(values):
        return float(values)
    return values
