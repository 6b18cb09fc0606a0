"""Time NEST on threads or MPI ranks, with the networks and the input of a scaling experiment; write one result file.

The file holds a :class:`ScalingResult`, with one record for all threads together, or with one for each MPI rank. NEST
is started again for every repeat, and draws no random numbers: this simulator provides the connections, the weights and
the input spikes.
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from eprop_core.errors import printable
from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.measure import Simulator, run_ranks
from eprop_core.experiments.baselines.problem import Problem, random_problem
from eprop_core.experiments.baselines.result import Measurement, NotMeasured, Variant
from eprop_core.experiments.scaling.parameters import Case, Timing
from eprop_core.experiments.scaling.result import NEST_RANKS, NEST_THREADS, RankRecord, ScalingResult, VariantRecord
from eprop_core.files.text import read_json
from eprop_core.interoperability import nest_programs
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.machine import child, processors
from eprop_core.machine.temporary_place import temporary_place
from eprop_core.measurement import process as measurement
from eprop_core.measurement.results import Counts, Phases
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks.launch import RanksError
from eprop_core.records import Provenance

Parallel = Literal["threads", "ranks"]


def has_mpi(nest: InstalledSimulator) -> bool:
    """Return whether NEST was built with MPI.

    Raises
    ------
    SimulatorError
        NEST failed.
    """
    asked = child.run([*nest.command, "--mpi"], env=nest_programs.environment(), stdout=subprocess.PIPE, text=True)
    if asked.returncode != 0:
        raise SimulatorError(f"{nest.script} --mpi ended with exit code {asked.returncode}")
    return asked.stdout.split()[-1:] == ["True"]


def measure(
    timing: Timing,
    nest: InstalledSimulator,
    n: int,
    seed: int,
    folder: Path,
    parallel: Parallel = "threads",
    launcher: Sequence[str] = (),
) -> ScalingResult:
    """Return times and memory of NEST for the variants that it can simulate, by variant and repeat.

    Ranks of a NEST without MPI are left out: the result has no variants, and a line is printed.

    Parameters
    ----------
    timing
        The networks and their input.
    nest
        The installed NEST.
    n
        Number of threads, or of MPI ranks with a thread each.
    seed
        Seed of everything random.
    folder
        Where the networks are written. Ranks on several machines need one that all can read.
    parallel
        Whether ``n`` is the number of threads or of ranks.
    launcher
        Command that starts ``n`` ranks of what follows it; may begin with environment variables. One rank needs none.

    Raises
    ------
    SimulatorError
        NEST failed.
    """
    names = timing.simulated_by_nest(n)
    if parallel == "ranks" and not has_mpi(nest):
        print(f"NEST {nest.version} ({nest.python}) was built without MPI: its {n} MPI ranks are left out")
        names = []
    n_ranks, n_threads = (n, 1) if parallel == "ranks" else (1, n)
    command = [*(("env", *launcher) if launcher else ()), *nest.command]
    problems = {name: problem_of(timing, timing.case(name), n, seed) for name in names}
    records: dict[str, list[list[RankRecord]]] = {name: [] for name in names}
    hosts: list[str | None] = [None] * n_ranks
    for name, problem in problems.items():
        problem.save(folder / f"{name}.npz", n_threads, n_ranks)
    turns = [name for _ in range(timing.repeats) for name in names]
    for name in progress(turns, f"NEST, {timing.kind} scaling"):
        other_work = measurement.OtherWork()
        simulator = Simulator(nest.label, variant_of(problems[name].network), command)
        measured = []
        for of_rank in run_ranks(simulator, folder / f"{name}.npz", n_ranks):
            if isinstance(of_rank, NotMeasured):
                raise SimulatorError(f"{nest.label}, {name}: {of_rank.not_measured}")
            measured.append(of_rank)
        hosts = [of_rank.host for of_rank in measured]
        # The processor time of ranks that a batch system starts is not among that of this process's children.
        other = None if launcher and _in_batch_job() else other_work.processors()
        records[name].append([record(of_rank, other, rank) for rank, of_rank in enumerate(measured)])
    return ScalingResult(
        seed=seed,
        parameters=timing,
        provenance=_provenance_of_ranks(nest, hosts),
        ranks=n,
        dry_run=False,
        together=None,
        memory_without_network_bytes=[0] * n_ranks,
        variants={
            f"{NEST_RANKS if parallel == 'ranks' else NEST_THREADS}{name}": VariantRecord(
                network=problems[name].network,
                model_time_s=timing.n_steps * problems[name].network.dt * 1e-3,
                interval_steps=1,
                estimated_memory_bytes=estimate_memory(problems[name].network, 1) // n,
                repeats=of_variant,
            )
            for name, of_variant in records.items()
        },
    )


def problem_of(timing: Timing, case: Case, n: int, seed: int) -> Problem:
    """Return the problem that a variant poses on a number of threads or ranks."""
    return random_problem(case.network_on(n), case.input_rate, seed, timing.n_steps_warm_up, timing.n_steps)


def variant_of(network: Network) -> Variant:
    """Return what a simulator is asked for: no plasticity if no projection has any."""
    is_plastic = any(getattr(network, name).plastic for name in LEARNING_PROJECTIONS)
    return "plastic" if is_plastic else "static"


def record(measured: Measurement, other_work: float | None, rank: int = 0) -> RankRecord:
    """Return the record of a rank, or of all threads together, among which its memory is divided."""
    phases = {
        name: getattr(measured, f"{name}_s") or 0.0
        for name in ("build", "update", "deliver", "collocate", "communicate", "wait")
    }
    counted = {name: getattr(measured, name) for name in ("neurons", "spikes", "synapses", "synaptic_events")}
    return RankRecord(
        rank=rank,
        propagation_s=measured.seconds,
        times_s=Phases(plasticity=0.0, **phases),
        counts=Counts(**dict.fromkeys(Counts.model_fields, 0) | counted),
        destinations="all",
        traffic={},
        modelled={},
        bytes_per_event=None,
        peak_memory_bytes=measured.memory_bytes // measured.threads,
        other_work_processors=other_work,
    )


def _provenance_of_ranks(nest: InstalledSimulator, hosts: Sequence[str | None]) -> Provenance:
    """Return the provenance of a result, as if each rank of NEST had a process of this program on its machine."""
    here = provenance(nest=nest.version)
    of_ranks = {
        "ranks": len(hosts),
        "hosts": [host or here.hosts[0] for host in hosts],
        "processors": here.processors * len(hosts),
        "threads": here.threads * len(hosts),
    }
    return here.model_copy(update=of_ranks)


def _in_batch_job() -> bool:
    return "SLURM_JOB_ID" in os.environ


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.baselines.nest_scaling", __doc__)
    parser.add_argument("timing", type=Path, help="JSON file: an entry of scaling, without its ranks and seeds")
    parser.add_argument("--simulator", type=Path, required=True, help="JSON file: the installed NEST")
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("--threads", type=int, help="threads of NEST, in place of ranks")
    either.add_argument("--ranks", type=int, help="MPI ranks of NEST; --launcher starts them if there are several")
    parser.add_argument(
        "--launcher",
        type=shlex.split,
        default=["mpiexec", "-n"],
        help="command that starts ranks, without their number at its end (default: mpiexec -n)",
    )
    parser.add_argument("--seed", type=command_line.seed, default=1, help="seed of everything random (default: 1)")
    options = parser.parse_args()
    timing = parse(Timing, read_json(options.timing), f"{options.timing}: ")
    parallel: Parallel = "ranks" if options.threads is None else "threads"
    n = options.ranks if options.threads is None else options.threads
    if n < 1 or not timing.simulated_by_nest(n):
        raise ParameterError(f"{printable(options.timing)}: NEST can simulate none of its variants on {n} {parallel}")
    # A batch job may have more machines than this one.
    if n > processors.available() and not timing.oversubscribe and not (options.ranks and _in_batch_job()):
        raise RanksError(f"--{parallel} {n}: this machine has {processors.available():g} processors for them")
    nest = parse(InstalledSimulator, read_json(options.simulator), f"{options.simulator}: ")
    # Snakemake's SLURM plugin reserves no tasks for a single rank, and MPI needs no launcher for it.
    launcher = [*options.launcher, str(n)] if parallel == "ranks" and n > 1 else []
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with temporary_place(options.output) as folder:
        result = measure(timing, nest, n, options.seed, folder, parallel, launcher)
    result.write(options.output)


if __name__ == "__main__":
    command_line.run(main)
