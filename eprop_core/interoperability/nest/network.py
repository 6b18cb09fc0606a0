"""A network of ``eprop_core`` in NEST 3.10: populations, connections, input and targets.

Networks and stimuli are dictionaries. ``network`` holds the parameters of ``eprop_core.parameters.Network``. A problem
holds ``<projection>_source``, ``_target``, ``_weight`` of the four projections, the fields of
``eprop_core.stimulus.Stimulus``, and ``tau_m`` and ``V_th`` if they are drawn for each neuron. Step t of ``eprop_core``
is NEST's step that ends at (t + 1) * dt. Generators cannot deliver events in NEST's first step, so step 0 of a problem
has no input spikes and is outside the learning window.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nest
import numpy as np
from devices import rate_connection, times

_LARGEST = 1e300
"""Stands for infinity in NEST's bounds."""
_SURROGATE_GRADIENTS = {"arctan": "arctan_derivative"}
"""NEST's names that differ from those of ``eprop_core``."""

Problem = dict[str, np.ndarray]


class Populations(NamedTuple):
    """Generators of the input spikes, parrot neurons that relay them, and the neurons of the network."""

    generators: Any
    inputs: Any
    recurrent: Any
    readouts: Any

    @property
    def of_projection(self) -> dict[str, tuple[Any, Any]]:
        """Sources and targets of each projection."""
        return {
            "input": (self.inputs, self.recurrent),
            "recurrent": (self.recurrent, self.recurrent),
            "output": (self.recurrent, self.readouts),
            "feedback": (self.readouts, self.recurrent),
        }


def create(network: dict[str, Any], problem: Problem) -> Populations:
    """Reset NEST, set it to one thread and create all neurons."""
    dt, readout, rule = network["dt"], network["readout"], network["plasticity"]
    cutoff = {} if rule["cutoff"] is None else {"eprop_isi_trace_cutoff": rule["cutoff"] * dt}
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=dt, total_num_virtual_procs=1)
    readouts = {"C_m": 1.0, "E_L": readout["E_L"], "I_e": 0.0, "V_m": readout["E_L"], "tau_m": readout["tau_m"]}
    return Populations(
        generators=nest.Create("spike_generator", network["n_input"]),
        inputs=nest.Create("parrot_neuron", network["n_input"]),
        recurrent=_recurrent_neurons(network, problem, cutoff),
        readouts=nest.Create("eprop_readout", network["n_readout"], readouts | cutoff),
    )


def connect(populations: Populations, network: dict[str, Any], problem: Problem, *, learns: bool = True) -> None:
    """Create all connections of the problem; without ``learns``, all are static and there is no feedback."""
    dt, optimizer = network["dt"], network["plasticity"]["optimizer"]
    # NEST checks the default weight against the bounds, too.
    learning = optimizer_parameters(optimizer, 1) | {"optimize_each_step": optimizer.get("optimize_each_step", False)}
    nest.SetDefaults("eprop_synapse", {"weight": optimizer["weight_max"], "optimizer": learning})
    nest.Connect(populations.generators, populations.inputs, "one_to_one", {"delay": dt})
    for name, (sources, targets) in populations.of_projection.items():
        if name == "feedback":
            model = "eprop_learning_signal_connection" if learns else None
        else:
            model = "eprop_synapse" if learns and network[name]["plastic"] else "static_synapse"
        weight = problem[f"{name}_weight"]
        if model is None or not weight.size:
            continue
        nest.Connect(
            problem[f"{name}_source"] + sources[0].global_id,
            problem[f"{name}_target"] + targets[0].global_id,
            "one_to_one",
            {"synapse_model": model, "weight": weight, "delay": np.full(len(weight), dt)},
        )


def show_input(populations: Populations, network: dict[str, Any], problem: Problem) -> None:
    """Set the spikes of the input channels."""
    steps, channels = problem["input_steps"], problem["input_channels"]
    order = np.argsort(channels, kind="stable")
    spike_times = times(steps[order], network["dt"])
    of_channels = np.split(spike_times, np.searchsorted(channels[order], np.arange(1, network["n_input"])))
    populations.generators.set([{"spike_times": of_channel} for of_channel in of_channels])


def show_targets(populations: Populations, network: dict[str, Any], problem: Problem) -> None:
    """Set the targets of the readouts and the learning window."""
    dt = network["dt"]
    window = nest.Create("step_rate_generator")
    _step_to(window, problem["learning_window"].astype(float), dt)
    nest.Connect(window, populations.readouts, "all_to_all", rate_connection(1, dt))
    targets = nest.Create("step_rate_generator", network["n_readout"])
    for generator, values in zip(targets, problem["target"].T, strict=True):
        _step_to(generator, values, dt)
    nest.Connect(targets, populations.readouts, "one_to_one", rate_connection(2, dt))


