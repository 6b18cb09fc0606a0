"""Time a random network event-driven and time-driven; write one result file.

Both simulate the same network under Poisson input, on one core. The time-driven model has no state to go on from, so
its time is the difference between twice as many steps and as many; where that is short and the machine is busy, it can
come out below zero. It is plain numpy, one operation after another.
Beside it stands what no time-driven simulator can do without: one pass, compiled, that advances the eligibility trace
and the gradient of every pair of neurons, connected or not.
"""

import time
from pathlib import Path

from eprop_core.experiments import command_line
from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.break_even.result import BreakEvenResult, SecondsPerStep
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.files.text import read_json
from eprop_core.measurement import dense_pass
from eprop_core.measurement import process as measurement
from eprop_core.network.connections import Connections
from eprop_core.network.projections import projections
from eprop_core.parsing import parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.simulation import simulate as simulate_time_driven


def measure(point: BreakEvenPoint, seed: int) -> BreakEvenResult:
    """Return the time per step of the event-driven model, the time-driven model and the bound, by repeat."""
    network = point.network
    simulation = Simulation(network, seed=seed)
    connections = {spec.name: simulation.weights(spec.name) for spec in projections(network)}
    del simulation  # its memory
    _event_driven(point, seed)  # loads what is compiled
    simulate_time_driven(network, connections, _stimulus(point, seed, 0, 1))  # what happens at the first call
    event_driven, time_driven, bound = [], [], []
    disturbances, other_work = [], measurement.OtherWork()
    for _ in progress(range(point.repeats), "repeats", point.repeats):
        other_work.restart()
        seconds, counts = _event_driven(point, seed)
        event_driven.append(seconds)
        time_driven.append(_time_driven(point, seed, connections))
        bound.append(dense_pass.seconds_per_step(network, point.n_steps))
        disturbances.append(other_work.processors())
    events_per_step = counts["synaptic_events"] / point.n_steps
    return BreakEvenResult(
        seed=seed,
        parameters=point,
        provenance=provenance(),
        seconds_per_step=SecondsPerStep(event_driven=event_driven, time_driven=time_driven, bound=bound),
        other_work_processors=disturbances,
        synapses=counts["synapses"],
        pairs=network.n_recurrent * (network.n_input + network.n_recurrent + network.n_readout),
        synaptic_events_per_step=events_per_step,
        rate_hz=1000 * events_per_step / counts["synapses"] / network.dt if counts["synapses"] else None,
    )


def _event_driven(point: BreakEvenPoint, seed: int) -> tuple[float, dict[str, int]]:
    """Return the time per step and the counts of synapses and timed events."""
    simulation = Simulation(point.network, seed=seed)
    simulation.run(_stimulus(point, seed, 0, point.n_steps_warm_up))
    timed = _stimulus(point, seed, point.n_steps_warm_up, point.n_steps)
    before = simulation.counts["synaptic_events"]
    start = time.perf_counter()
    simulation.run(timed)
    seconds = time.perf_counter() - start
    counts = simulation.counts
    return seconds / point.n_steps, counts | {"synaptic_events": counts["synaptic_events"] - before}


def _time_driven(point: BreakEvenPoint, seed: int, connections: dict[str, Connections]) -> float:
    """Return the time per step."""
    n_steps, seconds = point.n_steps_time_driven, []
    for last in (n_steps, 2 * n_steps):
        stimulus = _stimulus(point, seed, 0, last)
        start = time.perf_counter()
        simulate_time_driven(point.network, connections, stimulus)
        seconds.append(time.perf_counter() - start)
    return (seconds[1] - seconds[0]) / n_steps


def _stimulus(point: BreakEvenPoint, seed: int, first_step: int, n_steps: int) -> Stimulus:
    return poisson_stimulus(point.network, point.input_rate * point.network.dt * 1e-3, seed, first_step, n_steps)


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.break_even", __doc__)
    parser.add_argument("point", type=Path, help="JSON file: break_even of the configuration, without series and seeds")
    parser.add_argument("--seed", type=command_line.seed, default=1, help="seed of everything random (default: 1)")
    options = parser.parse_args()
    launch.join(1, timed=True)
    point = parse(BreakEvenPoint, read_json(options.point), f"{options.point}: ")
    measure(point, options.seed).write(options.output)
