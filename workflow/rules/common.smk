# The validated configuration, the plan that follows from it, and the environment in which programs run.

import os
import shlex
import sys
from pathlib import Path

# Rules and programs import their modules from the checkout that contains this file.
SOURCE = Path(str(workflow.current_basedir)).parents[1]
sys.path.insert(0, str(SOURCE))

from workflow.lib import one_call

# Before the other imports, which take longer: a call can be killed at any time.
if workflow.is_main_process:
    one_call.note_folders(
        Path.cwd(),
        [workflow.snakemake_tmp_dir, workflow.sourcecache.runtime_cache_path],
    )

from eprop_core import configuration, plug_ins
from eprop_core.errors import printable
from eprop_core.experiments.locality.parameters import METHODS
from eprop_core.machine import driver, processors, threads
from eprop_core.network.features import kind, network_of
from eprop_core.parsing import ParameterError
from workflow.lib import (
    captions,
    cluster,
    configuration_file,
    disk_space,
    scheduler,
    simulator_folders,
)
from workflow.lib.plan import Plan, code, figure, modules, table
from workflow.scripts.shared import fonts

CONFIGURATION_FILES = workflow.overwrite_configfiles or configuration_file.DEFAULTS
CONFIGURATION_FILE = printable(", ".join(map(str, CONFIGURATION_FILES)))
# A workflow that imports this one may have its configuration elsewhere.
CONFIGURATION_FILES = [file for file in CONFIGURATION_FILES if Path(file).exists()]

configuration_file.check(CONFIGURATION_FILES)
try:
    CONFIGURATION = configuration.load(config, CONFIGURATION_FILE)
    if workflow.is_main_process:  # figures are drawn where Snakemake is called
        fonts.check(CONFIGURATION.style, f"{CONFIGURATION_FILE}: ")
    with plug_ins.blaming(f"{CONFIGURATION_FILE}: "):
        PLAN = Plan(
            CONFIGURATION, configuration_file.shown(CONFIGURATION_FILES, SOURCE)
        )
except ParameterError as error:
    sys.exit(
        configuration_file.with_lines(
            str(error), CONFIGURATION_FILE, CONFIGURATION_FILES
        )
    )

if workflow.is_main_process:
    for problem in plug_ins.PROBLEMS:
        print(f"warning: {problem}", file=sys.stderr)

# Snakemake formats the path of an environment, which fails in a folder with braces in its name.
ENVIRONMENT = None if "{" in str(SOURCE) else "../../envs/core.yaml"

scheduler.let_scheduler_rest()
scheduler.let_scheduler_end()

# Programs run with the Python that runs Snakemake, even if its environment is not activated. They compute on one thread
# (Snakemake would allow one per core of the job) and end when this process ends. This is a prefix, because a change of
# the command of a rule repeats its jobs. Braces are doubled, because Snakemake formats the prefix.

paths = {"PYTHONPATH": SOURCE}
if not workflow.deployment_settings.deployment_method:
    paths["PATH"] = Path(sys.executable).parent
exports = [
    f"{name}={shlex.quote(f'{path}:{os.environ[name]}' if name in os.environ else str(path))}"
    for name, path in paths.items()
]
exports.append(f"{driver.VARIABLE}={driver.name()}")
exports += [f"{name}={value}" for name, value in threads.ONE.items()]
shell.prefix(
    f"set -euo pipefail; export {' '.join(exports)}; ".replace("{", "{{").replace(
        "}", "}}"
    )
)

# Captions must not include raw HTML or files.
os.environ.update(DOCUTILSCONFIG=str(SOURCE / "workflow" / "report" / "docutils.conf"))


def parameters(kind, name):
    """Return the parameter file of a job."""
    return f"results/parameters/{kind}/{name}.json"


def of_checkout(*files):
    """Return files of the checkout from here: its own path may have braces, which would be wildcards to Snakemake."""
    return [os.path.relpath(SOURCE / file) for file in files]


STYLE = parameters("style", "figures")
STYLE_OPTION = f"--style {STYLE}"


def compiled(networks):
    """Return the files that mark the simulator as compiled for all of these networks."""
    kinds = sorted({kind(network) for network in networks})
    return expand("results/compiled/{kind}.json", kind=kinds)


