"""Measure how long a random network takes on a number of MPI ranks; write one result file.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.scaling ... --ranks 2

Every repeat builds the network anew, runs it untimed until it is warm, and then runs it on the clock. The input is
Poisson and the targets are zero, so that every plastic synapse learns all the time; a small learning rate keeps the
activity where the initial weights put it.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.experiments import command_line, measurement, ranks, results
from eprop_core.experiments.compile import run_briefly
from eprop_core.experiments.configuration import Timing
from eprop_core.experiments.poisson import poisson_spikes
from eprop_core.experiments.provenance import provenance
from eprop_core.parameters import Network, parse
from eprop_core.progress import progress
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


def measure(timing: Timing, seed: int, communicator: ranks.Communicator = None) -> dict[str, Any]:
    """Return times by phase, memory and counts, by repeat and rank; collective."""
    network = timing.network_on(ranks.size_of(communicator))
    warm_up = _stimulus(network, timing, seed, first_step=0, n_steps=timing.n_steps_warm_up)
    timed = _stimulus(network, timing, seed, first_step=timing.n_steps_warm_up, n_steps=timing.n_steps)
    filters = 1 if network.plasticity.kappa == network.plasticity.kappa_reg else 2
    run_briefly(filters=filters, detailed_times=True, communicator=communicator)  # loads what is compiled
    memory_without = ranks.gather(communicator, measurement.peak_memory())
    repeats = range(timing.repeats)
    shown = progress(repeats, f"{timing.kind} scaling", len(repeats)) if ranks.rank_of(communicator) == 0 else repeats
    return {
        "network": network.model_dump(mode="json"),
        "model_time_s": timing.n_steps * network.dt * 1e-3,
        "memory_without_network_bytes": memory_without,
        "repeats": [ranks.gather(communicator, _repeat(network, seed, communicator, warm_up, timed)) for _ in shown],
    }


def _repeat(
    network: Network, seed: int, communicator: ranks.Communicator, warm_up: Stimulus, timed: Stimulus
) -> dict[str, Any]:
    """Build and run once; return what this rank measured."""
    simulation = Simulation(network, seed=seed, communicator=communicator, detailed_times=True)
    simulation.run(warm_up)
    times, counts = dict(simulation.times), dict(simulation.counts)
    ranks.gather(communicator, None)  # all start the clock together
    start = time.perf_counter()
    simulation.run(timed)
    propagation = time.perf_counter() - start
    increase = measurement.difference(simulation.counts, counts)
    return {
        "propagation_s": propagation,
        "times_s": measurement.difference(simulation.times, times) | {"build": times["build"]},
        "neurons": simulation.counts["neurons"],
        "synapses": {name: n for name, n in simulation.counts.items() if name.endswith("synapses")},
        "counts": {name: n for name, n in increase.items() if name.endswith(("spikes", "events"))},
        "peak_memory_bytes": measurement.peak_memory(),
    }


def _stimulus(network: Network, timing: Timing, seed: int, first_step: int, n_steps: int) -> Stimulus:
    probability = timing.input_rate * network.dt * 1e-3
    steps, channels = poisson_spikes(network.n_input, first_step, n_steps, probability, seed)
    return Stimulus(
        n_steps=n_steps,
        input_steps=steps,
        input_channels=channels,
        target=np.zeros((n_steps, network.n_readout)),
        learning_window=np.ones(n_steps, np.bool_),
    )


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.scaling", __doc__)
    parser.add_argument(
        "timing", type=Path, help="JSON file: an entry of scaling in the configuration, without ranks and seeds"
    )
    command_line.add_run_options(parser)
    options = parser.parse_args()

    communicator = ranks.join(options.ranks, oversubscribe=options.oversubscribe)

    def read() -> Timing:
        return parse(Timing, command_line.read_json(options.timing), f"{options.timing}: ")

    timing = ranks.together(communicator, read)
    result = {
        "experiment": "scaling",
        "seed": options.seed,
        "parameters": timing.model_dump(mode="json"),
        "provenance": provenance(communicator),
        **measure(timing, options.seed, communicator),
    }
    if ranks.rank_of(communicator) == 0:
        results.write(options.output, result)


if __name__ == "__main__":
    command_line.run(main)
