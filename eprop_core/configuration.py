"""The configuration of the pipeline: the top-level keys, and checks across experiments."""

from collections import Counter
from typing import Any

from pydantic import Field

from eprop_core.errors import printable
from eprop_core.experiments import points
from eprop_core.experiments.baselines.parameters import BaselineParameters, SampleBaseline, check_comparable
from eprop_core.experiments.break_even.parameters import BreakEven
from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.experiments.interconnect.parameters import Interconnect
from eprop_core.experiments.locality.parameters import Locality, check_point, check_task
from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.experiments.scaling.parameters import Scaling
from eprop_core.experiments.studies.parameters import CONTROL, Study, TaskParameters, check_factors, without_effect
from eprop_core.experiments.studies.sensitivity_parameters import Sensitivity
from eprop_core.experiments.values import Name, RankCount
from eprop_core.experiments.verification.parameters import Verification
from eprop_core.parsing import EXPONENT, ParameterError, Parameters, parse
from eprop_core.plug_ins import blaming
from eprop_core.tasks.parameters import Generated


class Configuration(Parameters):
    """The experiments of the pipeline, and the cluster on which they run."""

    tasks: dict[Name, TaskParameters] = Field(
        {}, description="data sets or generated tasks, with the networks that learn them"
    )
    studies: dict[Name, Study] = Field(
        {}, description="training runs over parameters and seeds; each study makes a figure and a table with its name"
    )
    sensitivity: Sensitivity | None = Field(None, description="effect of a single input spike on learning")
    scaling: dict[Name, Scaling] = Field(
        {}, description="timing runs over numbers of ranks; each makes a figure and a table `NAME_scaling`"
    )
    ranks_per_node: RankCount | None = Field(
        None,
        description="number of ranks per node of a cluster; null: as many as a node has cores, and "
        "each node is requested with the memory of all ranks",
    )
    interconnect: Interconnect | None = Field(
        None,
        description="latency and bandwidth for the communication model of dry runs; null: measured between two ranks",
    )
    break_even: BreakEven | None = Field(None, description="cost of event-driven and time-driven simulation")
    baselines: dict[Name, BaselineParameters] = Field(
        {}, description="networks on which the target `baselines` compares simulators"
    )
    saccades: SaccadesComparison | None = Field(None, description="data of the target `saccades`")
    locality: Locality | None = Field(
        None, description="comparison of e-prop+ with backpropagation through time (the target `locality`)"
    )
    verification: Verification = Field(
        Verification(), description="random networks that the target `verification` compares"
    )

    style: FigureStyle = Field(FigureStyle(), description="style of all figures")

    @property
    def other_figures(self) -> set[str]:
        """Names of the figures and tables that belong to no study."""
        single = {
            "baselines",
            "break_even",
            "exchange",
            "locality_accuracy",
            "locality_gradients",
            "memory_over_time",
            "race",
            "saccades",
            "scaling",
            "sensitivity",
            "verification",
        }
        of_tasks = {f"dynamics_{name}" for name in self.tasks} | {
            f"data_{task.dataset.name}" for task in self.tasks.values()
        }
        return single | of_tasks | {f"{name}_scaling" for name in self.scaling}

    @property
    def other_tables(self) -> set[str]:
        """Names of the tables other than those with the name of a study."""
        of_studies = {f"{name}_{kind}" for name in self.studies for kind in ("runs", "curves", "answers", "search")}
        single = {
            "baselines_memory",
            "baselines_runs",
            "break_even_runs",
            "locality_accuracy_runs",
            "locality_gradients_runs",
            "sensitivity_runs",
            "sensitivity_curves",
            "verification_activity",
            "verification_divergence",
        }
        return of_studies | single | {f"{name}_scaling_runs" for name in self.scaling}

    def point(self, task: str, changes: points.Changes) -> TaskParameters:
        """Return a task with the changes of a point.

        Raises
        ------
        ParameterError
            If a change is not allowed.
        """
        return points.parse_changed(TaskParameters, self.tasks[task].model_dump(mode="json"), changes)


