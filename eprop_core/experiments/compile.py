"""Compile the simulator for given experiments, so that jobs that start together find it in numba's cache."""

from pathlib import Path

import numpy as np

from eprop_core.experiments import command_line, ranks, results
from eprop_core.experiments.configuration import Task, Timing
from eprop_core.experiments.poisson import poisson_spikes
from eprop_core.experiments.provenance import provenance
from eprop_core.parameters import AllToAll, Network, parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus

_PROJECTIONS = ("input", "recurrent", "output", "feedback")


def miniature(network: Network, communicator: ranks.Communicator = None) -> Network:
    """Return a network of four neurons per rank that needs the same compiled functions as ``network``."""
    connected = {
        name: getattr(network, name).model_copy(update={"connectivity": AllToAll(rule="all_to_all")})
        for name in _PROJECTIONS
    }
    sizes = {"n_input": 4, "n_recurrent": 4 * ranks.size_of(communicator), "n_readout": 2}
    return network.model_copy(update=sizes | connected)


def run_briefly(network: Network, *, detailed_times: bool, communicator: ranks.Communicator = None) -> None:
    """Simulate ``network`` for a few steps, as it learns and frozen; collective."""
    steps, channels = poisson_spikes(network.n_input, first_step=0, n_steps=10, probability=0.5, seed=1)
    stimulus = Stimulus(
        n_steps=10,
        input_steps=steps,
        input_channels=channels,
        target=np.zeros((10, network.n_readout)),
        learning_window=np.ones(10, np.bool_),
    )
    simulation = Simulation(network, communicator=communicator, detailed_times=detailed_times)
    simulation.run(stimulus)
    simulation.frozen().run(stimulus)


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.compile", __doc__)
    parser.add_argument("--tasks", type=Path, nargs="*", default=[], help="JSON files, as for training")
    parser.add_argument("--timings", type=Path, nargs="*", default=[], help="JSON files, as for scaling")
    options = parser.parse_args()
    for file in options.tasks:
        task = parse(Task, command_line.read_json(file), f"{file}: ")
        run_briefly(miniature(task.network_for(n_input=1, n_readout=1)), detailed_times=False)
    for file in options.timings:
        timing = parse(Timing, command_line.read_json(file), f"{file}: ")
        run_briefly(miniature(timing.network), detailed_times=True)
    results.write(options.output, {"experiment": "compile", "provenance": provenance(None)})


if __name__ == "__main__":
    command_line.run(main)
