"""Measure how long variants of a random network take on a number of MPI ranks; write one result file.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.scaling ... --ranks 2
One of many ranks, without MPI: python -m eprop_core.experiments.scaling ... --dry-run 1024
One of them on each core at the same time: python -m eprop_core.experiments.scaling ... --dry-run 1024 --together

Every repeat builds the network anew, runs it untimed until it is warm, and then runs it on the clock. The input is
Poisson and the targets are zero, so that every plastic synapse learns all the time; a small learning rate keeps the
activity where the initial weights put it.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path

from eprop_core.experiments import command_line
from eprop_core.experiments.compile import run_briefly
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.experiments.scaling import estimates
from eprop_core.experiments.scaling.parameters import Case, Timing
from eprop_core.experiments.scaling.result import MessageCost, RankRecord, ScalingResult, Traffic, VariantRecord
from eprop_core.files.text import read_json
from eprop_core.machine import processors
from eprop_core.measurement import process as measurement
from eprop_core.measurement.results import Counts, Phases, counts_by_role
from eprop_core.network.features import communication_interval
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import (
    SINGLE_RANK,
    Communicator,
    n_ranks_on_this_machine,
    sleep_until_all_are_here,
)
from eprop_core.ranks.exchange_cost import cheaper_destinations
from eprop_core.ranks.together import Together, run_together
from eprop_core.simulation import Simulation


def measure(
    timing: Timing, seed: int, communicator: Communicator = SINGLE_RANK, dry_run: int | None = None
) -> ScalingResult:
    """Return times by phase, memory and counts, by variant, repeat and rank; collective.

    ``dry_run`` is a number of ranks of which each process emulates another one. Processes of a ``communicator`` then
    build and run at the same time, and share nothing but the machine.
    """
    n_ranks = dry_run or communicator.size
    cases = timing.cases_of(dry_run=dry_run is not None)
    networks = {name: case.network_on(n_ranks) for name, case in cases.items()}
    compile_variants(timing, communicator, dry_run)  # loads what is compiled
    memory_without = communicator.allgather(measurement.peak_memory())
    measured: dict[str, list[list[RankRecord]]] = {name: [] for name in cases}
    alone: dict[str, list[float]] = {name: [] for name in cases}
    is_paired = timing.paired and dry_run is None and communicator.size > 1
    other_work = measurement.OtherWork(communicator)
    # Variants take turns, so that what else happens on the machine meets all of them alike.
    turns = [name for _ in range(timing.repeats) for name in cases]
    shown = progress(turns, f"{timing.kind} scaling") if communicator.rank == 0 else turns
    for name in shown:
        if is_paired:
            alone[name].append(_alone(timing, cases[name], seed, communicator))
        other_work.restart()
        once = _repeat(timing, cases[name], networks[name], seed, communicator, dry_run, other_work)
        measured[name].append(communicator.allgather(once))
    return ScalingResult(
        seed=seed,
        parameters=timing,
        provenance=provenance(communicator),
        ranks=n_ranks,
        dry_run=dry_run is not None,
        together=communicator.size if dry_run else None,
        memory_without_network_bytes=memory_without,
        variants={
            name: VariantRecord(
                network=network,
                model_time_s=timing.n_steps * network.dt * 1e-3,
                interval_steps=communication_interval(network),
                estimated_memory_bytes=estimates.memory_of_rank(cases[name], n_ranks),
                repeats=measured[name],
                alone_s=alone[name],
            )
            for name, network in networks.items()
        },
    )


def compile_variants(timing: Timing, communicator: Communicator = SINGLE_RANK, dry_run: int | None = None) -> None:
    """Compile what the variants need; collective."""
    n_ranks = dry_run or communicator.size
    for case in timing.cases_of(dry_run=dry_run is not None).values():
        network = case.network_on(n_ranks)
        if timing.paired and communicator.rank == 0:
            run_briefly(case.network_on(1))
        run_briefly(
            network,
            communicator=SINGLE_RANK if dry_run else communicator,
            destinations=case.destinations or cheaper_destinations(network, n_ranks),
            dry_run=dry_run is not None,
        )


def _repeat(
    timing: Timing,
    case: Case,
    network: Network,
    seed: int,
    communicator: Communicator,
    dry_run: int | None,
    other_work: measurement.OtherWork,
) -> RankRecord:
    """Build and run once; return the measurements of this rank. Collective."""
    rank = communicator.rank if dry_run is None else emulated_rank(communicator, dry_run)
    measurement.reset_peak_memory()
    simulation = Simulation(
        network,
        seed=seed,
        communicator=SINGLE_RANK if dry_run else communicator,
        destinations=case.destinations,
        dry_run=None if dry_run is None else (rank, dry_run),
        time_waiting=True,
    )
    _propagate(simulation, case, timing.n_steps_warm_up, communicator)
    times, counts, before = dict(simulation.times), dict(simulation.counts), simulation.traffic
    propagation = _propagate(simulation, case, timing.n_steps, communicator)
    increase = measurement.difference(simulation.counts, counts)
    traffic = {name: received.since(before[name]) for name, received in simulation.traffic.items()}
    happened = {name: n for name, n in increase.items() if name.endswith(("spikes", "events"))}
    peak_memory, other = measurement.peak_memory(), other_work.processors()
    return RankRecord(
        rank=rank,
        propagation_s=propagation,
        times_s=Phases(**measurement.difference(simulation.times, times) | {"build": times["build"]}),
        counts=Counts(**counts_by_role(network, simulation.counts | happened)),
        destinations=simulation.destinations,
        traffic={
            name: Traffic(exchanges=received.exchanges, received_bytes=received.received_bytes)
            for name, received in traffic.items()
        },
        modelled={}
        if dry_run is None
        else {name: MessageCost.model_validate(received.cost._asdict()) for name, received in traffic.items()},
        bytes_per_event=_bytes_per_event(simulation, increase),
        peak_memory_bytes=peak_memory,
        other_work_processors=other,
    )


def emulated_rank(communicator: Communicator, n_ranks: int) -> int:
    """Return which of ``n_ranks`` this process emulates: the middle one, or several at equal distances."""
    rank, size = int(communicator.rank), int(communicator.size)
    return (2 * rank + 1) * n_ranks // (2 * size)


def _alone(timing: Timing, case: Case, seed: int, communicator: Communicator) -> float:
    """Return the time, s, of a run of rank 0 alone, while the other ranks sleep; collective."""
    seconds = 0.0
    if communicator.rank == 0:
        simulation = Simulation(case.network_on(1), seed=seed, time_waiting=True)
        _propagate(simulation, case, timing.n_steps_warm_up, SINGLE_RANK)
        seconds = _propagate(simulation, case, timing.n_steps, SINGLE_RANK)
    sleep_until_all_are_here(communicator)
    return float(communicator.allgather(seconds)[0])


def _bytes_per_event(simulation: Simulation, counts: Mapping[str, int]) -> float | None:
    """Return the bytes of cache lines per synaptic event, the mean over projections; None without events."""
    if counts["synaptic_events"] == 0:
        return None
    of_projections = simulation.cache_line_bytes.items()
    return sum(size * counts[f"{name}_synaptic_events"] for name, size in of_projections) / counts["synaptic_events"]


def _propagate(simulation: Simulation, case: Case, n_steps: int, communicator: Communicator) -> float:
    """Go on by ``n_steps``; return the time in s. The input is drawn off the clock, as much as memory has room for."""
    network, seconds, last = simulation.network, 0.0, simulation.step + n_steps
    probability = case.input_rate * network.dt * 1e-3
    unit = math.lcm(communication_interval(network), case.sample_length or 1)
    stretch = unit * max(1, int(estimates.INPUT_SPIKES / (network.n_input * max(probability, 1e-9) * unit)))
    while simulation.step < last:
        n = min(stretch, last - simulation.step)
        n_samples = n // (case.sample_length or n)
        stimulus = poisson_stimulus(network, probability, simulation.seed, simulation.step, n, n_samples)
        communicator.allgather(None)  # all start the clock together
        start = time.perf_counter()
        simulation.run(stimulus)
        seconds += time.perf_counter() - start
    return seconds


def measure_together(
    timing: Timing, seed: int, dry_run: int, n_processes: int, *, oversubscribe: bool = False
) -> ScalingResult:
    """Return the measurements of ``n_processes`` of ``dry_run`` ranks, each emulated by a process, at the same time.

    Raises
    ------
    RanksError
        More processes than processors, unless ``oversubscribe`` allows it.
    """
    return run_together(n_processes, _measure_one_of_several, timing, seed, dry_run, oversubscribe)[0]


def _measure_one_of_several(
    communicator: Together, timing: Timing, seed: int, dry_run: int, oversubscribe: bool
) -> ScalingResult:
    if not oversubscribe:
        launch.check_processors(communicator)
    return measure(timing, seed, communicator, dry_run)


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.scaling", __doc__)
    parser.add_argument(
        "timing",
        type=Path,
        help="JSON file: an entry of scaling in the configuration, without its ranks and seeds",
    )
    command_line.add_run_options(parser)
    parser.add_argument("--dry-run", type=int, metavar="M", help="emulate one of M ranks, without the others")
    parser.add_argument(
        "--together",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="emulate N of these ranks at the same time, by default one on each core, so that they share caches and "
        "memory bandwidth as on a full node",
    )
    parser.add_argument("--compile", action="store_true", help="only compile what this run needs, and write nothing")
    options = parser.parse_args()
    if options.together is not None and (options.dry_run is None or options.together < 0):
        parser.error("--together needs --dry-run, and at least one rank")
    n_together = 1
    if options.together is not None:
        n_together = min(options.together or max(1, int(processors.available())), options.dry_run)

    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe, timed=True)

    n_here = n_together if options.dry_run else n_ranks_on_this_machine(communicator)

    def read() -> Timing:
        timing = parse(Timing, read_json(options.timing), f"{options.timing}: ")
        estimates.check_memory(timing, options.dry_run or options.ranks, n_here)
        return timing

    timing = raising_on_all_ranks(communicator, read)
    if options.compile:
        compile_variants(timing, communicator, options.dry_run)
        return
    if n_together > 1:
        result = measure_together(
            timing, options.seed, options.dry_run, n_together, oversubscribe=options.oversubscribe
        )
    else:
        result = measure(timing, options.seed, communicator, options.dry_run)
    if communicator.rank == 0:
        result.write(options.output)
