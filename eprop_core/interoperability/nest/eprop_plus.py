"""Simulate problems of e-prop+ in NEST; needs a Python with NEST 3.10.

    python eprop_plus.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it, with the steps and ids of
``eprop_core``.

A problem holds ``network`` (the JSON of ``eprop_core.parameters.Network``) and the arrays that ``network.py`` lists.
A result holds ``spike_steps``, ``spike_neurons``, ``readout``, ``error``, ``voltage``, ``surrogate_gradient``,
``learning_signal`` (by the step in which NEST records it), the weights that each spike has found
(``<projection>_sent_steps``, ``_sources``, ``_targets``, ``_weights``) and the connections, sorted by (target, source).
"""

import json

import nest
import numpy as np
from devices import multimeter, recorded, recorded_spikes, sent
from network import connect, create, reset_kernel, run_files, show_input, show_targets, simulate

FIRST = 1
"""NEST's step that corresponds to step 0 of ``eprop_core``."""


def run(problem: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, dt = int(problem["n_steps"]), network["dt"]
    reset_kernel(dt)
    populations = create(network, problem)
    weight_recorder = nest.Create("weight_recorder")
    nest.SetDefaults("eprop_synapse", {"weight_recorder": weight_recorder})
    connect(populations, network, problem)
    show_input(populations, network, problem)
    show_targets(populations, network, problem)
    recurrent, readouts = populations.recurrent, populations.readouts

    spikes = nest.Create("spike_recorder")
    nest.Connect(recurrent, spikes, "all_to_all", {"delay": dt})
    of_readouts = multimeter(readouts, ["V_m", "error_signal"], dt)
    of_neurons = multimeter(recurrent, ["V_m", "surrogate_gradient", "learning_signal"], dt)

    result = simulate(populations, n_steps, dt)
    for name, (sources, targets) in populations.of_projection.items():
        result |= sent(name, weight_recorder, sources, targets, FIRST, dt)
    steps, neurons = np.nonzero(recorded_spikes(spikes, recurrent, FIRST, n_steps, dt))
    return result | {
        "spike_steps": steps,
        "spike_neurons": neurons,
        "readout": recorded(of_readouts, "V_m", FIRST, n_steps, dt),
        "error": recorded(of_readouts, "error_signal", FIRST, n_steps, dt),
        "voltage": recorded(of_neurons, "V_m", FIRST, n_steps, dt),
        "surrogate_gradient": recorded(of_neurons, "surrogate_gradient", FIRST, n_steps, dt),
        "learning_signal": recorded(of_neurons, "learning_signal", FIRST, n_steps, dt),
    }


if __name__ == "__main__":
    run_files(run)
