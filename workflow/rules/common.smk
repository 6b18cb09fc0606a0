# The checked configuration, the plan that follows from it, and how programs are started.

import os
import shlex
import sys
from pathlib import Path

# Rules and programs take their modules from the checkout that this file is part of.
SOURCE = Path(str(workflow.current_basedir)).parents[1]
sys.path.insert(0, str(SOURCE))

from eprop_core import configuration
from eprop_core.experiments import driver
from eprop_core.machine import processors, threads
from eprop_core.network.features import kind, network_of
from eprop_core.parsing import ParameterError
from workflow.lib import captions, cluster, scheduler
from workflow.lib.plan import Plan, code, figure, modules, table

CONFIGURATION_FILE = (
    ", ".join(map(str, workflow.overwrite_configfiles))
    or "config/config.yaml, config/baselines.yaml"
)

try:
    CONFIGURATION = configuration.load(config, CONFIGURATION_FILE)
except ParameterError as error:
    sys.exit(str(error))

PLAN = Plan(CONFIGURATION, CONFIGURATION_FILE)

scheduler.let_scheduler_rest()

# Each program runs with the Python that runs Snakemake, activated or not, computes on one thread (Snakemake gives
# libraries as many as a job has cores), and ends with this process. (A prefix, because the text of a rule's command is
# a reason to run its jobs again. Braces are doubled, because Snakemake formats it.)

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

# A caption can bring in no raw HTML and no file.
os.environ.update(DOCUTILSCONFIG=str(SOURCE / "workflow" / "report" / "docutils.conf"))


def parameters(kind, name):
    return f"results/parameters/{kind}/{name}.json"


def compiled(networks):
    """Files that exist when the simulator is compiled for all of these networks."""
    kinds = sorted({kind(network) for network in networks})
    return expand("results/compiled/{kind}.json", kind=kinds)


def needed(value, key, target):
    """Return a part of the configuration that a target needs."""
    if not value:
        sys.exit(
            f"{CONFIGURATION_FILE}: {key}: the target {target} needs this key (config/README.md)"
        )
    return value


def is_local():
    """Whether all jobs run here; where they are submitted, Snakemake knows how many may be at once (`--jobs`)."""
    return workflow.is_main_process and workflow.resource_settings.nodes is None


def all_cores():
    """For what has the machine to itself while its time is measured."""
    return workflow.resource_settings.cores if is_local() else 1


def either(names):
    """Pattern of a wildcard that is one of ``names``."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    study=either(CONFIGURATION.studies),
    scaling=either(CONFIGURATION.scaling),
    task=either(PLAN.tasks),
    dataset=either(PLAN.datasets),
    timing=either(PLAN.timings),
    point=either(PLAN.break_even),
    baseline=either(PLAN.baselines),
    seed=r"\d+",
    ranks=r"\d+",
    kind="[a-z0-9_-]+",


# What programs read. Snakemake repeats a job when an input file changes, so the parameters and the source code of a job
# are files, rewritten when their content changes.


localrules:
    parameters,


rule parameters:
    output:
        "results/parameters/{kind}/{name}.json",
    log:
        "logs/parameters/{kind}/{name}.log",
    wildcard_constraints:
        name="[^/]+",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: PLAN.text(wildcards.kind, wildcards.name),
    message:
        "Write the parameters {wildcards.kind} {wildcards.name}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"
