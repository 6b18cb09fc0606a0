# How programs are started, and what else their jobs depend on.

import os
import shlex

from eprop_core import threads
from eprop_core.experiments import driver
from eprop_core.layout import kind

driver.let_scheduler_rest()

# Programs run with the Python that runs Snakemake, activated or not, and import the core that lies beside this workflow;
# each process computes on one thread (Snakemake gives libraries as many as the job has cores), and ends with this one.
# (A prefix, because the text of a rule's command is a reason to run its jobs again.)

paths = {"PYTHONPATH": SOURCE}
if not workflow.deployment_settings.deployment_method:
    paths["PATH"] = Path(sys.executable).parent
exports = [
    f"{name}={shlex.quote(f'{path}:{os.environ[name]}' if name in os.environ else str(path))}"
    for name, path in paths.items()
]
exports.append(f"{driver.VARIABLE}={driver.name()}")
exports += [f"{name}={value}" for name, value in threads.ONE.items()]
shell.prefix(f"set -euo pipefail; export {' '.join(exports)}; ")


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


TABLES = ("left_out", "read_table", "write_table")
"""Scripts that all figures and tables share."""


def scripts(*names):
    return [SOURCE / "workflow" / "scripts" / f"{name}.py" for name in names]


def nest_python(description):
    """The interpreter that has NEST, from the output of the rule `nest_environment`."""
    return json.loads(Path(description).read_text(encoding="utf-8"))["python"]
