"""Build networks in NEST and bring them back: for the interpreter that has NEST.

    python brought_from_nest.py FOLDER

FOLDER holds ``path.txt``, the folders in which ``eprop_core`` and what it needs are installed, and a folder for each
problem: ``network.h5``, which ``Simulation.save`` wrote, and ``stimulus.npz``, the fields of a ``Stimulus``. Writes to
each what :func:`eprop_core.from_nest` returns, ``network.json`` and ``brought.npz``, and what NEST simulates,
``nest.npz``: spikes as steps and neurons of this package, and weights.
"""

import sys
from pathlib import Path
from typing import Any

import nest
import numpy as np

MORE = 8
"""Steps that NEST simulates after the last one of a problem: its generators, readouts and errors begin later."""


def main(folder: Path) -> None:
    from eprop_core import Simulation, from_nest, recording_of_nest, to_nest
    from eprop_core.interoperability.nest import network as program
    from eprop_core.interoperability.nest_populations import ENDS, positions
    from eprop_core.parameters import whole_of

    simulation = Simulation.load(folder / "network.h5")
    network = simulation.network.model_dump(mode="json")
    with np.load(folder / "stimulus.npz") as shown:
        stimulus = dict(shown)
    n_steps, dt = int(stimulus["n_steps"]), simulation.network.dt
    sample = n_steps // int(stimulus["n_samples"])
    program.reset_kernel(dt)
    samples = {"sample_steps": sample, "learning_window_steps": int(stimulus["learning_window"][:sample].sum())}
    populations = to_nest(simulation, **(samples if program.learns_by_samples(network) else {}))
    recorder = nest.Create("spike_recorder")
    nest.Connect(populations.recurrent, recorder, "all_to_all", {"delay": dt})
    program.show_input(populations, network, stimulus)
    program.show_targets(populations, network, stimulus)
    if program.learns_by_samples(network):  # NEST updates a weight at the next spike of its source
        last = program.times(np.array([n_steps + program.NEURONS_OF_BELLEC]), dt)
        drive = nest.Create("spike_generator", 1, {"spike_times": last})
        nest.Connect(drive, populations.inputs + populations.recurrent, "all_to_all", {"weight": 1e4, "delay": dt})
    with recording_of_nest() as recorded:
        nest.Simulate(n_steps // 2 * dt)  # two calls give the same as one
        nest.Simulate((n_steps - n_steps // 2 + MORE) * dt)
    brought = from_nest(recorded)

    (folder / "network.json").write_text(brought.network.model_dump_json(), encoding="utf-8")
    arrays = {f"stimulus_{name}": np.asarray(value) for name, value in vars(brought.stimulus).items()}
    for name, connections in brought.connections.items():
        arrays |= {f"{name}_{key}": values for key, values in connections._asdict().items()}
    np.savez(folder / "brought.npz", **arrays, **brought.neuron_values)
    events = recorder.get("events")
    neurons = positions(brought.ids["recurrent"], events["senders"])
    order = np.lexsort((neurons, events["times"]))
    result = {
        "spike_steps": np.rint(events["times"][order] / dt).astype(int) - brought.first_step,
        "spike_neurons": neurons[order],
    }
    for name, connections in brought.connections.items():
        result[f"{name}_weight"] = weights(connections, ENDS[whole_of(name)], brought.ids)
    np.savez(folder / "nest.npz", **result)


def weights(connections: Any, ends: tuple[str, str], ids: dict[str, np.ndarray]) -> np.ndarray:
    """Return NEST's present weights of connections that were brought here, in their order."""
    from eprop_core.interoperability.nest_populations import positions

    found = nest.GetConnections(*(nest.NodeCollection(np.sort(ids[end]).tolist()) for end in ends))
    if not len(found):
        return np.empty(0)
    values = {name: np.atleast_1d(own) for name, own in found.get(["source", "target", "weight"]).items()}
    pairs = zip(positions(ids[ends[0]], values["source"]), positions(ids[ends[1]], values["target"]), strict=True)
    weight = dict(zip(((int(i), int(j)) for i, j in pairs), values["weight"], strict=True))
    return np.array([weight[int(i), int(j)] for i, j in zip(connections.source, connections.target, strict=True)])


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    sys.path += (directory / "path.txt").read_text(encoding="utf-8").splitlines()
    for problem in sorted(path for path in directory.iterdir() if path.is_dir()):
        main(problem)
