"""Compile the simulator, so that jobs that start together find it in numba's cache.

On several ranks: mpiexec -n 2 python -m mpi4py -m eprop_core.experiments.compile ... --ranks 2
"""

import argparse
from pathlib import Path

import numpy as np

from eprop_core.experiments import command_line, ranks, results
from eprop_core.experiments.poisson import poisson_spikes
from eprop_core.experiments.provenance import provenance
from eprop_core.parameters import Network, Plasticity
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


def run_briefly(*, filters: int, detailed_times: bool, communicator: ranks.Communicator = None) -> None:
    """Simulate a few neurons for a few steps, as they learn and frozen; collective.

    What is compiled depends on two things: whether learning signal and rate regularization have ``filters`` of their
    own (kappa and kappa_reg differ), and whether the clock looks into the delivery of spikes.
    """
    kappa_reg = {1: 0.97, 2: 0.95}[filters]
    network = Network(
        n_input=4,
        n_recurrent=4 * ranks.size_of(communicator),
        n_readout=2,
        plasticity=Plasticity(kappa=0.97, kappa_reg=kappa_reg),
    )
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
    parser = argparse.ArgumentParser(
        prog="python -m eprop_core.experiments.compile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--filters", type=int, nargs="+", choices=(1, 2), required=True, help="1: kappa equals kappa_reg; 2: not"
    )
    parser.add_argument("--detailed-times", action="store_true", help="as for timing, not as for training")
    parser.add_argument("--ranks", type=int, default=1, help="MPI ranks it was started with (default: 1, no MPI)")
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")
    parser.add_argument("--output", type=Path, help="file that tells that it has been done (JSON)")
    options = parser.parse_args()
    communicator = ranks.join(options.ranks, oversubscribe=options.oversubscribe)
    for filters in options.filters:
        run_briefly(filters=filters, detailed_times=options.detailed_times, communicator=communicator)
    made_by = provenance(communicator)
    if options.output is not None and ranks.rank_of(communicator) == 0:
        results.write(options.output, {"experiment": "compile", "provenance": made_by})


if __name__ == "__main__":
    command_line.run(main)