def weights(name: str, populations: Populations) -> dict[str, np.ndarray]:
    """Return the connections of a projection with their current weights, sorted by (target, source)."""
    return listed(name, *populations.of_projection[name])


def listed(name: str, sources: Any, targets: Any) -> dict[str, np.ndarray]:
    """Return the connections between two populations, named as a projection and sorted by (target, source)."""
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


def _step_to(generator: Any, values: np.ndarray, dt: float) -> None:
    """Let the rate of a generator follow ``values``, one per step, by setting the changes only."""
    changes = 1 + np.flatnonzero(np.diff(values[1:], prepend=np.nan))
    generator.set(amplitude_times=times(changes, dt), amplitude_values=values[changes])


def neuron_parameters(network: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that all of NEST's models of recurrent neurons have."""
    neuron, rule, surrogate = network["neuron"], network["plasticity"], network["neuron"]["surrogate_gradient"]
    return {
        "C_m": neuron["C_m"],
        "E_L": 0.0,
        "I_e": neuron["I_e"],
        "V_m": 0.0,
        "V_min": -_LARGEST if neuron["V_min"] is None else neuron["V_min"],
        "c_reg": rule["c_reg"],
        "f_target": rule["f_target"],
        "surrogate_gradient_function": _SURROGATE_GRADIENTS.get(surrogate["function"], surrogate["function"]),
        "surrogate_gradient_height": surrogate["height"],
        "surrogate_gradient_width": surrogate["width"],
        "t_ref": neuron["t_ref"],
    }


def _recurrent_neurons(network: dict[str, Any], problem: Problem, cutoff: dict[str, float]) -> Any:
    """Create the recurrent neurons at rest; the adaptive ones have the highest ids."""
    neuron, rule, dt = network["neuron"], network["plasticity"], network["dt"]
    adaptation = neuron["adaptation"]
    parameters = neuron_parameters(network) | {"kappa": rule["kappa"], "kappa_reg": rule["kappa_reg"]} | cutoff
    # NEST compares f_target * dt / 1000 with the moving average in spikes per ms, so it needs this value.
    parameters["f_target"] = rule["f_target"] / dt
    if neuron["V_reset"] is not None:
        parameters["V_reset"] = neuron["V_reset"]
    n, values = network["n_recurrent"], {}
    for name in ("tau_m", "V_th"):
        values[name] = problem[name] if name in problem else np.full(n, neuron[name])
    if neuron["V_reset"] is None:
        # In NEST, the constant current of this model acts from the second step on. This is its effect in the first:
        rise = values["tau_m"] / neuron["C_m"] * -np.expm1(-dt / values["tau_m"]) * neuron["I_e"]
        values["V_m"] = np.maximum(rise, parameters["V_min"]) * np.exp(dt / values["tau_m"])
    parameters["V_th"] = _LARGEST  # the real thresholds follow; NEST checks this one against V_min
    model = "eprop_iaf" if neuron["V_reset"] is None else "eprop_iaf_psc_delta"
    n_adapting = round(adaptation["share"] * n) if adaptation else 0
    neurons = nest.Create(model, n - n_adapting, parameters) if n_adapting < n else nest.NodeCollection()
    if n_adapting > 0:
        parameters |= {"adapt_beta": adaptation["beta"], "adapt_tau": adaptation["tau"]}
        neurons += nest.Create(f"{model}_adapt", n_adapting, parameters)
    neurons.set(values)
    return neurons


def optimizer_parameters(optimizer: dict[str, Any], batch_size: int) -> dict[str, Any]:
    """Return the parameters of an optimizer under NEST's names."""
    parameters = {
        "type": optimizer["algorithm"],
        "batch_size": batch_size,
        "eta": optimizer["learning_rate"],
        "Wmin": optimizer["weight_min"],
        "Wmax": optimizer["weight_max"],
    }
    return parameters | {name: optimizer[name] for name in ("beta_1", "beta_2", "epsilon") if name in optimizer}


def run_files(run: Callable[[Problem], Problem]) -> None:
    """Simulate each ``<name>.problem.npz`` in the directory of the command line; write ``<name>.nest.npz``."""
    for path in sorted(Path(sys.argv[1]).glob("*.problem.npz")):
        with np.load(path) as problem:
            result = run(dict(problem))
        np.savez(path.with_name(path.name.removesuffix(".problem.npz") + ".nest.npz"), **result)
