# The checked configuration, names of files, and how programs are started.

import json
import math
import os
import shlex
import sys
from pathlib import Path

from eprop_core.datasets.prepare import is_here
from eprop_core.experiments import configuration, driver, estimates
from eprop_core.experiments.contest import SampleContest
from eprop_core.experiments.points import identifier
from eprop_core.layout import kind
from eprop_core.parameters import ParameterError
from eprop_core.tasks.parameters import Generated
from eprop_core.validation.variants import KINDS

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


def facts_of_break_even():
    return {"repeats": BREAK_EVEN.repeats, "seeds": len(set(BREAK_EVEN.seeds))}


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


# What captions say: numbers of seeds and repeats, sizes.


def facts_of_study(study):
    parameters = CONFIGURATION.studies[study]
    return {
        "kind": parameters.kind,
        "tasks": parameters.tasks,
        "seeds": len(set(parameters.seeds)),
        "names": [*parameters.variants, *parameters.series],
        "margin": parameters.margin,
        "varied": [
            path.removeprefix("network.")
            for path in [*parameters.vary, *parameters.grid]
        ],
    }


def facts_of_scaling(scaling):
    parameters = CONFIGURATION.scaling[scaling.removesuffix("_scaling")]
    return {
        "kind": parameters.kind,
        "neurons": parameters.network.n_recurrent,
        "inputs": parameters.network.n_input,
        "model_time": parameters.n_steps * parameters.network.dt / 1000,
        "repeats": parameters.repeats,
        "seeds": len(set(parameters.seeds)),
        "dry": bool(parameters.dry_ranks),
    }


def facts_of_baselines():
    return {
        "networks": {
            network: task.dataset.name if task else "Poisson input"
            for network, _, task in CONTESTS.values()
        },
        "repeats": sorted({contest.repeats for _, contest, _ in CONTESTS.values()}),
    }


def facts_of_validation():
    parameters = CONFIGURATION.validation
    return parameters.model_dump() | {"seeds": len(set(parameters.seeds))}


def as_json(parameters):
    return json.dumps(parameters.model_dump(mode="json"), indent=2)


def either(names):
    """Pattern of a wildcard that is one of ``names``."""
    return "|".join(names) or "(?!)"


# Programs run with the Python that runs Snakemake, activated or not, and import the core that lies beside this workflow;
# each process computes on one core, and ends with this one. (A prefix, because the text of a rule's command is a reason to run its jobs again.)

paths = {"PYTHONPATH": SOURCE}
if not workflow.deployment_settings.deployment_method:
    paths["PATH"] = Path(sys.executable).parent
exports = [
    f"{name}={shlex.quote(f'{path}:{os.environ[name]}' if name in os.environ else str(path))}"
    for name, path in paths.items()
]
exports.append(f"{driver.VARIABLE}={driver.name()}")
shell.prefix(
    f"set -euo pipefail; export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 {' '.join(exports)}; "
)


def compiled(networks):
    """What tells that the simulator is compiled for all of these networks."""
    kinds = sorted({kind(network) for network in networks})
    return expand("results/compiled/{kind}.json", kind=kinds)


def networks_of_timing(timing):
    """Of all variants."""
    return [case.network for case in TIMINGS[timing].cases.values()]


# Code of an imported package is no reason for Snakemake to run a job again, so the simulator's sources are inputs.


def sources(*packages):
    return [
        str(path)
        for package in packages
        for path in sorted((SOURCE / "eprop_core" / package).glob("*.py"))
    ]


def programs(*names):
    return [str(SOURCE / "eprop_core" / "experiments" / f"{name}.py") for name in names]


def scripts(*names):
    return [SOURCE / "workflow" / "scripts" / f"{name}.py" for name in names]


def report_sections():
    sections = [
        *(
            (study, "study.rst", facts_of_study(study))
            for study in CONFIGURATION.studies
        ),
        *(
            (f"{name}_scaling", "scaling.rst", facts_of_scaling(f"{name}_scaling"))
            for name in CONFIGURATION.scaling
        ),
        *([("exchange", "exchange.rst", {})] if ranks_exchange() else []),
        *(
            [("break_even", "break_even.rst", facts_of_break_even())]
            if BREAK_EVEN
            else []
        ),
    ]
    return [
        {
            "name": name,
            "caption": str(SOURCE / "workflow" / "report" / caption),
            "facts": facts,
        }
        for name, caption, facts in sections
    ]


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


def nest_python(description):
    """The interpreter that has NEST, from the output of the rule `nest_environment`."""
    return json.loads(Path(description).read_text(encoding="utf-8"))["python"]


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


# What a timing run asks of a cluster.


def ranks_per_node(ranks):
    return min(ranks, CONFIGURATION.ranks_per_node or ranks)


def number_of_nodes():
    """The resource `nodes`, where the configuration says how many ranks a node has; else SLURM decides."""
    if CONFIGURATION.ranks_per_node is None:
        return {}
    return {
        "nodes": lambda wildcards: math.ceil(
            int(wildcards.ranks) / CONFIGURATION.ranks_per_node
        )
    }


def memory_of_timing(timing, ranks, ranks_here):
    """MB on each node."""
    needed = estimates.memory_of_job(TIMINGS[timing].timing, ranks)
    return math.ceil(1.1 * needed * ranks_here / 1e6)


def minutes_of_timing(timing, ranks, attempt):
    """The estimate is that of a slow core; a time limit is nothing to be missed by little."""
    return (
        math.ceil(10 + 2 * estimates.seconds_of_job(TIMINGS[timing].timing, ranks) / 60)
        * attempt
    )


def mpi_launcher():
    """Inside a batch job the system's own; otherwise the first on the path, which is that of this Python's environment."""
    return "srun" if "SLURM_JOB_ID" in os.environ else "mpiexec"


def all_cores():
    """For what has the machine to itself while its time is measured."""
    return workflow.resource_settings.cores if is_local() else 1


def is_local():
    """Whether all jobs run here; where they are submitted, Snakemake knows how many may be at once (`--jobs`)."""
    return workflow.is_main_process and workflow.resource_settings.nodes is None


def check_slots():
    """A timing with more ranks than cores is refused before anything runs."""
    n_cores = len(os.sched_getaffinity(0))
    for name, scaling in CONFIGURATION.scaling.items():
        if is_local() and max(scaling.ranks) > n_cores and not scaling.oversubscribe:
            sys.exit(
                f"{CONFIGURATION_FILE}: scaling.{name}.ranks = {max(scaling.ranks)}: this machine has {n_cores} cores; "
                f"use fewer ranks, or allow it with scaling.{name}.oversubscribe: true"
            )


check_slots()


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
