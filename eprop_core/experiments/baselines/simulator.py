"""Measure one contestant of a contest in a process of its own; called by ``eprop_core.experiments.baselines``.

Times are wall times, with the processor time beside them: the two part where others disturb the machine. Memory is the
growth of this process's resident memory as the operating system sees it. What is imported and compiled has been loaded
before, and the stimulus is there.
"""

import argparse
import ctypes
import gc
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.problem import Problem, load_connections
from eprop_core.experiments.compile import run_briefly
from eprop_core.machine import threads
from eprop_core.measurement import bandwidth
from eprop_core.measurement import process as measurement
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate as simulate_time_driven

PHASES = ("update", "deliver", "collocate")
TARGET_BYTES = 4
"""Of a synapse's bytes, those that never change."""

Result = dict[str, Any]


def measure_event_driven(file: Path, _time_driven_steps: int) -> Result:
    """Measure this simulator."""
    problem = Problem.load(file)
    return _measure(problem, problem.network)


def measure_static(file: Path, _time_driven_steps: int) -> Result:
    """Measure this simulator with the same connections, all static."""
    problem = Problem.load(file)
    static = {
        name: getattr(problem.network, name).model_copy(update={"plastic": False}) for name in LEARNING_PROJECTIONS
    }
    return _measure(problem, problem.network.model_copy(update=static))


def _measure(problem: Problem, network: Network) -> Result:
    warm_up = problem.part(0, problem.n_steps_warm_up)
    timed = problem.part(problem.n_steps_warm_up, problem.stimulus.n_steps)
    result: Result = {}
    before = _ready(network)
    simulation = Simulation(network, seed=problem.seed)
    built = _resident_memory()
    simulation.run(warm_up)
    counts, phases = simulation.counts, simulation.times
    with _timed(result):
        simulation.run(timed)
    counted = measurement.difference(simulation.counts, counts)
    events = counted["synaptic_events"]
    spent = measurement.difference(simulation.times, phases)
    result |= {
        "neurons": counts["neurons"],
        "synapses": counts["synapses"],
        "n_steps": timed.n_steps,
        "spikes": counted["spikes"],
        "synaptic_events": events,
        "build_s": simulation.times["build"],
        "phases_s": {name: spent[name] for name in PHASES},
        "memory_built_bytes": built - before,
        "memory_bytes": _resident_memory() - before,
        "peak_memory_bytes": measurement.peak_memory() - before,
        "bytes_moved_per_event": _bytes_moved(simulation, counted) / events if events else None,
    }
    n_bytes = sum(simulation.synapse_bytes[name] * counts[f"{name}_synapses"] for name in LEARNING_PROJECTIONS)
    return result | {"machine": bandwidth.measure(n_bytes, network.n_recurrent)._asdict()}


def measure_training(file: Path, _time_driven_steps: int) -> Result:
    """Measure a whole training run of this simulator: build, show all samples, read the weights."""
    problem = Problem.load(file)
    result: Result = {}
    before = _ready(problem.network)
    with _timed(result):
        simulation = Simulation(problem.network, seed=problem.seed)
        simulation.run(problem.stimulus)
        for name in LEARNING_PROJECTIONS:
            simulation.weights(name)
    counts = simulation.counts
    return result | {
        **{name: counts[name] for name in ("neurons", "synapses", "spikes", "synaptic_events")},
        "n_steps": problem.stimulus.n_steps,
        "build_s": simulation.times["build"],
        "memory_bytes": _resident_memory() - before,
    }


def measure_time_driven(file: Path, n_steps: int) -> Result:
    """Measure the time-driven model on the last ``n_steps`` of twice as many from the start.

    It does not go on from a state, but takes as long for each step: the time of all steps but the first, for which the
    dense matrices are made, is shared among them. As a difference, it can come out below zero where that is short and
    the machine is busy. Its memory is the peak.
    """
    problem, connections = Problem.load(file), load_connections(file)
    network, last = problem.network, min(2 * n_steps, problem.stimulus.n_steps)
    first = last // 2
    before = measurement.peak_memory()
    one_step: Result = {}
    all_steps: Result = {}
    simulate_time_driven(network, connections, problem.part(0, 1))  # what happens at the first call does not count
    with _timed(one_step):
        simulate_time_driven(network, connections, problem.part(0, 1))
    with _timed(all_steps):
        simulate_time_driven(network, connections, problem.part(0, last))
    memory = measurement.peak_memory() - before
    simulation = Simulation(network, seed=problem.seed)  # the same spikes
    simulation.run(problem.part(0, first))
    counts = simulation.counts
    simulation.run(problem.part(first, last))
    counted = measurement.difference(simulation.counts, counts)
    share = (last - first) / (last - 1)
    return {
        **{name: share * (all_steps[name] - one_step[name]) for name in all_steps},
        "neurons": network.n_recurrent,
        "synapses": counts["synapses"],
        "n_steps": last - first,
        "spikes": counted["spikes"],
        "synaptic_events": counted["synaptic_events"],
        "memory_bytes": memory,
    }


MEASUREMENTS: dict[str, Callable[[Path, int], Result]] = {
    "event_driven": measure_event_driven,
    "static": measure_static,
    "time_driven": measure_time_driven,
    "training": measure_training,
}


def _bytes_moved(simulation: Simulation, counts: Mapping[str, int]) -> int:
    """Bytes of synapses that all events together read and write; of a plastic one all but its target is written."""
    moved = 0
    for name in LEARNING_PROJECTIONS:
        size = simulation.synapse_bytes[name]
        written = size - TARGET_BYTES if getattr(simulation.network, name).plastic else 0
        moved += counts[f"{name}_synaptic_events"] * (size + written)
    return moved


@contextmanager
def _timed(result: Result) -> Iterator[None]:
    """Note the time that the ``with`` block takes."""
    start, start_processor = time.perf_counter(), time.process_time()
    yield
    result |= {"seconds": time.perf_counter() - start, "processor_s": time.process_time() - start_processor}


def _ready(network: Network) -> int:
    """Load what is compiled for a network; return the resident memory with it."""
    run_briefly(network)
    memory = _resident_memory()
    measurement.reset_peak_memory()
    return memory


def _resident_memory() -> int:
    """Resident memory of this process, in bytes, after what is free has been given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return measurement.resident_memory()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m eprop_core.experiments.baselines.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", type=Path, help="file written by eprop_core.experiments.baselines.problem")
    parser.add_argument("variant", choices=MEASUREMENTS)
    parser.add_argument("result", type=Path, help="file to write (JSON)")
    parser.add_argument("--time-driven-steps", type=int, default=20, help="steps of the time-driven model on the clock")
    options = parser.parse_args()
    result = MEASUREMENTS[options.variant](options.problem, options.time_driven_steps)
    result["threads"] = threads.number()
    options.result.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    command_line.run(main)
