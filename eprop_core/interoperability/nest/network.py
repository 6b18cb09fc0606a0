"""A network of ``eprop_core`` in NEST 3.10: populations, connections, input and targets.

    from network import build, load, show_input, show_targets

    network, arrays = load("network.h5")  # a file that Simulation.save wrote
    nest.resolution = network["dt"]
    populations = build(network, arrays)  # in the running kernel, from rest

This file needs NEST, numpy and, to load, h5py. ``eprop_core`` need not be installed.

``network`` holds the parameters of ``eprop_core.parameters.Network`` as a dictionary. ``arrays`` holds
``<projection>_source``, ``_target`` and ``_weight`` (pA) of all projections, with ids that count from 0 in each
population, and values of each neuron under the names of its parameters: ``tau_m``, ``C_m``, ``V_th``, ``beta``,
``c_reg``, ``f_target``; those that are left out are in ``network``. A problem holds the fields of
``eprop_core.stimulus.Stimulus``, too. Step t of ``eprop_core`` is NEST's step that ends at (t + 1) * dt. Generators
cannot deliver events in NEST's first step, so step 0 of a problem has no input spikes and is outside the learning
window.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nest
import numpy as np

PROJECTIONS = ("input", "recurrent", "output", "feedback")
GENERATORS_OF_BELLEC, NEURONS_OF_BELLEC, ERRORS_OF_BELLEC = 1, 3, 5
"""NEST's steps, numbered by their ends, in which the first sample of the rule of Bellec et al. starts. Devices start in
step 1. Each connection adds a step, and so does the exchange of readout signals that precedes an error."""
_LARGEST = 1e300
"""Stands for infinity in NEST's bounds."""
_ETA = 1e-4
"""Learning rate of NEST's models of plastic synapses."""
_SMALLEST = 5e-324
"""The smallest number that is not 0."""
_SURROGATE_GRADIENTS = {"arctan": "arctan_derivative"}
"""NEST's names that differ from those of ``eprop_core``."""

Problem = dict[str, np.ndarray]


def times(steps: np.ndarray, dt: float) -> np.ndarray:
    """Return the times of steps, ms, rounded so that NEST accepts them as multiples of dt."""
    return np.round(steps * dt, 9)


def rate_connection(receptor: int, dt: float) -> dict[str, object]:
    """Return the properties of a connection to a receptor of the readouts."""
    return {"synapse_model": "rate_connection_delayed", "delay": dt, "receptor_type": receptor}


class Populations(NamedTuple):
    """Generators of the input spikes, parrot neurons that relay them, and the neurons of the network."""

    generators: Any
    inputs: Any
    recurrent: Any
    readouts: Any

    @property
    def of_projection(self) -> dict[str, tuple[Any, Any]]:
        """Sources and targets of each projection; those between groups are parts of these."""
        return {
            "input": (self.inputs, self.recurrent),
            "recurrent": (self.recurrent, self.recurrent),
            "output": (self.recurrent, self.readouts),
            "feedback": (self.readouts, self.recurrent),
        }


def load(path: str) -> tuple[dict[str, Any], Problem]:
    """Return the parameters of a network and its arrays, from a file that ``Simulation.save`` wrote."""
    import h5py

    with h5py.File(path, "r") as file:
        network = json.loads(file.attrs["network"])
        arrays = {name: values[:] for name, values in file["nodes/recurrent/0"].items()}
        for name, edges in file["edges"].items():
            arrays |= {
                f"{name}_source": edges["source_node_id"][:].astype(np.int64),
                f"{name}_target": edges["target_node_id"][:].astype(np.int64),
                f"{name}_weight": edges["0/syn_weight"][:],
            }
    return network, arrays


def has_spike_timing(network: dict[str, Any]) -> bool:
    """Whether synapses onto recurrent neurons have spike-timing-dependent plasticity; then none has e-prop."""
    return any(_spike_timing(parameters) is not None for _, _, parameters in projections(network))


