"""Time NEST on threads, with the networks and the input of a scaling experiment; write one result file.

The file is a :class:`ScalingResult` in which threads stand for ranks, and one record for all of them. Every repeat is a
process of its own. NEST draws nothing: the network, its weights and its input spikes are those of this simulator.
"""

import tempfile
from pathlib import Path

from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.measure import Simulator, run_once
from eprop_core.experiments.baselines.problem import Problem, random_problem
from eprop_core.experiments.baselines.result import Measurement, NotMeasured, Variant
from eprop_core.experiments.scaling.parameters import Case, Timing
from eprop_core.experiments.scaling.result import RankRecord, ScalingResult, VariantRecord
from eprop_core.files.text import read_json
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.machine import processors
from eprop_core.measurement import process as measurement
from eprop_core.measurement.results import Counts, Phases
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks.launch import RanksError

VARIANT = "nest_{}"
"""Name of a variant in the result."""


def measure(timing: Timing, nest: InstalledSimulator, n_threads: int, seed: int) -> ScalingResult:
    """Return times and memory of NEST for the variants that it can simulate, by variant and repeat.

    Raises
    ------
    SimulatorError
        NEST failed.
    """
    names = timing.simulated_by_nest(n_threads)
    problems = {name: problem_of(timing, timing.case(name), n_threads, seed) for name in names}
    records: dict[str, list[list[RankRecord]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="nest.") as directory:
        for name, problem in problems.items():
            problem.save(Path(directory) / f"{name}.npz", n_threads)
        turns = [name for _ in range(timing.repeats) for name in names]
        for name in progress(turns, f"NEST, {timing.kind} scaling"):
            other_work = measurement.OtherWork()
            simulator = Simulator(nest.label, variant_of(problems[name].network), nest.command)
            measured = run_once(simulator, Path(directory) / f"{name}.npz")
            if isinstance(measured, NotMeasured):
                raise SimulatorError(f"{nest.label}, {name}: {measured.not_measured}")
            records[name].append([record(measured, other_work.processors())])
    return ScalingResult(
        seed=seed,
        parameters=timing,
        provenance=provenance(nest=nest.version),
        ranks=n_threads,
        dry_run=False,
        together=None,
        memory_without_network_bytes=[0],
        variants={
            VARIANT.format(name): VariantRecord(
                network=problems[name].network,
                model_time_s=timing.n_steps * problems[name].network.dt * 1e-3,
                interval_steps=1,
                estimated_memory_bytes=estimate_memory(problems[name].network, 1) // n_threads,
                repeats=of_variant,
            )
            for name, of_variant in records.items()
        },
    )


def problem_of(timing: Timing, case: Case, n_threads: int, seed: int) -> Problem:
    """Return the problem that a variant poses on a number of ranks."""
    return random_problem(case.network_on(n_threads), case.input_rate, seed, timing.n_steps_warm_up, timing.n_steps)


def variant_of(network: Network) -> Variant:
    """Return what a simulator is asked for: no plasticity if no projection has any."""
    is_plastic = any(getattr(network, name).plastic for name in LEARNING_PROJECTIONS)
    return "plastic" if is_plastic else "static"


def record(measured: Measurement, other_work: float | None) -> RankRecord:
    """Return the record of all threads together; memory is divided among them."""
    phases = {
        name: getattr(measured, f"{name}_s") or 0.0
        for name in ("build", "update", "deliver", "collocate", "communicate")
    }
    counted = {name: getattr(measured, name) for name in ("neurons", "spikes", "synapses", "synaptic_events")}
    return RankRecord(
        rank=0,
        propagation_s=measured.seconds,
        times_s=Phases(plasticity=0.0, wait=0.0, **phases),
        counts=Counts(**dict.fromkeys(Counts.model_fields, 0) | counted),
        destinations="all",
        traffic={},
        modelled={},
        bytes_per_event=None,
        peak_memory_bytes=measured.memory_bytes // measured.threads,
        other_work_processors=other_work,
    )


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.baselines.threads", __doc__)
    parser.add_argument("timing", type=Path, help="JSON file: an entry of scaling, without its ranks and seeds")
    parser.add_argument("--simulator", type=Path, required=True, help="JSON file: the installed NEST")
    parser.add_argument("--threads", type=int, required=True, help="threads of NEST, in place of ranks")
    parser.add_argument("--seed", type=command_line.seed, default=1, help="seed of everything random (default: 1)")
    options = parser.parse_args()
    timing = parse(Timing, read_json(options.timing), f"{options.timing}: ")
    if options.threads < 1 or not timing.simulated_by_nest(options.threads):
        raise ParameterError(f"{options.timing}: NEST can simulate none of its variants on {options.threads} threads")
    if options.threads > processors.available() and not timing.oversubscribe:
        raise RanksError(
            f"--threads {options.threads}: this machine has {processors.available():g} processors for them"
        )
    nest = parse(InstalledSimulator, read_json(options.simulator), f"{options.simulator}: ")
    measure(timing, nest, options.threads, options.seed).write(options.output)


if __name__ == "__main__":
    command_line.run(main)
