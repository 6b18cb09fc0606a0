"""Run problems in NEST: the reference of ``core/test_nest.py``, executed by the interpreter that has NEST 3.10.

    python nest_reference.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it, in the numbering of
``eprop_core``: step t of ours is NEST's step that ends at (t + 1 + WARM_UP) * dt.

A problem holds ``network`` (the JSON of ``eprop_core.parameters.Network``), the fields of
``eprop_core.stimulus.Stimulus``, and ``<projection>_source``, ``_target``, ``_weight`` of the four projections. A
result holds ``spike_steps``, ``spike_neurons``, ``readout``, ``error``, ``voltage``, ``surrogate_gradient``,
``learning_signal`` (by the step in which NEST records it) and the connections as above, sorted by (target, source).
"""

import json
import sys
from pathlib import Path

import nest
import numpy as np

# Steps before our step 0: a generator's first spike or rate comes in step 1 at the earliest.
WARM_UP = 1
LARGEST = 1e300  # stands for infinity, in NEST's bounds


def run(problem: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, dt = int(problem["n_steps"]), network["dt"]
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=dt, total_num_virtual_procs=1)
    neuron, readout, rule = network["neuron"], network["readout"], network["plasticity"]
    surrogate, optimizer = neuron["surrogate_gradient"], rule["optimizer"]
    cutoff = {} if rule["cutoff"] is None else {"eprop_isi_trace_cutoff": rule["cutoff"] * dt}

    generators = nest.Create("spike_generator", network["n_input"])
    inputs = nest.Create("parrot_neuron", network["n_input"])
    recurrent = nest.Create(
        "eprop_iaf",
        network["n_recurrent"],
        {
            "C_m": neuron["C_m"],
            "E_L": 0.0,
            "I_e": neuron["I_e"],  # NEST lets it act from its second step on, our step 0
            "V_m": 0.0,
            "V_th": neuron["V_th"],
            "V_min": -LARGEST if neuron["V_min"] is None else neuron["V_min"],
            "c_reg": rule["c_reg"],
            "f_target": rule["f_target"],
            "kappa": rule["kappa"],
            "kappa_reg": rule["kappa_reg"],
            "surrogate_gradient_function": surrogate["function"],
            "surrogate_gradient_height": surrogate["height"],
            "surrogate_gradient_width": surrogate["width"],
            "t_ref": neuron["t_ref"],
            "tau_m": neuron["tau_m"],
        }
        | cutoff,
    )
    readouts = nest.Create(
        "eprop_readout",
        network["n_readout"],
        {"C_m": 1.0, "E_L": readout["E_L"], "I_e": 0.0, "V_m": readout["E_L"], "tau_m": readout["tau_m"]} | cutoff,
    )

    populations = {
        "input": (inputs, recurrent),
        "recurrent": (recurrent, recurrent),
        "output": (recurrent, readouts),
        "feedback": (readouts, recurrent),
    }
    nest.SetDefaults(
        "eprop_synapse",
        {
            "weight": optimizer["weight_max"],  # NEST holds the default weight against the bounds, too
            "optimizer": {
                "type": "gradient_descent",
                "batch_size": 1,
                "eta": optimizer["learning_rate"],
                "optimize_each_step": False,
                "Wmin": optimizer["weight_min"],
                "Wmax": optimizer["weight_max"],
            },
        },
    )
    nest.Connect(generators, inputs, "one_to_one", {"delay": dt})
    for name, (sources, targets) in populations.items():
        model = "eprop_learning_signal_connection"
        if name != "feedback":
            model = "eprop_synapse" if network[name]["plastic"] else "static_synapse"
        _connect(problem, name, sources, targets, model, dt)

    steps = np.arange(n_steps)
    channels = problem["input_channels"]
    generators.set(
        [
            {"spike_times": _times(problem["input_steps"][channels == channel] + WARM_UP, dt)}
            for channel in range(network["n_input"])
        ]
    )
    window = nest.Create("step_rate_generator")
    window.set(amplitude_times=_times(steps + WARM_UP, dt), amplitude_values=problem["learning_window"].astype(float))
    nest.Connect(window, readouts, "all_to_all", _rate_connection(1, dt))
    targets = nest.Create("step_rate_generator", network["n_readout"])
    for generator, values in zip(targets, problem["target"].T, strict=True):
        generator.set(amplitude_times=_times(steps + WARM_UP, dt), amplitude_values=values)
    nest.Connect(targets, readouts, "one_to_one", _rate_connection(2, dt))

    spikes = nest.Create("spike_recorder")
    nest.Connect(recurrent, spikes, "all_to_all", {"delay": dt})
    of_readouts = _multimeter(readouts, ["V_m", "error_signal"], dt)
    of_neurons = _multimeter(recurrent, ["V_m", "surrogate_gradient", "learning_signal"], dt)

    nest.Simulate((WARM_UP + n_steps) * dt)
    result = {}
    for name, (sources, targets) in populations.items():
        result |= _weights(name, sources, targets)
    nest.Simulate(dt)  # recorders receive the last step's events in the next

    events = spikes.get("events")
    spike_steps = np.rint(events["times"] / dt).astype(int) - 1 - WARM_UP
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


