"""Memory of a rank and time of a job that a timing run will need, estimated before it starts."""

from eprop_core.experiments.scaling.parameters import Case, Timing
from eprop_core.machine import memory
from eprop_core.network.memory_estimate import ADVICE, estimate_memory
from eprop_core.network.projections import Role, projections
from eprop_core.parameters import Network

PROCESS_BYTES = 300_000_000
"""Python, the packages and the compiled simulator."""
COMPILING_BYTES = 700_000_000
"""A process that compiles the simulator, as each of a job's does where none has before."""
SORTING_BYTES = 3
"""Bytes per synapse that sorting needs besides: the source, and a share of the copy of a bucket."""
INPUT_SPIKES, INPUT_SPIKE_BYTES = 2_000_000, 40
"""Input that is drawn at a time."""
SOURCE_BYTES = 48
"""Bytes that building and a dry run need per input channel and recurrent neuron of the whole network."""

BUILD_NS, EVENT_NS, NEURON_STEP_NS, CHANNEL_STEP_NS = 100, 20, 40, 10
"""Time to draw and sort a synapse, of a synaptic event, and of a neuron or input channel in a step, on a slow core."""
START_S = 60
"""A job's start, and the compilation of the simulator."""


def memory_of_rank(case: Case, n_ranks: int) -> int:
    """Return the bytes that each of ``n_ranks`` processes will take at most: building, network and stimulus."""
    network = case.network_on(n_ranks)
    largest = max(_synapses(network, n_ranks).values())
    return int(
        PROCESS_BYTES
        + estimate_memory(network, n_ranks)
        + SORTING_BYTES * largest
        + SOURCE_BYTES * (network.n_input + network.n_recurrent)
        + INPUT_SPIKE_BYTES * INPUT_SPIKES
    )


def memory_of_job(timing: Timing, n_ranks: int) -> int:
    """Return the bytes that each process of a job will take at most; variants run one after another."""
    largest = max(memory_of_rank(case, n_ranks) for case in timing.cases.values())
    if timing.paired:  # rank 0 alone comes before all ranks, and counts as if all did so
        largest = max(largest, *(memory_of_rank(case, 1) // n_ranks for case in timing.cases.values()))
    return max(COMPILING_BYTES, largest)


def check_memory(timing: Timing, n_ranks: int, n_processes_here: int) -> None:
    """Raise :class:`InsufficientMemoryError` if a job's processes on this machine will not fit into its memory."""
    needed = memory_of_job(timing, n_ranks) * n_processes_here
    memory.check(needed, f"the job of {n_processes_here} of {n_ranks} ranks", ADVICE)


def seconds_of_job(timing: Timing, n_ranks: int) -> float:
    """Return about how long a job takes that times all variants."""
    n_steps = timing.n_steps_warm_up + timing.n_steps
    once = sum(_nanoseconds(case, n_ranks, n_steps) for case in timing.cases.values())
    if timing.paired and n_ranks > 1:
        once += sum(_nanoseconds(case, 1, n_steps) for case in timing.cases.values())
    return START_S + 1e-9 * timing.repeats * once


def _nanoseconds(case: Case, n_ranks: int, n_steps: int) -> float:
    network = case.network_on(n_ranks)
    synapses = _synapses(network, n_ranks)
    model_time = 1e-3 * network.dt * n_steps
    ignoring = network.neuron.ignore_and_fire
    rate = case.input_rate if ignoring is None else ignoring.rate
    events = (
        model_time
        * (case.input_rate * synapses[Role.INPUT] + rate * (synapses[Role.RECURRENT] + synapses[Role.OUTPUT]))
        + n_steps * synapses[Role.FEEDBACK]
    )  # errors travel at every step
    return (
        BUILD_NS * sum(synapses.values())
        + EVENT_NS * events
        + NEURON_STEP_NS * n_steps * network.n_recurrent / n_ranks
        + CHANNEL_STEP_NS * n_steps * network.n_input
    )


def _synapses(network: Network, n_ranks: int) -> dict[Role, float]:
    """Return the expected number of synapses on one rank, by role of their projections."""
    n_synapses = dict.fromkeys(Role, 0.0)
    for projection in projections(network):
        n_synapses[projection.role] += projection.synapses_per_rank(n_ranks)
    return n_synapses