def load(values: Any, where: str) -> Configuration:
    """Validate a configuration and every point of its experiments.

    Parameters
    ----------
    values
        Nested dictionaries, as a YAML file gives them.
    where
        Name of the file, for messages.

    Raises
    ------
    ParameterError
        If values are not allowed; the message has one line per wrong key.
    """
    where = printable(where)
    with blaming(f"{where}: "):
        configuration = parse(Configuration, _read_numbers(values), f"{where}: ")
    problems = []
    for name in configuration.studies:
        problems += [f"studies.{name}{line}" for line in _wrong_in_study(configuration, name)]
    if configuration.sensitivity is not None:
        problems += [f"sensitivity.tasks: {line}" for line in _wrong_in_sensitivity(configuration)]
    if configuration.break_even is not None:
        problems += [f"break_even.series{line}" for line in _wrong_in_break_even(configuration.break_even)]
    if configuration.locality is not None:
        problems += [f"locality{line}" for line in _wrong_in_locality(configuration, configuration.locality)]
    for name, baseline in configuration.baselines.items():
        if isinstance(baseline, SampleBaseline):
            for task in baseline.tasks:
                if task not in configuration.tasks:
                    problems.append(f"baselines.{name}.tasks: {_no_task(configuration, task)}")
                    continue
                if isinstance(configuration.tasks[task].dataset, Generated):
                    problems.append(f"baselines.{name}.tasks: {task} has no data set, whose samples could be shown")
                wrong = _wrong(configuration, task, baseline.changes)
                problems += [f"baselines.{name}.changes: {task}: {line}" for line in wrong]
                if not wrong:
                    timed, trained = configuration.point(task, baseline.changes), configuration.tasks[task]
                    problems += _wrong_baseline(timed, f"baselines.{name}.tasks: {task}, with its changes")
                    problems += _wrong_baseline(trained, f"baselines.{name}.tasks: {task}")
                    problems += _wrong_accuracy(baseline, trained, f"baselines.{name}.accuracy", task)
    if problems:
        raise ParameterError("\n".join(f"{where}: {problem}" for problem in dict.fromkeys(problems)))
    return configuration


def _wrong_accuracy(baseline: SampleBaseline, trained: TaskParameters, where: str, task: str) -> list[str]:
    """Return why simulators cannot be compared by what they learn from the samples of a task."""
    if baseline.accuracy is None or isinstance(trained.dataset, Generated):
        return []
    if not trained.dataset.has_accuracy:
        return [f"{where}: {task}: its samples have no classes"]
    of_accuracy, there = baseline.accuracy, trained.dataset.n_training_samples
    needed = of_accuracy.samples + of_accuracy.validation_samples
    if there is not None and needed > there:
        return [
            f"{where}: {task}: samples + validation_samples = {needed}: must be at most its {there} training samples"
        ]
    if unused := without_effect(trained.training, CONTROL):
        return [f"{where}: {task}: {unused[0]}: all simulators are trained in the same plain way"]
    try:
        check_factors("learning_rate_factors", of_accuracy.learning_rate_factors, trained.network_before_data())
    except ParameterError as error:
        return [f"{where}: {task}: {line}" for line in str(error).splitlines()]
    return []


def _wrong_in_study(configuration: Configuration, name: str) -> list[str]:
    """Return the errors of a study that involve the rest of the configuration: path below its name, and message."""
    study = configuration.studies[name]
    if name in configuration.other_figures:
        return [": another figure has this name"]
    if name in configuration.other_tables:
        return [
            ": another table has this name; a study NAME has NAME, NAME_runs, NAME_curves, NAME_answers and NAME_search"
        ]
    if unknown := [task for task in study.tasks if task not in configuration.tasks]:
        return [f".tasks: {_no_task(configuration, task)}" for task in unknown]
    lines = _wrong_goals(configuration, study)
    for point in study.points():
        tasks_by_message: dict[str, list[str]] = {}
        for task in study.tasks:
            for line in _wrong(configuration, task, point.changes):
                tasks_by_message.setdefault(line, []).append(task)
        for line, tasks in tasks_by_message.items():
            of_tasks = "" if tasks == study.tasks else f"{', '.join(tasks)}: "
            lines.append(f".{study.place(point)}: {of_tasks}{line}")
    if lines:
        return lines
    trained = {task: [configuration.point(task, point.changes) for point in study.points()] for task in study.tasks}
    if lines := _wrong_judgement(study, trained):
        return lines
    return [
        *_repeated_points(study, trained),
        *_wrong_seeds("seeds", study.seeds, trained),
        *_wrong_search(configuration, study, trained),
    ]


def _wrong_in_sensitivity(configuration: Configuration) -> list[str]:
    """Return the errors of the tasks that are learned with and without a spike."""
    lines = []
    for task in configuration.sensitivity.tasks if configuration.sensitivity else ():
        if task not in configuration.tasks:
            lines.append(_no_task(configuration, task))
            continue
        dataset, training = configuration.tasks[task].dataset, configuration.tasks[task].training
        rates = [getattr(dataset, name) for name in ("input_rate", "noise_rate") if hasattr(dataset, name)]
        if isinstance(dataset, Generated) and rates and not any(rates):
            lines.append(f"{task} has no input spike, without which a run could differ: needs dataset.input_rate > 0")
        lines += [
            f"{task}: {line}" for line in without_effect(training, ("rewiring", "learning_rate_schedule", "ranks"))
        ]
    return lines


def _wrong_in_break_even(experiment: BreakEven) -> list[str]:
    """Return the errors of the points of the break-even experiment, and of those that come twice in a series."""
    lines = []
    seen: dict[tuple[str, str], points.Point] = {}
    for point in experiment.all_points():
        try:
            first = seen.setdefault((point.series, points.content_hash(experiment.at(point))), point)
        except ParameterError as error:
            lines += [f".{point.series}: {line}" for line in str(error).splitlines()]
            continue
        if first is not point:
            lines.append(f".{point.series}: {_same(first, point)}")
    return lines


