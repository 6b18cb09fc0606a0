"""Resources of timing and training runs on a cluster: nodes, memory, time and launcher."""

import math
import os

from eprop_core.configuration import Configuration
from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.locality.parameters import AccuracyParameters, GradientPoint
from eprop_core.experiments.scaling.parameters import Scaling
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.verification.parameters import Verification
from workflow.lib.plan import BaselinesNetwork

WARNING = "--signal=TERM@300"
"""Option of sbatch: 300 s before its time limit, or up to 60 s earlier, SLURM asks a training run to end."""

SNAKEMAKE_MB = 230
"""Memory of Snakemake itself, which on a cluster runs in each job beside the program."""


def ranks_per_node(configuration: Configuration, n_ranks: int) -> int:
    """Return the number of ranks on each node."""
    return min(n_ranks, configuration.ranks_per_node or n_ranks)


def number_of_nodes(configuration: Configuration, n_ranks: int) -> int | None:
    """Return the number of nodes; None if the configuration leaves it to SLURM."""
    of_node = configuration.ranks_per_node
    return None if of_node is None else math.ceil(n_ranks / of_node)


def memory(scaling: Scaling, n_ranks: int, n_ranks_here: int) -> int:
    """Return the memory on each node, MB, for ``n_ranks_here`` of the ``n_ranks`` ranks."""
    from eprop_core.experiments.scaling import estimates  # loads the compiler, which few calls of Snakemake need

    return math.ceil(1.1 * estimates.memory_of_job(scaling.timing, n_ranks) * n_ranks_here / 1e6)


def nest_memory(scaling: Scaling, n: int, n_ranks_here: int = 0) -> int:
    """Return the memory on each node, MB, of NEST on ``n`` threads, or for ``n_ranks_here`` of its ``n`` ranks."""
    from eprop_core.experiments.baselines import estimates  # as above

    n_steps = scaling.timing.n_steps_warm_up + scaling.timing.n_steps
    ranks = (n, n_ranks_here) if n_ranks_here else (1, 1)
    networks = [case.network_on(n) for case in scaling.timing.cases.values()]
    needed = [
        max(estimates.memory_of_listing(network), estimates.memory_of_nest(network, n_steps, *ranks))
        for network in networks
    ]
    return _with_room(estimates.PROCESS_BYTES + max(needed), attempt=1)


def _with_room(n_bytes: float, attempt: int, n_ranks: int = 1) -> int:
    """Return the memory, MB, for ``n_ranks`` ranks that are estimated to need ``n_bytes`` each, with a tenth more.

    The first attempt has no room to compile the simulator, which a job does on a processor of another type.
    """
    from eprop_core.experiments.scaling.estimates import COMPILING_BYTES  # as above

    return math.ceil(1.1 * (n_bytes + (attempt > 1) * COMPILING_BYTES) * n_ranks / 1e6)


def training_memory(configuration: Configuration, task: TaskParameters, data_mb: float, attempt: int) -> int:
    """Return the memory on each node, MB, for a training run on a data set of ``data_mb``."""
    from eprop_core.experiments.studies import estimates

    n_ranks = ranks_per_node(configuration, task.training.ranks)
    return _with_room(estimates.memory_of_rank(task, int(1e6 * data_mb)), attempt, n_ranks)


def break_even_memory(point: BreakEvenPoint, attempt: int) -> int:
    """Return the memory, MB, for a point of the break-even experiment."""
    from eprop_core.experiments.break_even import estimates

    return _with_room(estimates.memory_of_job(point), attempt)


def verification_memory(parameters: Verification, check: str, seed: int, attempt: int) -> int:
    """Return the memory, MB, for a check of the verification, or a rank of it."""
    from eprop_core.experiments.verification import estimates

    return _with_room(estimates.memory_of_check(parameters, check, seed), attempt)


def baselines_memory(network: BaselinesNetwork, data_mb: float, attempt: int) -> int:
    """Return the memory, MB, for a comparison of simulators on samples of ``data_mb``."""
    from eprop_core.experiments.baselines import estimates

    return _with_room(estimates.memory_of_job(network.parameters, network.task, int(1e6 * data_mb)), attempt)


def saccades_memory(attempt: int) -> int:
    """Return the memory, MB, for the comparison of simulated with recorded saccades."""
    from eprop_core.experiments.saccades.estimates import JOB_BYTES

    return _with_room(JOB_BYTES, attempt)


def locality_memory(parameters: AccuracyParameters | GradientPoint, data_mb: float, attempt: int) -> int:
    """Return the memory, MB, for a training or for gradients that are compared with backpropagation through time."""
    from eprop_core.experiments.locality import estimates

    n_bytes_of_data = int(1e6 * data_mb)
    if isinstance(parameters, AccuracyParameters):
        return _with_room(estimates.memory_of_training(parameters, n_bytes_of_data), attempt)
    return _with_room(estimates.memory_of_gradients(parameters, n_bytes_of_data), attempt)


def minutes(scaling: Scaling, n_ranks: int, attempt: int) -> int:
    """Return the time limit, minutes: twice the estimate for a slow core, times the number of the attempt."""
    from eprop_core.experiments.scaling import estimates  # as above

    return math.ceil(10 + 2 * estimates.seconds_of_job(scaling.timing, n_ranks) / 60) * attempt


def mpi_launcher() -> str:
    """Return the program that starts ranks: ``srun`` in a batch job, otherwise ``mpiexec`` of the environment."""
    return "srun" if "SLURM_JOB_ID" in os.environ else "mpiexec"


def oversubscribe(*scalings: Scaling) -> str:
    """Return the option ``--oversubscribe`` if one of the experiments allows it, otherwise nothing."""
    return "--oversubscribe" if any(scaling.oversubscribe for scaling in scalings) else ""
