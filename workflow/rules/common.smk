# The checked configuration, and the names of files that follow from it.

import json
import sys
from pathlib import Path

from eprop_core.datasets.prepare import is_here
from eprop_core.experiments import configuration
from eprop_core.experiments.contest import SampleContest
from eprop_core.experiments.points import identifier
from eprop_core.parsing import ParameterError
from eprop_core.tasks.parameters import Generated

CONFIGURATION_FILE = (
    ", ".join(map(str, workflow.overwrite_configfiles))
    or "config/config.yaml, config/baselines.yaml"
)
SOURCE = Path(str(workflow.current_basedir)).parents[1]
NEST_PROGRAMS = SOURCE / "workflow" / "nest"

try:
    CONFIGURATION = configuration.load(config, CONFIGURATION_FILE)
except ParameterError as error:
    sys.exit(str(error))


# The points of a study are tasks with some parameters changed. Equal points of different studies share their result
# files, because the names depend on the parameters alone.


def points_of(study):
    """Task, point, the resulting parameters and their name, of each point of a study."""
    for task in CONFIGURATION.studies[study].tasks:
        for point in CONFIGURATION.studies[study].points():
            parameters = CONFIGURATION.point(task, point.changes)
            yield task, point, parameters, f"{task}-{identifier(parameters)}"


def results_of_study(study):
    """Task, names, changes, whether they change nothing, and result files, one per seed, of each point of a study."""
    seeds = dict.fromkeys(CONFIGURATION.studies[study].seeds)
    compared_with = CONFIGURATION.studies[study].compared_with
    return [
        {
            "task": task,
            "variant": point.variant,
            "series": point.series,
            "panel": compared_with.get(point.series, point.series),
            "changes": point.changes,
            "default": parameters == CONFIGURATION.tasks[task],
            "results": [f"results/training/{name}/seed-{seed}.json" for seed in seeds],
        }
        for task, point, parameters, name in points_of(study)
    ]


TASKS = {
    name: parameters
    for study in CONFIGURATION.studies
    for *_, parameters, name in points_of(study)
}


# A contest on samples takes the first of its tasks whose data are on this machine, else the last.


def contests():
    """Network, its entry in the configuration, and its task or None, by the name of the files of its contest."""
    named = {}
    for network, contest in CONFIGURATION.baselines.items():
        name, task = f"{network}-{identifier(contest)}", None
        if isinstance(contest, SampleContest):
            tasks = [CONFIGURATION.tasks[task] for task in contest.tasks]
            task = next((task for task in tasks if is_here(task.dataset)), tasks[-1])
            name += f"-{identifier(task)}"
        named[name] = network, contest, task
    return named


CONTESTS = contests()
DATASETS = {
    f"{task.dataset.name}-{identifier(task.dataset)}": task.dataset
    for task in [*TASKS.values(), *(task for *_, task in CONTESTS.values() if task)]
    if not isinstance(task.dataset, Generated)
}
TIMINGS = {
    f"{name}-{identifier(scaling.timing)}": scaling
    for name, scaling in CONFIGURATION.scaling.items()
}


BREAK_EVEN = CONFIGURATION.break_even
BREAK_EVEN_POINTS = (
    {identifier(parameters): parameters for _, parameters in BREAK_EVEN.points()}
    if BREAK_EVEN
    else {}
)


def results_of_break_even():
    """Series, path of the parameter on the axis, and result files, one per seed, of each point."""
    return [
        {
            "series": point.series,
            "parameter": next(iter(point.changes)),
            "results": [
                f"results/break_even/{identifier(parameters)}/seed-{seed}.json"
                for seed in dict.fromkeys(BREAK_EVEN.seeds)
            ],
        }
        for point, parameters in (BREAK_EVEN.points() if BREAK_EVEN else [])
    ]


def prepared_data(task):
    """Files of the data set of a task; none for a task that makes its samples itself."""
    if isinstance(task.dataset, Generated):
        return []
    directory = f"results/datasets/{task.dataset.name}-{identifier(task.dataset)}"
    return [f"{directory}/train.npz", f"{directory}/test.npz"]


