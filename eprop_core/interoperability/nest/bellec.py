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
from devices import multimeter, rate_connection, recorded, recorded_spikes, times
from network import listed, neuron_parameters, optimizer_parameters, run_files

Arrays = dict[str, np.ndarray]

GENERATORS, RECURRENT, ERRORS = 1, 3, 5
"""NEST's steps, numbered by their ends, in which the first sample starts. Devices start in step 1. Each connection adds
a step, and so does the exchange of readout signals that precedes an error."""


def run(problem: Arrays) -> Arrays:
    """Simulate one problem from rest."""
    network = json.loads(str(problem["network"]))
    n_steps, n_samples, dt = int(problem["n_steps"]), int(problem["n_samples"]), network["dt"]
    steps_per_sample = n_steps // n_samples
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(
        resolution=dt,
        total_num_virtual_procs=1,
        eprop_learning_window=problem["learning_window"][:steps_per_sample].sum() * dt,
        eprop_reset_neurons_on_update=True,
        eprop_update_interval=steps_per_sample * dt,
    )
    generators = nest.Create("spike_generator", network["n_input"])
    inputs = nest.Create("parrot_neuron", network["n_input"])
    recurrent = _create_recurrent(network)
    readouts = nest.Create(
        "eprop_readout_bsshslm_2020",
        network["n_readout"],
        {
            "C_m": 1.0,
            "E_L": network["readout"]["E_L"],
            "V_m": network["readout"]["E_L"],
            "loss": network["readout"]["loss"],
            "regular_spike_arrival": True,
            "tau_m": network["readout"]["tau_m"],
        },
    )
    populations = {
        "input": (inputs, recurrent),
        "recurrent": (recurrent, recurrent),
        "output": (recurrent, readouts),
        "feedback": (readouts, recurrent),
    }
    nest.Connect(generators, inputs, "one_to_one", {"delay": dt})
    _connect(problem, network, populations)
    if network["readout"]["loss"] == "cross_entropy":
        no_autapses = {"rule": "all_to_all", "allow_autapses": False}
        nest.Connect(readouts, readouts, no_autapses, rate_connection(1, dt))

    spikes_of = [problem["input_steps"][problem["input_channels"] == i] for i in range(network["n_input"])]
    generators.set([{"spike_times": times(steps + GENERATORS, dt)} for steps in spikes_of])
    targets = nest.Create("step_rate_generator", network["n_readout"])
    for generator, values in zip(targets, problem["target"].T, strict=True):
        generator.set(amplitude_times=times(np.arange(n_steps) + ERRORS - 1, dt), amplitude_values=values)
    nest.Connect(targets, readouts, "one_to_one", rate_connection(2, dt))

    recorder = nest.Create("spike_recorder")
    nest.Connect(recurrent, recorder, "all_to_all", {"delay": dt})
    of_readouts = multimeter(readouts, ["error_signal"], dt)
    of_neurons = multimeter(recurrent, ["surrogate_gradient", "learning_signal"], dt)
    update_all_synapses(inputs, recurrent, n_steps, dt)

    nest.Simulate((n_steps + ERRORS + 3) * dt)
    result = {
        "spikes": recorded_spikes(recorder, recurrent, RECURRENT, n_steps, dt),
        "error": recorded(of_readouts, "error_signal", ERRORS, n_steps, dt),
        "surrogate_gradient": recorded(of_neurons, "surrogate_gradient", RECURRENT, n_steps, dt),
        "learning_signal": recorded(of_neurons, "learning_signal", ERRORS + 1, n_steps, dt),
    }
    for name, (sources, targets) in populations.items():
        result |= listed(name, sources, targets)
    return result


def _create_recurrent(network: dict) -> "nest.NodeCollection":
    """Create the LIF neurons, then the adaptive ones."""
    neuron, adaptation = network["neuron"], network["neuron"]["adaptation"]
    common = neuron_parameters(network) | {
        "V_th": neuron["V_th"],
        "regular_spike_arrival": True,
        "tau_m": neuron["tau_m"],
    }
    n_adaptive = 0 if adaptation is None else round(adaptation["share"] * network["n_recurrent"])
    n_lif = network["n_recurrent"] - n_adaptive
    neurons = nest.Create("eprop_iaf_bsshslm_2020", n_lif, common) if n_lif else nest.NodeCollection()
    if n_adaptive:
        common |= {"adapt_beta": adaptation["beta"], "adapt_tau": adaptation["tau"], "adaptation": 0.0}
        neurons += nest.Create("eprop_iaf_adapt_bsshslm_2020", n_adaptive, common)
    return neurons


def _connect(problem: Arrays, network: dict, populations: dict) -> None:
    optimizer = network["plasticity"]["optimizer"]
    learning = optimizer_parameters(optimizer, network["plasticity"]["batch_size"])
    common = {
        "average_gradient": False,
        "weight": optimizer["weight_max"],
    }  # NEST checks the default weight against the bounds
    # Static synapses are e-prop synapses with learning rate 0, because only these lose spikes at the end of a sample.
    nest.CopyModel("eprop_synapse_bsshslm_2020", "static", common | {"optimizer": learning | {"eta": 0.0}})
    nest.CopyModel("eprop_synapse_bsshslm_2020", "plastic", common | {"optimizer": learning})
    for name, (sources, targets) in populations.items():
        weight = problem[f"{name}_weight"]
        if not len(weight):
            continue
        if name == "feedback":
            # NEST's low-pass filter of the eligibility trace has a factor (1 - kappa).
            weight = weight / (1.0 - network["plasticity"]["kappa"])
            synapses = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020"}
        else:
            synapses = {
                "synapse_model": "plastic" if network[name]["plastic"] else "static",
                "tau_m_readout": np.full(len(weight), network["readout"]["tau_m"]),
            }
        nest.Connect(
            problem[f"{name}_source"] + sources[0].global_id,
            problem[f"{name}_target"] + targets[0].global_id,
            "one_to_one",
            synapses | {"weight": weight, "delay": np.full(len(weight), network["dt"])},
        )


def update_all_synapses(
    inputs: "nest.NodeCollection", recurrent: "nest.NodeCollection", n_steps: int, dt: float
) -> None:
    """Let all neurons spike after the last sample, because NEST updates a weight at the next presynaptic spike."""
    generator = nest.Create("spike_generator", 1, {"spike_times": times(np.array([n_steps + RECURRENT]), dt)})
    nest.Connect(generator, inputs + recurrent, "all_to_all", {"weight": 1e4, "delay": dt})


if __name__ == "__main__":
    run_files(run)
