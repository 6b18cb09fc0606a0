# What a timing run asks of a cluster, or of this machine.

import math
import os

from eprop_core import processors
from eprop_core.experiments import estimates


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


def oversubscribe(*scalings):
    """The option that one of these allows."""
    return (
        "--oversubscribe" if any(scaling.oversubscribe for scaling in scalings) else ""
    )


def all_cores():
    """For what has the machine to itself while its time is measured."""
    return workflow.resource_settings.cores if is_local() else 1


def is_local():
    """Whether all jobs run here; where they are submitted, Snakemake knows how many may be at once (`--jobs`)."""
    return workflow.is_main_process and workflow.resource_settings.nodes is None


def check_slots():
    """A timing with more ranks than processors is refused before anything runs."""
    available = processors.available()
    for name, scaling in CONFIGURATION.scaling.items():
        most = max(scaling.ranks, default=0)
        if is_local() and most > available and not scaling.oversubscribe:
            sys.exit(
                f"{CONFIGURATION_FILE}: scaling.{name}.ranks = {most}: this machine has {available:g} processors for them; "
                f"use fewer ranks, or allow it with scaling.{name}.oversubscribe: true"
            )


check_slots()
