"""Run problems in NEST: the reference of ``core/test_nest.py``, executed by the interpreter that has NEST 3.10.

    python nest_reference.py DIRECTORY

reads every ``<name>.problem.npz`` of the directory and writes ``<name>.nest.npz`` beside it, in the numbering of
``eprop_core``: step t of ours is NEST's step that ends at (t + 1) * dt. Generators cannot deliver anything in NEST's
first step, so a problem has neither input spikes nor learning window in step 0.

A problem holds ``network`` (the JSON of ``eprop_core.parameters.Network``), the fields of
``eprop_core.stimulus.Stimulus``, ``<projection>_source``, ``_target``, ``_weight`` of the four projections, and
``tau_m`` and ``V_th`` where they are drawn for each neuron. A result holds ``spike_steps``, ``spike_neurons``,
``readout``, ``error``, ``voltage``, ``surrogate_gradient``, ``learning_signal`` (by the step in which NEST records it)
and the connections as above, sorted by (target, source).
"""

import json
import sys
from pathlib import Path
from typing import Any

import nest
import numpy as np

LARGEST = 1e300  # stands for infinity, in NEST's bounds
SURROGATE_GRADIENTS = {"arctan": "arctan_derivative"}  # NEST's names, where they differ


def run(problem: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, dt = int(problem["n_steps"]), network["dt"]
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=dt, total_num_virtual_procs=1)
    readout, rule = network["readout"], network["plasticity"]
    cutoff = {} if rule["cutoff"] is None else {"eprop_isi_trace_cutoff": rule["cutoff"] * dt}

    generators = nest.Create("spike_generator", network["n_input"])
    inputs = nest.Create("parrot_neuron", network["n_input"])
    recurrent = _recurrent_neurons(problem, network, cutoff)
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
    # NEST holds the default weight against the bounds, too.
    optimizer = rule["optimizer"]
    nest.SetDefaults("eprop_synapse", {"weight": optimizer["weight_max"], "optimizer": _optimizer(optimizer)})
    nest.Connect(generators, inputs, "one_to_one", {"delay": dt})
    for name, (sources, targets) in populations.items():
        model = "eprop_learning_signal_connection"
        if name != "feedback":
            model = "eprop_synapse" if network[name]["plastic"] else "static_synapse"
        _connect(problem, name, sources, targets, model, dt)

    steps = np.arange(1, n_steps)
    channels = problem["input_channels"]
    generators.set(
        [
            {"spike_times": _times(problem["input_steps"][channels == channel], dt)}
            for channel in range(network["n_input"])
        ]
    )
    window = nest.Create("step_rate_generator")
    window.set(amplitude_times=_times(steps, dt), amplitude_values=problem["learning_window"][1:].astype(float))
    nest.Connect(window, readouts, "all_to_all", _rate_connection(1, dt))
    targets = nest.Create("step_rate_generator", network["n_readout"])
    for generator, values in zip(targets, problem["target"][1:].T, strict=True):
        generator.set(amplitude_times=_times(steps, dt), amplitude_values=values)
    nest.Connect(targets, readouts, "one_to_one", _rate_connection(2, dt))

    spikes = nest.Create("spike_recorder")
    nest.Connect(recurrent, spikes, "all_to_all", {"delay": dt})
    of_readouts = _multimeter(readouts, ["V_m", "error_signal"], dt)
    of_neurons = _multimeter(recurrent, ["V_m", "surrogate_gradient", "learning_signal"], dt)

    nest.Simulate(n_steps * dt)
    result = {}
    for name, (sources, targets) in populations.items():
        result |= _weights(name, sources, targets)
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


def _recurrent_neurons(
    problem: dict[str, np.ndarray], network: dict[str, Any], cutoff: dict[str, float]
) -> "nest.NodeCollection":
    """Recurrent neurons at rest; those that adapt come last."""
    neuron, rule, dt = network["neuron"], network["plasticity"], network["dt"]
    surrogate, adaptation = neuron["surrogate_gradient"], neuron["adaptation"]
    parameters = {
        "C_m": neuron["C_m"],
        "E_L": 0.0,
        "I_e": neuron["I_e"],
        "V_m": 0.0,
        "V_min": -LARGEST if neuron["V_min"] is None else neuron["V_min"],
        "c_reg": rule["c_reg"],
        "f_target": rule["f_target"],
        "kappa": rule["kappa"],
        "kappa_reg": rule["kappa_reg"],
        "surrogate_gradient_function": SURROGATE_GRADIENTS.get(surrogate["function"], surrogate["function"]),
        "surrogate_gradient_height": surrogate["height"],
        "surrogate_gradient_width": surrogate["width"],
        "t_ref": neuron["t_ref"],
    } | cutoff
    if neuron["V_reset"] is not None:
        parameters["V_reset"] = neuron["V_reset"]
    n, values = network["n_recurrent"], {}
    for name in ("tau_m", "V_th"):
        values[name] = problem[name] if name in problem else np.full(n, neuron[name])
    if neuron["V_reset"] is None:
        # NEST lets the constant current of this model act from the second step on; what it would do in the first:
        rise = values["tau_m"] / neuron["C_m"] * -np.expm1(-dt / values["tau_m"]) * neuron["I_e"]
        values["V_m"] = np.maximum(rise, parameters["V_min"]) * np.exp(dt / values["tau_m"])
    parameters["V_th"] = LARGEST  # NEST holds it against V_min already here
    model = "eprop_iaf" if neuron["V_reset"] is None else "eprop_iaf_psc_delta"
    n_adapting = round(adaptation["share"] * n) if adaptation else 0
    neurons = nest.Create(model, n - n_adapting, parameters) if n_adapting < n else nest.NodeCollection()
    if n_adapting > 0:
        parameters |= {"adapt_beta": adaptation["beta"], "adapt_tau": adaptation["tau"]}
        neurons += nest.Create(f"{model}_adapt", n_adapting, parameters)
    neurons.set(values)
    return neurons


def _optimizer(optimizer: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        "type": optimizer["algorithm"],
        "batch_size": 1,
        "eta": optimizer["learning_rate"],
        "optimize_each_step": optimizer.get("optimize_each_step", False),
        "Wmin": optimizer["weight_min"],
        "Wmax": optimizer["weight_max"],
    }
    return parameters | {name: optimizer[name] for name in ("beta_1", "beta_2", "epsilon") if name in optimizer}


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
    steps = np.rint(events["times"] / dt).astype(int) - 1
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
