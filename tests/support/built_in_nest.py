"""Build a network in NEST with ``eprop_core.to_nest``: for the interpreter that has NEST.

    python built_in_nest.py FOLDER

FOLDER holds ``network.h5``, which ``Simulation.save`` wrote; ``stimulus.npz``, the fields of a ``Stimulus``; and
``path.txt``: the folders in which ``eprop_core`` and what it needs are installed. The kernel already holds a network.
Writes ``result.npz``: ``spike_steps``, ``spike_neurons``, and the weights by projection.
"""

import sys
from pathlib import Path

import nest
import numpy as np


def main(folder: Path) -> None:
    from eprop_core import ParameterError, Simulation, to_nest
    from eprop_core.interoperability.nest import network as program

    simulation = Simulation.load(folder / "network.h5")
    network = simulation.network.model_dump(mode="json")
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = 2.0 * simulation.network.dt
    try:
        to_nest(simulation)
    except ParameterError as error:
        (folder / "refused.txt").write_text(str(error), encoding="utf-8")
    nest.ResetKernel()
    nest.set(resolution=simulation.network.dt, total_num_virtual_procs=1)
    nest.Create("iaf_psc_delta", 7)
    to_nest(simulation, learns=False)  # another network in the same kernel
    populations = to_nest(simulation)
    recorder = nest.Create("spike_recorder")
    nest.Connect(populations.recurrent, recorder)
    with np.load(folder / "stimulus.npz") as shown:
        stimulus = dict(shown)
    program.show_input(populations, network, stimulus)
    program.show_targets(populations, network, stimulus)
    nest.Simulate(int(stimulus["n_steps"]) * simulation.network.dt)
    result = {}
    for name in populations.of_projection:
        result |= program.weights(name, populations)
    nest.Simulate(simulation.network.dt)  # the recorder receives the spikes of a step in the next one
    events = recorder.get("events")
    steps = np.rint(events["times"] / simulation.network.dt).astype(int) - 1
    order = np.lexsort((events["senders"], steps))
    result["spike_steps"] = steps[order]
    result["spike_neurons"] = events["senders"][order] - populations.recurrent[0].global_id
    np.savez(folder / "result.npz", **result)


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    sys.path += (directory / "path.txt").read_text(encoding="utf-8").splitlines()
    main(directory)
