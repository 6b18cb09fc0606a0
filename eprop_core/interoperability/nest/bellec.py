"""Simulate problems with NEST's models of e-prop of Bellec et al. (2020); needs a Python with NEST 3.10.

    python bellec.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it. A problem holds
``network`` (the JSON of ``eprop_core.parameters.Network``), the fields of ``eprop_core.stimulus.Stimulus``,
``n_samples``, and ``<projection>_source``, ``_target``, ``_weight`` of the four projections. A result holds ``spikes``
(steps, neurons), ``error`` (steps, readouts), ``surrogate_gradient`` and, by the step of its error, ``learning_signal``
(steps, neurons), and the connections as above, sorted by (target, source). Its rows are the steps of the samples; the
first sample starts later at each population.
"""

import json

import nest
import numpy as np
from devices import multimeter, recorded, recorded_spikes
from network import ERRORS_OF_BELLEC as ERRORS
from network import NEURONS_OF_BELLEC as RECURRENT
from network import build, reset_kernel, run_files, show_input, show_targets, times, weights

Arrays = dict[str, np.ndarray]


def run(problem: Arrays) -> Arrays:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, n_samples, dt = int(problem["n_steps"]), int(problem["n_samples"]), network["dt"]
    steps_per_sample = n_steps // n_samples
    reset_kernel(dt)
    populations = build(
        network,
        problem,
        sample_steps=steps_per_sample,
        learning_window_steps=int(problem["learning_window"][:steps_per_sample].sum()),
    )
    show_input(populations, network, problem)
    show_targets(populations, network, problem)
    recurrent, readouts = populations.recurrent, populations.readouts

    recorder = nest.Create("spike_recorder")
    nest.Connect(recurrent, recorder, "all_to_all", {"delay": dt})
    of_readouts = multimeter(readouts, ["error_signal"], dt)
    of_neurons = multimeter(recurrent, ["surrogate_gradient", "learning_signal"], dt)
    update_all_synapses(populations.inputs, recurrent, n_steps, dt)

    nest.Simulate((n_steps + ERRORS + 3) * dt)
    result = {
        "spikes": recorded_spikes(recorder, recurrent, RECURRENT, n_steps, dt),
        "error": recorded(of_readouts, "error_signal", ERRORS, n_steps, dt),
        "surrogate_gradient": recorded(of_neurons, "surrogate_gradient", RECURRENT, n_steps, dt),
        "learning_signal": recorded(of_neurons, "learning_signal", ERRORS + 1, n_steps, dt),
    }
    for name in populations.of_projection:
        result |= weights(name, populations)
    return result


def update_all_synapses(
    inputs: "nest.NodeCollection", recurrent: "nest.NodeCollection", n_steps: int, dt: float
) -> None:
    """Let all neurons spike after the last sample, because NEST updates a weight at the next presynaptic spike."""
    generator = nest.Create("spike_generator", 1, {"spike_times": times(np.array([n_steps + RECURRENT]), dt)})
    nest.Connect(generator, inputs + recurrent, "all_to_all", {"weight": 1e4, "delay": dt})


if __name__ == "__main__":
    run_files(run)