def needed(value, key, target):
    """Return a value of the configuration; exit with a message if the target needs it and it is missing."""
    if not value:
        sys.exit(
            f"{CONFIGURATION_FILE}: {key}: the target {target} needs this key (docs/reference/configuration)"
        )
    return value


def is_local():
    """Return whether all jobs run on this machine; on a cluster, `--jobs` limits their number."""
    return workflow.is_main_process and workflow.resource_settings.nodes is None


def all_cores():
    """Return the number of cores of a job whose times are measured: all, so that no other job runs beside it."""
    return workflow.resource_settings.cores if is_local() else 1


def data_option(wildcards, input):
    """Return the option with the folder of a task's data set, if it has one."""
    return f"--data {Path(input.data[0]).parent}" if input.data else ""


def ranks_of(wildcards):
    """Return the number of ranks of a training run."""
    return PLAN.tasks[wildcards.task].training.ranks


def memory_of_snakemake():
    """Return the memory of Snakemake within a job, MB."""
    return 0 if is_local() else cluster.SNAKEMAKE_MB


def files_mb(files):
    """Return the size of files, MB."""
    return sum(os.path.getsize(file) for file in files) / 1e6


def training_memory(wildcards, input, attempt):
    """Return the memory of a training run on each node, MB; its data may be still to be prepared."""
    data_mb = files_mb(input.data)
    program = max(
        cluster.training_memory(CONFIGURATION, task, data_mb, attempt)
        for task in PLAN.possible_tasks(wildcards.task)
    )
    return program + memory_of_snakemake()


def nodes(n_ranks):
    """Return the resource `nodes` of a job with ``n_ranks(wildcards)`` ranks, if the configuration determines it."""
    if CONFIGURATION.ranks_per_node is None:
        return {}
    return {
        "nodes": lambda wildcards: cluster.number_of_nodes(
            CONFIGURATION, n_ranks(wildcards)
        )
    }


def either(names):
    """Return the pattern of a wildcard that is one of ``names``."""
    return "|".join(names) or "(?!)"


def check_processors():
    """Exit with a message if a job needs more ranks than there are processors."""
    available = processors.available()
    most = max((task.training.ranks for task in PLAN.tasks.values()), default=0)
    if is_local() and most > available:
        sys.exit(
            f"{CONFIGURATION_FILE}: training.ranks = {most}: this machine has {available:g} processors for them; "
            "use fewer ranks"
        )
    for name, experiment in CONFIGURATION.scaling.items():
        for key, what in {
            "ranks": "ranks",
            "nest_threads": "threads",
            "nest_ranks": "ranks",
        }.items():
            most = max(getattr(experiment, key), default=0)
            if is_local() and most > available and not experiment.oversubscribe:
                sys.exit(
                    f"{CONFIGURATION_FILE}: scaling.{name}.{key} = {most}: this machine has {available:g} processors for them; "
                    f"use fewer {what}, or allow it with scaling.{name}.oversubscribe: true"
                )


check_processors()

if workflow.is_main_process and (forecast := disk_space.forecast(PLAN.networks)):
    print(forecast, file=sys.stderr)


wildcard_constraints:
    study=either(CONFIGURATION.studies),
    scaling=either(CONFIGURATION.scaling),
    task=either(PLAN.tasks),
    choice=either(PLAN.choices),
    dataset=either(PLAN.datasets),
    dynamics=either(PLAN.dynamics),
    evidence=either(PLAN.evidence),
    data=either(PLAN.data_figures),
    timing=either(PLAN.timings),
    point=either(PLAN.break_even),
    gradient=either(PLAN.gradient_points),
    method=either(METHODS),
    baseline=either(PLAN.baselines),
    simulator="[a-z0-9_]+",
    seed=r"\d+",
    ranks=r"\d+",
    kind="[a-z0-9_-]+",


def emulated_together(wildcards):
    """Return the number of ranks that a dry run emulates at the same time: one, or as many as there are cores."""
    if not PLAN.timings[wildcards.timing].dry_together:
        return 1
    cores = all_cores() if is_local() else CONFIGURATION.ranks_per_node or 1
    return min(cores, int(wildcards.ranks))
