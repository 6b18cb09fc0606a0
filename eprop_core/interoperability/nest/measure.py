"""Measure how long NEST takes for one problem: called by ``eprop_core.experiments.baselines``.

    python measure.py PROBLEM.npz (plastic | static | training | memory) RESULT.json [OUTPUTS.npz]
    python measure.py --version
    python measure.py --mpi

``docs/how_to/simulators.md`` describes the files. The last call prints whether NEST was built with MPI. If it was, the
launcher of its MPI library can start the ranks for which a problem was written, and each rank writes its measurements.
"""

import ctypes
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nest
import numpy as np
from devices import multimeter, recorded, recorded_spikes
from network import Populations, Problem, connect, create, reset_kernel, show_input, show_targets, weights

LEARNING = ("input", "recurrent", "output")
FIRST = 1
"""NEST's step that corresponds to step 0 of a problem."""
TIMERS = {
    "update": ("time_update",),
    "deliver": ("time_deliver_spike_data", "time_deliver_secondary_data"),
    "collocate": ("time_collocate_spike_data",),
    "communicate": ("time_communicate_spike_data", "time_gather_secondary_data"),
    "wait": ("time_mpi_synchronization",),
}
"""NEST's timers by phase. Secondary data are the signals of the readouts."""
OLDEST = (3, 10)
"""Version of NEST."""

Result = dict[str, Any]


def measure(problem: Problem, *, learns: bool) -> Result:
    """Measure the steps after the warm-up; without ``learns``, all synapses are static."""
    network, first, last = _network_and_steps(problem)
    dt = network["dt"]
    result: Result = {}
    before = _ready(network, problem)
    start = time.perf_counter()
    populations, spikes = _build(network, problem, learns)
    building = time.perf_counter() - start
    _show(populations, network, problem, learns)
    start = time.perf_counter()
    nest.Prepare()  # sorts the connections
    building += time.perf_counter() - start
    built = _resident_memory()
    nest.Run(first * dt)
    nest.SyncProcesses()  # all ranks start the clock together
    timers = _timers()
    with _timed(result):
        nest.Run((last - first) * dt)
    result |= {name: seconds - timers[name] for name, seconds in _timers().items()}
    nest.Cleanup()
    return result | {
        **_counts(populations, spikes, problem, first, last, dt),
        "build_s": building,
        "memory_built_bytes": built - before,
        "memory_bytes": _resident_memory() - before,
    }


def measure_training(problem: Problem) -> tuple[Result, Problem]:
    """Measure a complete training run: build the network, show all samples, read the weights, which are returned."""
    network, _, last = _network_and_steps(problem)
    dt = network["dt"]
    result: Result = {}
    before = _ready(network, problem)
    with _timed(result):
        start = time.perf_counter()
        populations, spikes = _build(network, problem, learns=True)
        building = time.perf_counter() - start
        _show(populations, network, problem, learns=True)
        nest.Simulate(last * dt)
        learned = _weights(populations)
    return result | {
        **_counts(populations, spikes, problem, 0, last, dt),
        "build_s": building,
        "memory_bytes": _resident_memory() - before,
    }, learned


