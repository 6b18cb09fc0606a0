"""Memory that a point of the break-even experiment will need, estimated before it starts."""

from eprop_core.experiments.break_even.parameters import BreakEvenPoint

PROCESS_BYTES = 215_000_000
"""Python, the packages and the compiled simulator."""
PAIR_BYTES = 76
"""Dense matrices of the time-driven model, per pair of a recurrent neuron and a source."""


def memory_of_job(point: BreakEvenPoint) -> int:
    """Return about how many bytes a job takes at its peak, which is that of the time-driven model."""
    network = point.network
    return PROCESS_BYTES + PAIR_BYTES * network.n_recurrent * (network.n_input + network.n_recurrent)
