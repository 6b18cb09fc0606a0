"""What the programs of simulators with dense matrices share: events, memory, and the command line."""

import ctypes
import json
import os
import sys
from pathlib import Path

import numpy as np

LEARNING = ("input", "recurrent", "output")
LARGEST = 2e9
"""Bytes that dense matrices may take, as for the time-driven model of this suite."""
COMPUTED = {
    "neuron.I_e": 0.0,
    "neuron.V_min": None,
    "neuron.V_reset": None,
    "neuron.adaptation": None,
    "neuron.t_ref": 0.0,
    "neuron.excitatory": None,
    "neuron.surrogate_gradient.function": "piecewise_linear",
    "plasticity.optimizer.algorithm": "gradient_descent",
    "plasticity.optimizer.fixed_signs": False,
    **{f"{name}.{key}": None for name in LEARNING for key in ("fixed_signs", "optimizer")},
}
"""The only values, by parameter path, that these programs compute. Bounds of weights are not applied."""


def main(version, bytes_per_pair, measure, weight):
    """Print the version, or read a problem and write its measurement and, if wanted, outputs.

    ``measure`` takes a problem and a variant; it returns a measurement, spikes and readouts, (n_steps, n) each, and the
    network. ``weight`` returns the weights of one of its projections, (n_sources, n_targets).
    """
    if sys.argv[1:] == ["--version"]:
        print(version)
        return
    problem_file, variant, result_file, *outputs_file = sys.argv[1:]
    with np.load(problem_file) as file:
        problem = dict(file)
    if reason := obstacle(json.loads(str(problem["network"])), bytes_per_pair):
        result = {"not_measured": reason}
    else:
        result, (spikes, readouts, network) = measure(problem, variant)
        if outputs_file:
            outputs = {
                f"{name}_weight": np.asarray(weight(network, name), float)[
                    problem[f"{name}_source"], problem[f"{name}_target"]
                ]
                for name in LEARNING
            }
            if variant != "training":
                steps, neurons = np.nonzero(spikes)
                outputs |= {"spike_steps": steps, "spike_neurons": neurons, "readouts": readouts.astype(float)}
            np.savez(outputs_file[0], **outputs)
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


def obstacle(network, bytes_per_pair):
    """Return why a network is not measured; None if it can be."""
    for path, value in COMPUTED.items():
        given = network
        for key in path.split("."):
            given = given[key]
        if given != value:
            return f"network.{path} is not {json.dumps(value)}"
    n = network["n_recurrent"]
    size = bytes_per_pair * n * (network["n_input"] + n + network["n_readout"])
    return f"dense matrices would need {size / 1e9:.0f} GB" if size > LARGEST else None


def learning_rates(network):
    """Return the learning rate of each projection, 0 if its weights are not plastic."""
    own = {name: network[name]["learning_rate"] for name in LEARNING}
    of_all = network["plasticity"]["optimizer"]["learning_rate"]
    return {
        name: (of_all if own[name] is None else own[name]) if network[name]["plastic"] else 0.0 for name in LEARNING
    }


def counts(problem, spikes, first):
    """Return the counts of a measurement of the steps from ``first`` on; ``spikes`` are (n_steps, n)."""
    return {
        "neurons": spikes.shape[1],
        "synapses": sum(len(problem[f"{name}_weight"]) for name in LEARNING),
        "n_steps": int(problem["n_steps"]) - first,
        "spikes": int(spikes[first:].sum()),
        "synaptic_events": events(problem, spikes, first),
    }


def events(problem, spikes, first):
    """Return the number of synaptic events in the steps from ``first`` on."""
    steps, channels = problem["input_steps"], problem["input_channels"]
    emitted = {"input": (steps, channels)} | dict.fromkeys(("recurrent", "output"), np.nonzero(spikes))
    number = 0
    for name, (step, source) in emitted.items():
        arriving = (step >= first - 1) & (step < int(problem["n_steps"]) - 1)
        out_degree = np.bincount(problem[f"{name}_source"], minlength=int(source.max(initial=0)) + 1)
        number += int(out_degree[source[arriving]].sum())
    return number


def resident_memory():
    """Return the resident memory of this process, bytes, after free memory was returned to the system."""
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