def measure_memory(problem: Problem) -> Result:
    """Measure the memory after each part of a run; what recorders hold is taken from them after each part."""
    network, _, last = _network_and_steps(problem)
    dt, part = network["dt"], int(problem["sample_steps"])
    result: Result = {}
    before = _ready(network, problem)
    populations, spikes = _build(network, problem, learns=True)
    _show(populations, network, problem, learns=True)
    built = _resident_memory() - before
    out_degree = sum(np.bincount(problem[f"{name}_source"], minlength=network["n_recurrent"]) for name in LEARNING[1:])
    of_input = np.bincount(problem["input_source"], minlength=network["n_input"])
    n_spikes, delivered = 0, int(of_input[problem["input_channels"][problem["input_steps"] < last - 1]].sum())
    over_time = []
    with _timed(result):
        for _ in range(last // part):
            nest.Simulate(part * dt)  # between two such calls, recorders can be emptied
            events = spikes.get("events")
            arriving = np.rint(events["times"] / dt).astype(int) < last
            neurons = events["senders"] - populations.recurrent[0].global_id
            n_spikes, delivered = n_spikes + len(neurons), delivered + int(out_degree[neurons[arriving]].sum())
            spikes.n_events = 0
            over_time.append(_resident_memory() - before)
    return result | {
        "neurons": len(populations.recurrent),
        "synapses": sum(len(problem[f"{name}_weight"]) for name in LEARNING),
        "n_steps": last,
        "spikes": n_spikes,
        "synaptic_events": delivered,
        "memory_built_bytes": built,
        "memory_bytes": over_time[-1],
        "memory_over_time_bytes": over_time,
    }


def outputs(problem: Problem) -> Problem:
    """Return what NEST computes: spikes, readouts, and the weights at the end."""
    network, _, last = _network_and_steps(problem)
    dt = network["dt"]
    populations, spikes = _build(network, problem, learns=True)
    _show(populations, network, problem, learns=True)
    readouts = multimeter(populations.readouts, ["V_m"], dt)
    nest.Simulate(last * dt)
    learned = _weights(populations)
    nest.Simulate(dt)  # recorders receive the events of a step in the next one
    emitted = recorded_spikes(spikes, populations.recurrent, FIRST, last, dt)
    steps, neurons = np.nonzero(emitted)
    return {
        "spike_steps": steps,
        "spike_neurons": neurons,
        "readouts": recorded(readouts, "V_m", FIRST, last, dt),
        **learned,
    }


def _weights(populations: Populations) -> Problem:
    """Return the weights, in the order of the problem."""
    learned: Problem = {}
    for name in LEARNING:
        learned |= weights(name, populations)
    return {f"{name}_weight": learned[f"{name}_weight"] for name in LEARNING}


def _network_and_steps(problem: Problem) -> tuple[dict[str, Any], int, int]:
    return json.loads(str(problem["network"])), int(problem["n_steps_warm_up"]), int(problem["n_steps"])


def _build(network: dict[str, Any], problem: Problem, learns: bool) -> tuple[Populations, Any]:
    reset_kernel(network["dt"], int(problem["threads"]))
    populations = create(network, problem)
    connect(populations, network, problem, learns=learns)
    spikes = nest.Create("spike_recorder")
    nest.Connect(populations.recurrent, spikes, "all_to_all", {"delay": network["dt"]})
    return populations, spikes


def _show(populations: Populations, network: dict[str, Any], problem: Problem, learns: bool) -> None:
    show_input(populations, network, problem)
    if learns:
        show_targets(populations, network, problem)


def _counts(
    populations: Populations, spikes: Any, problem: Problem, first: int, last: int, dt: float
) -> dict[str, int]:
    """Return sizes, and spikes and synaptic events in the steps ``first`` to ``last - 1``.

    On an MPI rank: its own neurons, the synapses onto them and onto its own readouts, and the synaptic events of spikes
    of its own inputs and neurons.
    """
    events = spikes.get("events")
    steps = np.rint(events["times"] / dt).astype(int) - 1
    neurons = events["senders"] - populations.recurrent[0].global_id
    delivered = 0
    shown = _here(populations.inputs)[problem["input_channels"]]
    for name, emitted, sources in (
        ("input", problem["input_steps"][shown], problem["input_channels"][shown]),
        ("recurrent", steps, neurons),
        ("output", steps, neurons),
    ):
        arriving = (emitted >= first - 1) & (emitted < last - 1)
        out_degree = np.bincount(problem[f"{name}_source"], minlength=int(sources.max(initial=0)) + 1)
        delivered += int(out_degree[sources[arriving]].sum())
    targets = {name: _here(populations.of_projection[name][1]) for name in LEARNING}
    return {
        "neurons": int(_here(populations.recurrent).sum()),
        "synapses": sum(int(here[problem[f"{name}_target"]].sum()) for name, here in targets.items()),
        "n_steps": last - first,
        "spikes": int(((steps >= first) & (steps < last)).sum()),
        "synaptic_events": delivered,
    }


def _here(nodes: Any) -> np.ndarray:
    """Return which nodes are on this MPI rank, bool (n,); without MPI, all are."""
    return np.atleast_1d(nodes.local)


def _timers() -> dict[str, float]:
    """Return NEST's own times by phase, s, the mean over threads; only a NEST built with detailed timers has them."""
    status = nest.GetKernelStatus()
    times = {
        f"{name}_s": sum(float(np.mean(status[timer])) for timer in timers)
        for name, timers in TIMERS.items()
        if all(timer in status for timer in timers)
    }
    if "communicate_s" in times:  # its timer runs on while ranks wait for each other
        times["communicate_s"] -= times.get("wait_s", 0.0)
    return times


@contextmanager
def _timed(result: Result) -> Iterator[None]:
    """Add the duration of the ``with`` block to ``result``."""
    start, start_processor = time.perf_counter(), time.process_time()
    yield
    result |= {"seconds": time.perf_counter() - start, "processor_s": time.process_time() - start_processor}


def _ready(network: dict[str, Any], problem: Problem) -> int:
    """Let NEST load everything that it loads at first use; return the resident memory after that."""
    reset_kernel(network["dt"])
    create(network, problem)
    nest.Simulate(network["dt"])
    nest.ResetKernel()
    return _resident_memory()


def _resident_memory() -> int:
    """Return the resident memory of this process, bytes, after free memory was returned to the system."""
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _check_ranks(n_ranks: int) -> None:
    """Exit with a message unless NEST runs on ``n_ranks`` MPI ranks."""
    if nest.num_processes != n_ranks:
        sys.exit(
            f"NEST has {nest.num_processes} MPI rank(s) in place of {n_ranks}: the launcher must be of the MPI library "
            f"with which the NEST of {sys.executable} was built"
        )


def _end_all_ranks(*error: Any) -> None:
    """Print an error and exit at once, so that the launcher ends the other ranks, which would wait forever."""
    traceback.print_exception(*error)
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    if tuple(map(int, nest.__version__.split(".")[:2])) < OLDEST:
        sys.exit(f"{sys.executable}: has NEST {nest.__version__}, 3.10 or newer is needed")
    if sys.argv[1:] == ["--version"]:
        print(nest.__version__)
        sys.exit()
    if sys.argv[1:] == ["--mpi"]:
        print(nest.build_info["have_mpi"])
        sys.exit()
    problem_file, variant, result_file, *outputs_file = sys.argv[1:]
    with np.load(problem_file) as file:
        problem = dict(file)
    _check_ranks(int(problem["ranks"]))
    if nest.num_processes > 1:
        sys.excepthook = _end_all_ranks
    computed: Problem = {}
    if variant == "training":
        result, computed = measure_training(problem)
    elif variant == "memory":
        result = measure_memory(problem)
    else:
        result = measure(problem, learns=variant == "plastic")
    result |= {"threads": nest.local_num_threads, "host": platform.node()}
    if outputs_file:
        np.savez(outputs_file[0], **(computed or outputs(problem)))
    of_rank = f".{nest.Rank()}" if nest.Rank() else ""
    Path(f"{result_file}{of_rank}").write_text(json.dumps(result), encoding="utf-8")
