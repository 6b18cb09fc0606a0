"""One rank needs no MPI."""

import os
import subprocess
import sys
from pathlib import Path

import eprop_core

PROGRAM = """
import sys

sys.modules["mpi4py"] = None  # an import of it would fail

import numpy as np

from eprop_core import Network, Simulation, Stimulus, parse

network = parse(Network, {"n_input": 3, "n_recurrent": 4, "n_readout": 1, "neuron": {"I_e": 0.1}})
simulation = Simulation(network)
stimulus = Stimulus(50, np.arange(50), np.arange(50) % 3, np.ones((50, 1)), np.ones(50, bool))
print(len(simulation.run(stimulus).spike_steps), len(simulation.frozen().run(stimulus).spike_steps))
print(simulation.weights("input").weight.shape, simulation.counts["neurons"], "build" in simulation.times)
print([name for name in sys.modules if name.startswith("mpi4py.")])
"""


def test_one_rank_never_imports_mpi() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=Path(eprop_core.__file__).parents[1],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=600.0,
    )
    assert done.returncode == 0, done.stderr
    spikes, shape, modules = done.stdout.splitlines()
    assert all(int(n) > 0 for n in spikes.split())
    assert shape == "(12,) 4 True"
    assert modules == "[]"