def _wrong_in_locality(configuration: Configuration, experiment: Locality) -> list[str]:
    """Return the errors of the comparison with backpropagation through time: path below its name, and message."""
    if experiment.task not in configuration.tasks:
        return [f".task: {_no_task(configuration, experiment.task)}"]
    task = configuration.tasks[experiment.task]
    try:
        check_task(task, experiment.search)
    except ParameterError as error:
        return [f".task: {experiment.task}: {error}"]
    lines = []
    seen: dict[tuple[str, str], points.Point] = {}
    for point in experiment.gradients.all_points():
        where = f".gradients.series.{point.series}"
        try:
            parameters = experiment.gradients.at(task, point)
            check_point(parameters, point.changes)
        except ParameterError as error:
            lines += [f"{where}: {line}" for line in str(error).splitlines()]
            continue
        first = seen.setdefault((point.series, points.content_hash(parameters)), point)
        if first is not point:
            lines.append(f"{where}: {_same(first, point)}")
    return lines


def _same(first: points.Point, second: points.Point) -> str:
    return f"{second} comes twice" if str(first) == str(second) else f"{first} and {second} are the same"


def _wrong_baseline(task: TaskParameters, where: str) -> list[str]:
    """Return the reasons why the network of a task cannot be compared with other simulators."""
    try:
        check_comparable(task.network_before_data())
    except ValueError as error:
        return [f"{where}: {error}"]
    return []


def _no_task(configuration: Configuration, task: str) -> str:
    return f"no task {task!r}; there are {', '.join(configuration.tasks)}"


def _wrong(configuration: Configuration, task: str, changes: points.Changes) -> list[str]:
    """Return the errors of the changes of a task, one line each."""
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


def _wrong_judgement(study: Study, trained: dict[str, list[TaskParameters]]) -> list[str]:
    """Return an error if a study that varies something has both tasks with accuracy and tasks with a loss only."""
    judged = {task.has_accuracy: name for name, tasks in trained.items() for task in tasks}
    if study.kind == "curves" or len(judged) == 1:
        return []
    return [f".tasks: {judged[True]} is judged by accuracy, {judged[False]} by its loss: use a study for each"]


def _repeated_points(study: Study, trained: dict[str, list[TaskParameters]]) -> list[str]:
    """Return an error per point that equals an earlier one, because statistics would count its runs twice."""
    lines = []
    seen: dict[tuple[str, ...], points.Point] = {}
    for point, *tasks in zip(study.points(), *trained.values(), strict=True):
        # Each parameter of `vary`, and each series, may include the unchanged task.
        place = (point.series, *(point.changes if study.kind == "vary" else ()))
        first = seen.setdefault((*place, *map(points.content_hash, tasks)), point)
        if first is not point:
            where = study.kind if point.variant else study.place(point)
            lines.append(f".{where}: {_same(first, point)}")
    return lines


def _wrong_seeds(key: str, seeds: list[int], trained: dict[str, list[TaskParameters]]) -> list[str]:
    """Return an error per task whose folds are not tested equally often, so that means over seeds are over folds."""
    lines = []
    for name, tasks in trained.items():
        for folds in {folds for task in tasks if (folds := task.training.folds)}:
            runs = Counter(seed % folds for seed in seeds)
            if len(runs) < folds or len(set(runs.values())) > 1:
                lines.append(
                    f".{key}: must test each of the {folds} folds of {name} (seed modulo {folds}) equally often"
                )
    return lines


def _wrong_search(configuration: Configuration, study: Study, trained: dict[str, list[TaskParameters]]) -> list[str]:
    """Return the errors of the values that points choose from, and of the samples by which they do."""
    if study.tune is None:
        return []
    lines = []
    for task in study.tasks:
        for point in study.points():
            seen: dict[str, points.Changes] = {}
            for changes, combination in zip(study.tune.changes(), study.tune.combinations(), strict=True):
                if wrong := _wrong(configuration, task, point.changes | changes):
                    lines += [f".tune: {task}: {line}" for line in wrong]
                    continue
                searched = configuration.point(task, point.changes | changes)
                if searched.has_no_validation_samples:
                    lines.append(
                        f".tune.validation_share: {task} has no validation samples; a search needs a share above 0"
                    )
                first = seen.setdefault(points.content_hash(searched), combination.changes)
                if first is not combination.changes:
                    lines.append(f".tune.values: {task}: {_same(points.Point(first), combination)}")
    return lines + _wrong_seeds("tune.seeds", study.tune.seeds, trained)


def _read_numbers(values: Any) -> Any:
    """Return ``values`` with strings like ``5e-3`` as numbers."""
    if isinstance(values, dict):
        return {key: _read_numbers(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_read_numbers(value) for value in values]
    if isinstance(values, str) and EXPONENT.match(values):
        return float(values)
    return values
