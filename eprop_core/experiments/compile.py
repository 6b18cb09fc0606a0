"""Compile the simulator for one rank or several, so that jobs that start together find it in numba's cache.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.compile ... --ranks 2
"""

import itertools

import numpy as np

from eprop_core.experiments import command_line, ranks, results
from eprop_core.experiments.poisson import poisson_spikes
from eprop_core.experiments.provenance import provenance
from eprop_core.parameters import Network, Plasticity
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


def compile_all(communicator: ranks.Communicator = None) -> None:
    """Run small networks that between them need every compiled function; collective."""
    steps, channels = poisson_spikes(n_channels=4, first_step=0, n_steps=10, probability=0.5, seed=1)
    stimulus = Stimulus(
        n_steps=10,
        input_steps=steps,
        input_channels=channels,
        target=np.zeros((10, 2)),
        learning_window=np.ones(10, np.bool_),
    )
    for kappa_reg, detailed_times in itertools.product((0.97, 0.95), (False, True)):
        network = Network(
            n_input=4, n_recurrent=4, n_readout=2, plasticity=Plasticity(kappa=0.97, kappa_reg=kappa_reg)
        )
        simulation = Simulation(network, communicator=communicator, detailed_times=detailed_times)
        simulation.run(stimulus)
        simulation.frozen().run(stimulus)


def main() -> None:
    """Run the command line."""
    options = command_line.parser("eprop_core.experiments.compile", __doc__).parse_args()
    communicator = ranks.join(options.ranks, oversubscribe=True)
    compile_all(communicator)
    result = {"experiment": "compile", "provenance": provenance(communicator)}
    if ranks.rank_of(communicator) == 0:
        results.write(options.output, result)


if __name__ == "__main__":
    command_line.run(main)
