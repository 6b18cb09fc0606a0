"""Graphs of NIR in snnTorch, run live: its neurons have the network's spikes, step by step.

Needs an environment as in ``simulators/snntorch/requirements.txt``; EPROP_BENCH_SNNTORCH_PYTHON names its interpreter.
"""

import os
import subprocess
from pathlib import Path

import nir
import numpy as np
import pytest

from eprop_core import Network, Simulation, Stimulus, parse, to_nir
from eprop_core.interoperability.nest_programs import environment

SNNTORCH_PYTHON = os.environ.get("EPROP_BENCH_SNNTORCH_PYTHON")
pytestmark = pytest.mark.skipif(
    not SNNTORCH_PYTHON, reason="EPROP_BENCH_SNNTORCH_PYTHON does not name the interpreter of one with snnTorch"
)
PROGRAM = Path(__file__).parents[1] / "support" / "run_snntorch.py"
N_STEPS = 500


@pytest.mark.parametrize("seed", range(3))
def test_snntorch_has_the_networks_spikes(seed: int, tmp_path: Path) -> None:
    """snnTorch has steps of 0.1 ms, the method of Euler, and single precision."""
    values = {"dt": 0.1, "n_input": 20, "n_recurrent": 15, "n_readout": 2, "neuron": {"V_reset": 0.0, "tau_m": 8.0}}
    simulation = Simulation(parse(Network, values), seed=seed)
    fires = np.random.default_rng(seed).random((N_STEPS, 20)) < 0.02
    steps, channels = np.nonzero(fires)
    stimulus = Stimulus(N_STEPS, steps, channels, np.zeros((N_STEPS, 2)), np.zeros(N_STEPS, bool))
    recording = simulation.frozen().run(stimulus)
    expected = np.zeros((N_STEPS, 15), bool)
    expected[recording.spike_steps, recording.spike_neurons] = True

    graph, shown, spikes = (tmp_path / name for name in ("graph.nir", "input.npy", "spikes.npy"))
    nir.write(graph, to_nir(simulation, "euler"))
    np.save(shown, np.vstack([np.zeros((1, 20)), fires[:-1]]))  # a spike arrives one step later
    command = [str(SNNTORCH_PYTHON), str(PROGRAM), str(graph), str(shown), str(spikes)]
    subprocess.run(command, env=environment(), check=True)
    assert expected.sum() > 50
    np.testing.assert_array_equal(np.load(spikes), expected)