def _spike_timing(parameters: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of the spike-timing-dependent plasticity of a projection; None without it."""
    return parameters.get("stdp") if parameters.get("plastic") else None


def learns_by_samples(network: dict[str, Any]) -> bool:
    """Whether the network learns by the rule of Bellec et al. (2020) instead of e-prop+."""
    return bool(network["plasticity"]["update"] == "sample")


def reset_kernel(dt: float, threads: int = 1) -> None:
    """Reset NEST and set its number of threads on each MPI rank."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=dt, total_num_virtual_procs=threads * nest.num_processes)


def build(
    network: dict[str, Any],
    arrays: Problem,
    *,
    learns: bool = True,
    sample_steps: int | None = None,
    learning_window_steps: int | None = None,
) -> Populations:
    """Build a network in the running kernel, at rest, and return its populations.

    Parameters
    ----------
    network, arrays
        The network, as :func:`load` returns it.
    learns
        Whether weights learn; without, no weight changes and there is no feedback.
    sample_steps, learning_window_steps
        Steps of a sample and, at its end, of the learning window, which NEST's models of Bellec et al. (2020) need.

    Raises
    ------
    ValueError
        A kernel of another resolution, or a missing number of steps.
    """
    if nest.resolution != network["dt"]:
        raise ValueError(
            f"the kernel's resolution is {nest.resolution:g} ms and the network's dt {network['dt']:g} ms: "
            f"set nest.resolution = {network['dt']:g} before the first node is created"
        )
    if learns_by_samples(network):
        if sample_steps is None or learning_window_steps is None:
            raise ValueError("the rule of Bellec et al. needs sample_steps and learning_window_steps")
        if not 0 < learning_window_steps <= sample_steps:
            raise ValueError(
                f"learning_window_steps = {learning_window_steps}: must be from 1 to sample_steps = {sample_steps}"
            )
        nest.set(
            eprop_learning_window=learning_window_steps * network["dt"],
            eprop_reset_neurons_on_update=True,
            eprop_update_interval=sample_steps * network["dt"],
        )
    populations = create(network, arrays)
    connect(populations, network, arrays, learns=learns)
    return populations


def create(network: dict[str, Any], arrays: Problem) -> Populations:
    """Create all neurons, at rest."""
    readout, rule = network["readout"], network["plasticity"]
    readouts = {
        "C_m": 1.0,
        "E_L": readout["E_L"],
        "I_e": 0.0,
        "V_m": readout["E_L"],
        "V_min": -_LARGEST,
        "tau_m": readout["tau_m"],
    }
    if learns_by_samples(network):
        recurrent = _neurons_of_bellec(network, arrays)
        readouts |= {"loss": readout["loss"], "regular_spike_arrival": True}
        readout_model = "eprop_readout_bsshslm_2020"
    else:
        steps = math.inf if rule["cutoff"] is None else rule["cutoff"]
        cutoff = {"eprop_isi_trace_cutoff": steps * network["dt"]}
        of_stdp = has_spike_timing(network)
        recurrent = _neurons_of_stdp(network, arrays) if of_stdp else _neurons_of_eprop_plus(network, arrays, cutoff)
        readouts |= cutoff
        readout_model = "eprop_readout"
    return Populations(
        generators=nest.Create("spike_generator", network["n_input"]),
        inputs=nest.Create("parrot_neuron", network["n_input"]),
        recurrent=recurrent,
        readouts=nest.Create(readout_model, network["n_readout"], readouts),
    )


def connect(populations: Populations, network: dict[str, Any], arrays: Problem, *, learns: bool = True) -> None:
    """Create all connections; without ``learns``, no weight changes and there is no feedback.

    Optimizers and bounds belong to NEST's synapse models, so each projection has a copy of its own.
    """
    dt, of_stdp = network["dt"], has_spike_timing(network)
    nest.Connect(populations.generators, populations.inputs, "one_to_one", {"delay": dt})
    for name, kind, parameters in projections(network):
        sources, targets = populations.of_projection[kind]
        weight = arrays[f"{name}_weight"]
        if not len(weight) or (kind == "feedback" and (of_stdp or not learns)):
            continue
        # NEST's low-pass filter of the eligibility trace in the models of Bellec et al. has a factor (1 - kappa).
        if name == "feedback" and learns_by_samples(network):
            weight = weight / (1.0 - network["plasticity"]["kappa"])
        ids = arrays[f"{name}_source"] + sources[0].global_id, arrays[f"{name}_target"] + targets[0].global_id
        fixed_signs = kind != "feedback" and _has_fixed_signs(kind, parameters, network)
        for chosen, signs in _by_sign(weight) if fixed_signs else [(np.ones(len(weight), bool), "both")]:
            n = int(np.count_nonzero(chosen))
            synapses = _synapses(name, parameters, network, learns, n, signs)
            # Only networks of STDP may have other delays than a step.
            synapses |= {"weight": weight[chosen], "delay": np.full(n, parameters["delay"] * dt)}
            if signs == "negative" and of_stdp:  # a zero cannot have the sign of a negative Wmax
                synapses["weight"] = np.minimum(synapses["weight"], -_SMALLEST)
            nest.Connect(ids[0][chosen], ids[1][chosen], "one_to_one", synapses)
    if learns_by_samples(network) and network["readout"]["loss"] == "cross_entropy":
        no_autapses = {"rule": "all_to_all", "allow_autapses": False}
        nest.Connect(populations.readouts, populations.readouts, no_autapses, rate_connection(1, dt))


_OVERRIDES = ("learning_rate", "weight_min", "weight_max", "epsilon")
"""Values that a projection may have instead of those of its optimizer; NEST has no fixed signs, but bounds at 0."""


def projections(network: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, kind (one of :data:`PROJECTIONS`) and parameters of each projection, also of those between groups.

    A value that two groups do not have of their own is that of all connections of the kind.
    """
    for kind in PROJECTIONS:
        common = network[kind]
        parts = {"input": "targets", "recurrent": "pairs"}
        if kind not in parts or common.get(parts[kind]) is None:
            yield kind, kind, common
            continue
        for groups, own in common[parts[kind]].items():
            given = {key: value for key, value in own.items() if value is not None}
            if "optimizer" in given:  # has all values
                given = dict.fromkeys((*_OVERRIDES, "fixed_signs")) | given
            yield f"input -> {groups}" if kind == "input" else groups, kind, common | given


def _by_sign(weight: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the synapses whose weights have the same bounds, bool (n,), and which signs these allow.

    NEST has no fixed signs, but models with bounds at zero. A weight that was stopped at zero has the sign of the zero.
    """
    for chosen, signs in ((~np.signbit(weight), "positive"), (np.signbit(weight), "negative")):
        if chosen.any():
            yield chosen, signs


def _has_fixed_signs(kind: str, parameters: dict[str, Any], network: dict[str, Any]) -> bool:
    """Whether the weights of a projection keep their signs."""
    of_groups = [group["excitatory"] for group in (network.get("groups") or {}).values()]
    excitatory = [network["input"]["excitatory"]] if kind == "input" else [network["neuron"]["excitatory"], *of_groups]
    own = parameters["fixed_signs"]
    has_signs = _spike_timing(parameters) is not None or any(value is not None for value in excitatory)
    optimizer = parameters.get("optimizer") or network["plasticity"]["optimizer"]
    return has_signs or bool(optimizer["fixed_signs"] if own is None else own)


def _synapses(
    name: str, projection: dict[str, Any], network: dict[str, Any], learns: bool, n: int, signs: str
) -> dict[str, Any]:
    """Return the model of the ``n`` synapses of a projection, and values that each of them needs.

    ``projection`` holds its parameters; ``signs`` are those that its weights may have: "both", "positive", "negative".
    """
    rule = network["plasticity"]
    by_samples = learns_by_samples(network)
    of_rule = "_bsshslm_2020" if by_samples else ""
    if name == "feedback":
        return {"synapse_model": f"eprop_learning_signal_connection{of_rule}"}
    plastic = learns and projection["plastic"]
    # Of static synapses, only e-prop synapses with a learning rate of 0 lose spikes at the end of a sample.
    if not plastic and not by_samples:
        return {"synapse_model": "static_synapse"}
    if (stdp := _spike_timing(projection)) is not None:
        largest = stdp["weight_max"] if signs == "positive" else -stdp["weight_max"]
        values = {name: stdp[name] for name in ("tau_plus", "alpha", "mu_plus", "mu_minus")}
        values |= {"lambda": stdp["learning_rate"], "weight": largest, "Wmax": largest}
        model = _new_name(f"{name.replace(' -> ', '_to_')}_stdp_synapse")
        nest.CopyModel("stdp_synapse", model, values)
        return {"synapse_model": model}
    own = {key: projection[key] for key in _OVERRIDES if projection.get(key) is not None}
    optimizer = dict(projection.get("optimizer") or rule["optimizer"]) | own
    if signs == "positive":
        optimizer["weight_min"] = max(0.0, optimizer["weight_min"])
    elif signs == "negative":
        optimizer["weight_max"] = min(0.0, optimizer["weight_max"])
    if not plastic:
        optimizer |= {"learning_rate": 0.0, "weight_min": -_LARGEST, "weight_max": _LARGEST}
    _check_base_model(f"eprop_synapse{of_rule}")
    learning = optimizer_parameters(optimizer, rule["batch_size"] if by_samples else 1)
    common = {"average_gradient": False} if by_samples else {}
    if not by_samples:
        learning["optimize_each_step"] = optimizer.get("optimize_each_step", False)
    model = _new_name(f"{name.replace(' -> ', '_to_')}_eprop_synapse")
    # NEST checks the default weight against the bounds, too.
    defaults = common | {"weight": optimizer["weight_max"], "optimizer": learning}
    nest.CopyModel(f"eprop_synapse{of_rule}", model, defaults)
    each = {"tau_m_readout": np.full(n, network["readout"]["tau_m"])} if by_samples else {}
    return {"synapse_model": model} | each


def _check_base_model(model: str) -> None:
    """Check that nobody has set the learning rate of a base model.

    In NEST 3.10, the first update of a weight would have this rate, and not that of the copied model.
    """
    eta = nest.GetDefaults(model, "optimizer")["eta"]
    if eta != _ETA:
        raise ValueError(
            f"{model} has had its eta set to {eta:g} by SetDefaults, which NEST would use in the first update of each "
            "weight: reset the kernel before"
        )


def _new_name(name: str) -> str:
    """Return a name that no model of the kernel has yet."""
    taken = set(nest.synapse_models)
    numbered = (name if k == 0 else f"{name}_{k + 1}" for k in range(len(taken) + 1))
    return next(candidate for candidate in numbered if candidate not in taken)


def show_input(populations: Populations, network: dict[str, Any], problem: Problem) -> None:
    """Set the spikes of the input channels."""
    first = GENERATORS_OF_BELLEC if learns_by_samples(network) else 0
    steps, channels = problem["input_steps"], problem["input_channels"]
    order = np.argsort(channels, kind="stable")
    spike_times = times(steps[order] + first, network["dt"])
    of_channels = np.split(spike_times, np.searchsorted(channels[order], np.arange(1, network["n_input"])))
    populations.generators.set([{"spike_times": of_channel} for of_channel in of_channels])


def show_targets(populations: Populations, network: dict[str, Any], problem: Problem) -> None:
    """Set the targets of the readouts and, for e-prop+, the learning window."""
    dt, by_samples = network["dt"], learns_by_samples(network)
    if not by_samples:
        window = nest.Create("step_rate_generator")
        _step_to(window, problem["learning_window"].astype(float), dt)
        nest.Connect(window, populations.readouts, "all_to_all", rate_connection(1, dt))
    targets = nest.Create("step_rate_generator", network["n_readout"])
    for generator, values in zip(targets, problem["target"].T, strict=True):
        _step_to(generator, values, dt, ERRORS_OF_BELLEC - 1 if by_samples else 0)
    nest.Connect(targets, populations.readouts, "one_to_one", rate_connection(2, dt))


def weights(name: str, populations: Populations) -> dict[str, np.ndarray]:
    """Return the connections of one of :data:`PROJECTIONS` with their current weights, sorted by (target, source)."""
    return listed(name, *populations.of_projection[name])


def simulate(populations: Populations, n_steps: int, dt: float) -> dict[str, np.ndarray]:
    """Simulate some steps of ``dt`` ms; return the connections of all projections with their weights after them."""
    nest.Simulate(n_steps * dt)
    result: dict[str, np.ndarray] = {}
    for name in populations.of_projection:
        result |= weights(name, populations)
    nest.Simulate(dt)  # recorders receive the events of a step in the next one
    return result


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


def _step_to(generator: Any, values: np.ndarray, dt: float, first: int = 0) -> None:
    """Let the rate of a generator follow ``values``, one per step from ``first`` on, by setting the changes only."""
    begin = 1 if first == 0 else 0  # nothing can be set at time 0
    changes = begin + np.flatnonzero(np.diff(values[begin:], prepend=np.nan))
    generator.set(amplitude_times=times(changes + first, dt), amplitude_values=values[changes])


def neuron_parameters(network: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that all of NEST's models of recurrent neurons have."""
    neuron, surrogate = network["neuron"], network["neuron"]["surrogate_gradient"]
    return {
        "E_L": 0.0,
        "I_e": neuron["I_e"],
        "V_m": 0.0,
        "V_min": -_LARGEST if neuron["V_min"] is None else neuron["V_min"],
        "surrogate_gradient_function": _SURROGATE_GRADIENTS.get(surrogate["function"], surrogate["function"]),
    }


def _neurons_of_bellec(network: dict[str, Any], arrays: Problem) -> Any:
    """Create the recurrent neurons, with the rule of Bellec et al.; the adaptive ones have the highest ids."""
    adaptation = network["neuron"]["adaptation"]
    common = neuron_parameters(network) | {
        "V_th": float(of_each_neuron(network, arrays, "V_th")[0]),
        "regular_spike_arrival": True,
        "tau_m": float(of_each_neuron(network, arrays, "tau_m")[0]),
    }
    n_adaptive = 0 if adaptation is None else round(adaptation["share"] * network["n_recurrent"])
    n_lif = network["n_recurrent"] - n_adaptive
    neurons = nest.Create("eprop_iaf_bsshslm_2020", n_lif, common) if n_lif else nest.NodeCollection()
    if n_adaptive:
        common |= {"adapt_tau": adaptation["tau"], "adaptation": 0.0}
        adaptive = nest.Create("eprop_iaf_adapt_bsshslm_2020", n_adaptive, common)
        set_each(adaptive, {"adapt_beta": of_each_neuron(network, arrays, "beta")[n_lif:]})
        neurons += adaptive
    set_each(neurons, {name: of_each_neuron(network, arrays, name) for name in ("C_m", "c_reg", "f_target")})
    set_each(neurons, _of_spikes(network, arrays))
    return neurons


def set_each(neurons: Any, values: dict[str, np.ndarray]) -> None:
    """Set parameters of each neuron, given as arrays; NEST takes none if some neurons are on other MPI ranks."""
    neurons.set([dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)])


def _of_spikes(network: dict[str, Any], arrays: Problem) -> dict[str, np.ndarray]:
    """Return refractory period, height and width of the surrogate gradient of each neuron under NEST's names."""
    of_surrogate = {
        f"surrogate_gradient_{key}": of_each_neuron(network, arrays, f"surrogate_{key}") for key in ("height", "width")
    }
    return of_surrogate | {"t_ref": of_each_neuron(network, arrays, "t_ref")}


def of_each_neuron(network: dict[str, Any], arrays: Problem, name: str) -> np.ndarray:
    """Return a parameter of the recurrent neurons or of their rate regularization.

    It is in ``arrays``, or else that of a neuron's group, or else that of all neurons.
    """
    if name in arrays:
        return arrays[name]
    rule, neuron = network["plasticity"], network["neuron"]
    sections = {"c_reg": rule, "f_target": rule, "beta": neuron["adaptation"]}
    sections |= {f"surrogate_{key}": neuron["surrogate_gradient"] for key in ("height", "width")}
    common = sections.get(name, neuron)[name.removeprefix("surrogate_")]
    groups = list((network.get("groups") or {"": {"size": network["n_recurrent"], name: None}}).values())
    values = [common if group.get(name) is None else group[name] for group in groups]
    return np.repeat(np.array(values, float), [group["size"] for group in groups])


def _neurons_of_eprop_plus(network: dict[str, Any], arrays: Problem, cutoff: dict[str, float]) -> Any:
    """Create the recurrent neurons at rest; the adaptive ones have the highest ids."""
    neuron, rule, dt = network["neuron"], network["plasticity"], network["dt"]
    adaptation = neuron["adaptation"]
    parameters = neuron_parameters(network) | {"kappa": rule["kappa"], "kappa_reg": rule["kappa_reg"]} | cutoff
    if neuron["V_reset"] is not None:
        parameters["V_reset"] = neuron["V_reset"]
    n = network["n_recurrent"]
    values = {name: of_each_neuron(network, arrays, name) for name in ("tau_m", "C_m", "V_th", "c_reg", "f_target")}
    # NEST compares f_target * dt / 1000 with the moving average in spikes per ms, so it needs this value.
    values["f_target"] = values["f_target"] / dt
    if neuron["V_reset"] is None:
        # In NEST, the constant current of this model acts from the second step on. This is its effect in the first:
        rise = values["tau_m"] / values["C_m"] * -np.expm1(-dt / values["tau_m"]) * neuron["I_e"]
        values["V_m"] = np.maximum(rise, parameters["V_min"]) * np.exp(dt / values["tau_m"])
    parameters["V_th"] = _LARGEST  # the real thresholds follow; NEST checks this one against V_min
    model = "eprop_iaf" if neuron["V_reset"] is None else "eprop_iaf_psc_delta"
    n_adapting = round(adaptation["share"] * n) if adaptation else 0
    neurons = nest.Create(model, n - n_adapting, parameters) if n_adapting < n else nest.NodeCollection()
    if n_adapting > 0:
        parameters["adapt_tau"] = adaptation["tau"]
        adaptive = nest.Create(f"{model}_adapt", n_adapting, parameters)
        set_each(adaptive, {"adapt_beta": of_each_neuron(network, arrays, "beta")[n - n_adapting :]})
        neurons += adaptive
    set_each(neurons, values | _of_spikes(network, arrays))
    return neurons


def _neurons_of_stdp(network: dict[str, Any], arrays: Problem) -> Any:
    """Create the recurrent neurons, whose model has no e-prop, at rest.

    With ``ignore_and_fire``, ``arrays`` hold the ``phase`` of each neuron.
    """
    neuron, dt = network["neuron"], network["dt"]
    taus = [stdp["tau_minus"] for _, _, own in projections(network) if (stdp := _spike_timing(own)) is not None]
    parameters = {
        "E_L": 0.0,
        "I_e": neuron["I_e"],
        "V_m": 0.0,
        "V_min": -_LARGEST if neuron["V_min"] is None else neuron["V_min"],
        "V_reset": 0.0 if neuron["V_reset"] is None else neuron["V_reset"],
        "V_th": _LARGEST,  # the real thresholds follow
        "tau_minus": taus[0],
    }
    neurons = nest.Create("iaf_psc_delta", network["n_recurrent"], parameters)
    set_each(neurons, {name: of_each_neuron(network, arrays, name) for name in ("tau_m", "C_m", "V_th", "t_ref")})
    if neuron["ignore_and_fire"] is not None:
        period = max(1, round(1000.0 / (neuron["ignore_and_fire"]["rate"] * dt)))
        neurons.set(ignore_and_spike=True, ignore_and_spike_interval=period * dt)
        set_each(neurons, {"ignore_and_spike_offset": times(arrays["phase"] + 1, dt)})
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
