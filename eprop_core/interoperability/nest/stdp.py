"""Simulate problems of spike-timing-dependent plasticity in NEST; needs a Python with NEST 3.10.

    python stdp.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it, with the steps and ids of
``eprop_core``.

A problem holds what ``eprop_plus.py`` says and, of neurons that ignore their input, their ``phase``. A result holds
``spike_steps``, ``spike_neurons``, ``readout``, ``voltage`` and the connections, sorted by (target, source).
"""

import json

import nest
import numpy as np
from devices import multimeter, recorded, recorded_spikes
from network import connect, create, reset_kernel, run_files, show_input, simulate

FIRST = 1
"""NEST's step that corresponds to step 0 of ``eprop_core``."""


def run(problem: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, dt = int(problem["n_steps"]), network["dt"]
    reset_kernel(dt)
    populations = create(network, problem)
    connect(populations, network, problem)
    show_input(populations, network, problem)
    recurrent, readouts = populations.recurrent, populations.readouts

    spikes = nest.Create("spike_recorder")
    nest.Connect(recurrent, spikes, "all_to_all", {"delay": dt})
    of_readouts, of_neurons = multimeter(readouts, ["V_m"], dt), multimeter(recurrent, ["V_m"], dt)

    result = simulate(populations, n_steps, dt)
    steps, neurons = np.nonzero(recorded_spikes(spikes, recurrent, FIRST, n_steps, dt))
    return result | {
        "spike_steps": steps,
        "spike_neurons": neurons,
        "readout": recorded(of_readouts, "V_m", FIRST, n_steps, dt),
        "voltage": recorded(of_neurons, "V_m", FIRST, n_steps, dt),
    }


if __name__ == "__main__":
    run_files(run)
