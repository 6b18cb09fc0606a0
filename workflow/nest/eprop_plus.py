"""Run problems of e-prop+ in NEST, by the interpreter that has NEST 3.10.

    python eprop_plus.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it, in the numbering of
``eprop_core``.

A problem holds ``network`` (the JSON of ``eprop_core.parameters.Network``) and what ``network.py`` says.
A result holds ``spike_steps``, ``spike_neurons``, ``readout``, ``error``, ``voltage``, ``surrogate_gradient``,
``learning_signal`` (by the step in which NEST records it) and the connections, sorted by (target, source).
"""

import json
import sys
from pathlib import Path

import nest
import numpy as np
from bellec import multimeter
from network import connect, create, show_input, show_targets, weights


def run(problem: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, dt = int(problem["n_steps"]), network["dt"]
    populations = create(network, problem)
    connect(populations, network, problem)
    show_input(populations, network, problem)
    show_targets(populations, network, problem)
    recurrent, readouts = populations.recurrent, populations.readouts

    spikes = nest.Create("spike_recorder")
    nest.Connect(recurrent, spikes, "all_to_all", {"delay": dt})
    of_readouts = multimeter(readouts, ["V_m", "error_signal"], dt)
    of_neurons = multimeter(recurrent, ["V_m", "surrogate_gradient", "learning_signal"], dt)

    nest.Simulate(n_steps * dt)
    result = {}
    for name in populations.of_projection:
        result |= weights(name, populations)
    nest.Simulate(dt)  # recorders receive the last step's events in the next

    events = spikes.get("events")
    spike_steps = np.rint(events["times"] / dt).astype(int) - 1
    order = np.lexsort((events["senders"], spike_steps))
    order = order[spike_steps[order] < n_steps]
    return result | {
        "spike_steps": spike_steps[order],
        "spike_neurons": events["senders"][order] - recurrent[0].global_id,
        "readout": _recorded(of_readouts, "V_m", n_steps, network["n_readout"], dt),
        "error": _recorded(of_readouts, "error_signal", n_steps, network["n_readout"], dt),
        "voltage": _recorded(of_neurons, "V_m", n_steps, network["n_recurrent"], dt),
        "surrogate_gradient": _recorded(of_neurons, "surrogate_gradient", n_steps, network["n_recurrent"], dt),
        "learning_signal": _recorded(of_neurons, "learning_signal", n_steps, network["n_recurrent"], dt),
    }


def _recorded(multimeter: "nest.NodeCollection", quantity: str, n_steps: int, n_neurons: int, dt: float) -> np.ndarray:
    """Recording as an array (n_steps, n_neurons)."""
    events = multimeter.get("events")
    steps = np.rint(events["times"] / dt).astype(int) - 1
    kept = (steps >= 0) & (steps < n_steps)
    recorded = np.full((n_steps, n_neurons), np.nan)
    recorded[steps[kept], events["senders"][kept] - events["senders"].min()] = events[quantity][kept]
    return recorded


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.problem.npz")):
        with np.load(path) as problem:
            result = run(dict(problem))
        np.savez(path.with_name(path.name.removesuffix(".problem.npz") + ".nest.npz"), **result)