def _times(steps: np.ndarray, dt: float) -> np.ndarray:
    """Times of steps, ms, rounded so that NEST takes them as multiples of dt."""
    return np.round(steps * dt, 9)


def _rate_connection(receptor: int, dt: float) -> dict[str, object]:
    return {"synapse_model": "rate_connection_delayed", "delay": dt, "receptor_type": receptor}


def _multimeter(neurons: "nest.NodeCollection", quantities: list[str], dt: float) -> "nest.NodeCollection":
    multimeter = nest.Create("multimeter", {"interval": dt, "record_from": quantities})
    nest.Connect(multimeter, neurons, "all_to_all", {"delay": dt})
    return multimeter


def _connect(
    problem: dict[str, np.ndarray],
    name: str,
    sources: "nest.NodeCollection",
    targets: "nest.NodeCollection",
    model: str,
    dt: float,
) -> None:
    weight = problem[f"{name}_weight"]
    if not weight.size:
        return
    nest.Connect(
        problem[f"{name}_source"] + sources[0].global_id,
        problem[f"{name}_target"] + targets[0].global_id,
        "one_to_one",
        {"synapse_model": model, "weight": weight, "delay": np.full(len(weight), dt)},
    )


def _recorded(multimeter: "nest.NodeCollection", quantity: str, n_steps: int, n_neurons: int, dt: float) -> np.ndarray:
    """Recording as an array (n_steps, n_neurons)."""
    events = multimeter.get("events")
    steps = np.rint(events["times"] / dt).astype(int) - 1 - WARM_UP
    kept = (steps >= 0) & (steps < n_steps)
    recorded = np.full((n_steps, n_neurons), np.nan)
    recorded[steps[kept], events["senders"][kept] - events["senders"].min()] = events[quantity][kept]
    return recorded


def _weights(name: str, sources: "nest.NodeCollection", targets: "nest.NodeCollection") -> dict[str, np.ndarray]:
    connections = nest.GetConnections(sources, targets)
    if not len(connections):
        return {f"{name}_source": np.empty(0, int), f"{name}_target": np.empty(0, int), f"{name}_weight": np.empty(0)}
    values = connections.get(["source", "target", "weight"])
    source, target = np.atleast_1d(values["source"]), np.atleast_1d(values["target"])
    order = np.lexsort((source, target))
    return {
        f"{name}_source": source[order] - sources[0].global_id,
        f"{name}_target": target[order] - targets[0].global_id,
        f"{name}_weight": np.atleast_1d(values["weight"])[order],
    }


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.problem.npz")):
        with np.load(path) as problem:
            result = run(dict(problem))
        np.savez(path.with_name(path.name.removesuffix(".problem.npz") + ".nest.npz"), **result)
