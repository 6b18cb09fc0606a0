"""Measure this simulator in a process of its own; called by ``eprop_core.experiments.baselines``.

Times are wall times, with the processor time beside them: the two part where others disturb the machine. Memory is the
growth of this process's resident memory as the operating system sees it. What is imported and compiled has been loaded
before, and the stimulus is there.
"""

import argparse
import ctypes
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.problem import Problem, load_connections
from eprop_core.experiments.baselines.result import MachineSpeed, Measurement, Variant
from eprop_core.experiments.compile import run_briefly
from eprop_core.files.arguments import Parser
from eprop_core.machine import threads
from eprop_core.measurement import bandwidth
from eprop_core.measurement import process as measurement
from eprop_core.network.projections import without_plasticity
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate as simulate_time_driven

TARGET_BYTES = 4
"""Of a synapse's bytes, those that never change."""


class Clock:
    """Wall time and processor time of a ``with`` block, s."""

    seconds = processor_s = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure the time that the ``with`` block takes."""
        start, start_processor = time.perf_counter(), time.process_time()
        yield
        self.seconds, self.processor_s = time.perf_counter() - start, time.process_time() - start_processor


def measure_plastic(file: Path, _time_driven_steps: int) -> Measurement:
    """Measure this simulator."""
    problem = Problem.load(file)
    return _measure(problem, problem.network)


def measure_static(file: Path, _time_driven_steps: int) -> Measurement:
    """Measure this simulator with the same connections, all static."""
    problem = Problem.load(file)
    return _measure(problem, without_plasticity(problem.network))


def _measure(problem: Problem, network: Network) -> Measurement:
    warm_up = problem.stimulus.part(0, problem.n_steps_warm_up)
    timed = problem.stimulus.part(problem.n_steps_warm_up, problem.stimulus.n_steps)
    clock = Clock()
    before = _ready(network)
    simulation = Simulation(network, seed=problem.seed)
    built = _resident_memory()
    simulation.run(warm_up)
    counts, phases = simulation.counts, simulation.times
    with clock.measure():
        simulation.run(timed)
    counted = measurement.difference(simulation.counts, counts)
    events = counted["synaptic_events"]
    spent = measurement.difference(simulation.times, phases)
    memory, peak_memory = _resident_memory(), measurement.peak_memory()
    n_bytes = sum(simulation.synapse_bytes[name] * counts[f"{name}_synapses"] for name in LEARNING_PROJECTIONS)
    return Measurement(
        neurons=counts["neurons"],
        synapses=counts["synapses"],
        n_steps=timed.n_steps,
        spikes=counted["spikes"],
        synaptic_events=events,
        seconds=clock.seconds,
        processor_s=clock.processor_s,
        build_s=simulation.times["build"],
        update_s=spent["update"],
        deliver_s=spent["deliver"],
        collocate_s=spent["collocate"],
        memory_built_bytes=built - before,
        memory_bytes=memory - before,
        peak_memory_bytes=peak_memory - before,
        bytes_moved_per_event=_bytes_moved(simulation, counted) / events if events else None,
        machine=MachineSpeed(**bandwidth.measure(n_bytes, network.n_recurrent)._asdict()),
        threads=threads.number(),
    )


def measure_training(file: Path, _time_driven_steps: int) -> Measurement:
    """Measure a whole training run of this simulator: build, show all samples, read the weights."""
    return train(file)[0]


def train(file: Path) -> tuple[Measurement, dict[str, np.ndarray]]:
    """Return the measurement of a training run, and the weights as ``docs/how_to/simulators.md`` describes them."""
    problem = Problem.load(file)
    clock = Clock()
    before = _ready(problem.network)
    with clock.measure():
        simulation = Simulation(problem.network, seed=problem.seed)
        simulation.run(problem.stimulus)
        weights = {f"{name}_weight": simulation.weights(name).weight for name in LEARNING_PROJECTIONS}
    counts = simulation.counts
    return Measurement(
        **{name: counts[name] for name in ("neurons", "synapses", "spikes", "synaptic_events")},
        n_steps=problem.stimulus.n_steps,
        seconds=clock.seconds,
        processor_s=clock.processor_s,
        build_s=simulation.times["build"],
        memory_bytes=_resident_memory() - before,
        threads=threads.number(),
    ), weights


def measure_memory(file: Path, _time_driven_steps: int) -> Measurement:
    """Measure the memory of this simulator after each part of a run."""
    problem = Problem.load(file)
    clock, over_time = Clock(), []
    before = _ready(problem.network)
    simulation = Simulation(problem.network, seed=problem.seed)
    n_steps = problem.stimulus.n_steps
    shown, length = problem.stimulus, problem.sample_steps
    parts = [shown.part(first, first + length) for first in range(0, n_steps, length)]
    built = _resident_memory() - before
    with clock.measure():
        for part in parts:
            simulation.run(part)
            over_time.append(_resident_memory() - before)
    counts = simulation.counts
    return Measurement(
        **{name: counts[name] for name in ("neurons", "synapses", "spikes", "synaptic_events")},
        n_steps=n_steps,
        seconds=clock.seconds,
        processor_s=clock.processor_s,
        build_s=simulation.times["build"],
        memory_built_bytes=built,
        memory_bytes=over_time[-1],
        memory_over_time_bytes=over_time,
        threads=threads.number(),
    )


def measure_time_driven(file: Path, n_steps: int) -> Measurement:
    """Measure the time-driven model on the last ``n_steps`` of twice as many from the start.

    It does not go on from a state, but takes as long for each step: the time of all steps but the first, for which the
    dense matrices are made, is shared among them. As a difference, it can come out below zero where that is short and
    the machine is busy. Its memory is the peak.
    """
    problem, connections = Problem.load(file), load_connections(file)
    network, last = problem.network, min(2 * n_steps, problem.stimulus.n_steps)
    first = last // 2
    before = measurement.peak_memory()
    one_step, all_steps = Clock(), Clock()
    first_step = problem.stimulus.part(0, 1)
    simulate_time_driven(network, connections, first_step)  # what happens at the first call does not count
    with one_step.measure():
        simulate_time_driven(network, connections, first_step)
    with all_steps.measure():
        simulate_time_driven(network, connections, problem.stimulus.part(0, last))
    memory = measurement.peak_memory() - before
    simulation = Simulation(network, seed=problem.seed)  # the same spikes
    simulation.run(problem.stimulus.part(0, first))
    counts = simulation.counts
    simulation.run(problem.stimulus.part(first, last))
    counted = measurement.difference(simulation.counts, counts)
    share = (last - first) / (last - 1)
    return Measurement(
        neurons=network.n_recurrent,
        synapses=counts["synapses"],
        n_steps=last - first,
        spikes=counted["spikes"],
        synaptic_events=counted["synaptic_events"],
        seconds=share * (all_steps.seconds - one_step.seconds),
        processor_s=share * (all_steps.processor_s - one_step.processor_s),
        memory_bytes=memory,
        threads=threads.number(),
    )


MEASUREMENTS: dict[Variant, Callable[[Path, int], Measurement]] = {
    "plastic": measure_plastic,
    "static": measure_static,
    "time_driven": measure_time_driven,
    "training": measure_training,
    "memory": measure_memory,
}


def write_outputs(file: Path, outputs: Path) -> None:
    """Write what this simulator computes, as ``docs/how_to/simulators.md`` describes it."""
    problem = Problem.load(file)
    simulation = Simulation(problem.network, seed=problem.seed)
    recording = simulation.run(problem.stimulus)
    weights = {f"{name}_weight": simulation.weights(name).weight for name in LEARNING_PROJECTIONS}
    spikes = {"spike_steps": recording.spike_steps, "spike_neurons": recording.spike_neurons}
    np.savez(outputs, readouts=recording.readout, **spikes, **weights)  # type: ignore[arg-type]


def _bytes_moved(simulation: Simulation, counts: Mapping[str, int]) -> int:
    """Bytes of synapses that all events together read and write; of a plastic one all but its target is written."""
    moved = 0
    for name in LEARNING_PROJECTIONS:
        size = simulation.synapse_bytes[name]
        written = size - TARGET_BYTES if getattr(simulation.network, name).plastic else 0
        moved += counts[f"{name}_synaptic_events"] * (size + written)
    return moved


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
    parser = Parser(
        prog="python -m eprop_core.experiments.baselines.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", type=Path, help="file written by eprop_core.experiments.baselines.problem")
    parser.add_argument("variant", choices=MEASUREMENTS)
    parser.add_argument("result", type=Path, help="file to write (JSON)")
    parser.add_argument(
        "outputs",
        type=Path,
        nargs="?",
        help="file for spikes, readouts and weights (npz); with training, weights",
    )
    parser.add_argument("--time-driven-steps", type=int, default=20, help="steps of the time-driven model on the clock")
    options = parser.parse_args()
    if options.variant == "training":
        measured, weights = train(options.problem)
        if options.outputs is not None:
            np.savez(options.outputs, **weights)  # type: ignore[arg-type]
    else:
        if options.outputs is not None:
            write_outputs(options.problem, options.outputs)
        measured = MEASUREMENTS[options.variant](options.problem, options.time_driven_steps)
    options.result.write_text(measured.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    command_line.run(main)