def products(name):
    """Figure and table of a study or a scaling experiment."""
    return [
        *expand(
            "results/figures/{name}.{format}",
            name=name,
            format=["pdf", "svg", "png", "csv"],
        ),
        *expand(
            "results/tables/{name}.{format}", name=name, format=["csv", "md", "tex"]
        ),
    ]


def comparison():
    """What the target ``saccades`` compares."""
    if CONFIGURATION.comparison is None:
        sys.exit(
            f"{CONFIGURATION_FILE}: comparison: the target saccades needs this key (config/README.md)"
        )
    return CONFIGURATION.comparison


def results_of_baselines():
    """Result files of all contests."""
    if not CONTESTS:
        sys.exit(
            f"{CONFIGURATION_FILE}: baselines: the target baselines needs this key (config/README.md)"
        )
    return [f"results/baselines/{contest}/result.json" for contest in CONTESTS]


def results_of_scaling(scaling):
    """Result files of all runs, by numbers of ranks and seeds."""
    name = scaling.removesuffix("_scaling")
    parameters = CONFIGURATION.scaling[name]
    directory = f"results/scaling/{name}-{identifier(parameters.timing)}"
    return [
        f"{directory}/{run}-{ranks}_seed-{seed}.json"
        for seed in dict.fromkeys(parameters.seeds)
        for run, numbers in (
            ("ranks", parameters.ranks),
            ("dry", parameters.dry_ranks),
        )
        for ranks in dict.fromkeys(numbers)
    ]


VALIDATION = f"results/validation/{identifier(CONFIGURATION.validation)}"


def results_of_validation():
    """Result files of all checks."""
    checks = ("nest_eprop_plus", "nest_bellec", "time_driven", "gradients")
    return [
        *(
            f"{VALIDATION}/{check}_seed-{seed}.json"
            for check in checks
            for seed in dict.fromkeys(CONFIGURATION.validation.seeds)
        ),
        f"{VALIDATION}/published_seed-1.json",
        *(
            f"{VALIDATION}/ranks-{ranks}.json"
            for ranks in dict.fromkeys(CONFIGURATION.validation.ranks)
        ),
    ]


def contest_as_json(name):
    """What the program is told of a contest."""
    _, contest, task = CONTESTS[name]
    values = {
        "contest": contest.model_dump(mode="json"),
        "task": task and task.model_dump(mode="json"),
    }
    return json.dumps(values, indent=2)


def data_of_contest(name):
    """The training samples of a contest, or nothing."""
    *_, task = CONTESTS[name]
    return prepared_data(task)[:1] if task else []


def network_of_contest(name):
    """What tells for which network the simulator must be compiled."""
    _, contest, task = CONTESTS[name]
    return task.network if task else contest.network


def as_json(parameters):
    return json.dumps(parameters.model_dump(mode="json"), indent=2)


def either(names):
    """Pattern of a wildcard that is one of ``names``."""
    return "|".join(names) or "(?!)"


def ranks_exchange():
    """Whether there is an exchange between ranks, measured or modelled, to be shown."""
    return any(
        max(*scaling.ranks, *scaling.dry_ranks, 1) > 1
        for scaling in CONFIGURATION.scaling.values()
    )


def measured_interconnect(scalings):
    """The measurement from which dry runs are modelled, where there are some and the configuration does not say it."""
    dry = any(CONFIGURATION.scaling[name].dry_ranks for name in scalings)
    return (
        ["results/scaling/interconnect.json"]
        if dry and CONFIGURATION.interconnect is None
        else []
    )


def given_interconnect():
    given = CONFIGURATION.interconnect
    return None if given is None else given.model_dump()


wildcard_constraints:
    study=either(CONFIGURATION.studies),
    scaling=either(f"{name}_scaling" for name in CONFIGURATION.scaling),
    task=either(TASKS),
    dataset=either(DATASETS),
    timing=either(TIMINGS),
    point=either(BREAK_EVEN_POINTS),
    contest=either(CONTESTS),
    seed=r"\d+",
    ranks=r"\d+",
    kind="[a-z_-]+",
