"""Measure latency and bandwidth between two MPI ranks; write one result file.

    mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.interconnect --ranks 2 --output FILE

A message goes to and fro between two ranks; half the time of a round trip is fitted by latency + size / bandwidth.
Beside it are the times of the calls that a simulation makes, MPI_Allgather, MPI_Alltoall and MPI_Allreduce, for
comparison.
"""

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from eprop_core.experiments import command_line
from eprop_core.experiments.interconnect.parameters import Interconnect
from eprop_core.experiments.interconnect.result import CallTime, InterconnectResult, Pattern
from eprop_core.measurement import process as measurement
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.communicator import Communicator
from eprop_core.ranks.launch import RanksError

SIZES = [8 * 4**power for power in range(10)]
"""Bytes, 8 B to 2 MB."""
ROUNDS = 15
"""Rounds over all sizes and patterns, of which the median counts."""
SECONDS_PER_ROUND = 2e-3
"""Of each size and pattern."""


def measure(communicator: Communicator) -> InterconnectResult:
    """Return the time per call by pattern and size, and what is fitted to it; collective, on two ranks."""
    other_work = measurement.OtherWork(communicator)
    times = call_times(communicator)
    disturbance = other_work.processors()
    one_way = [(call.bytes, call.seconds / 2) for call in times if call.pattern == "ping_pong"]
    return InterconnectResult(
        provenance=provenance(communicator),
        other_work_processors=disturbance,
        interconnect=fit(*np.array(one_way).T),
        times=times,
    )


def call_times(communicator: Communicator) -> list[CallTime]:
    """Return the time per call by pattern and size; collective, on two ranks."""
    points = [
        (pattern, size, call)
        for size in SIZES
        for pattern, call in _patterns(communicator, np.zeros(size // 8, np.int64)).items()
    ]
    n_calls = [_calls_per_round(communicator, call) for *_, call in points]
    rounds = [
        [_time(communicator, call, n) for (*_, call), n in zip(points, n_calls, strict=True)] for _ in range(ROUNDS)
    ]
    return [
        CallTime(pattern=pattern, bytes=size, seconds=seconds)
        for (pattern, size, _), seconds in zip(points, np.median(rounds, axis=0), strict=True)
    ]


def fit(sizes: np.ndarray, seconds: np.ndarray) -> Interconnect:
    """Return the latency and bandwidth whose times differ least from those measured, relative to these.

    Where times do not grow with the size, the bandwidth is the largest that was seen, latency included.
    """
    matrix = np.stack([1 / seconds, sizes / seconds], axis=1)
    (latency, per_byte), _ = nnls(matrix, np.ones(len(sizes)))
    bandwidth = 1 / per_byte if per_byte > 0 else (sizes / seconds).max()
    return Interconnect(latency=1e6 * latency, bandwidth=1e-9 * bandwidth)


def _patterns(communicator: Communicator, message: np.ndarray) -> dict[Pattern, Callable[[], None]]:
    received, all_sent, all_received = np.empty_like(message), np.tile(message, (2, 1)), np.tile(message, (2, 1))

    def ping_pong() -> None:
        if communicator.rank == 0:
            communicator.Send(message, 1)
            communicator.Recv(received, 1)
        else:
            communicator.Recv(received, 0)
            communicator.Send(message, 0)

    return {
        "ping_pong": ping_pong,
        "allgather": lambda: communicator.Allgather(message, all_received),
        "alltoall": lambda: communicator.Alltoall(all_sent, all_received),
        "allreduce": lambda: communicator.Allreduce(message, received),
    }


def _calls_per_round(communicator: Communicator, call: Callable[[], None]) -> int:
    call()  # connections are made at first use
    return max(1, int(communicator.bcast(SECONDS_PER_ROUND / _time(communicator, call, 3))))


def _time(communicator: Communicator, call: Callable[[], None], n_calls: int) -> float:
    """Return the time per call in s, of the slower rank."""
    communicator.Barrier()
    start = time.perf_counter()
    for _ in range(n_calls):
        call()
    return float(max(communicator.allgather((time.perf_counter() - start) / n_calls)))


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.interconnect", __doc__)
    parser.add_argument("--ranks", type=int, required=True, help="MPI ranks it was started with: 2")
    command_line.add_oversubscribe(parser)
    options = parser.parse_args()
    if options.ranks != 2:
        raise RanksError(f"--ranks {options.ranks}: two ranks are needed")
    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe)
    result = measure(communicator)
    if communicator.rank == 0:
        result.write(options.output)
