"""Simulate the e-prop+ cases of the conformance set in numpy: python conformance/example.py RESULTS.h5 [SET.h5].

It shows how a simulator reads the set and writes its results. All is dense and computed step by step, in the notation
of docs/explanation/model.md: sources are i, neurons j, readouts k, and matrices have a row for each target.
"""

import argparse
import json
from pathlib import Path

import h5py
import numpy as np

SURROGATE_GRADIENTS = {
    "piecewise_linear": lambda u: np.maximum(0.0, 1.0 - u),
    "exponential": lambda u: np.exp(-u),
    "fast_sigmoid_derivative": lambda u: 1.0 / (1.0 + u) ** 2,
    "arctan": lambda u: 1.0 / (1.0 + u**2),
}
E_PROP_PLUS = "e-prop+"


class Projection:
    """The synapses of a projection, their traces and their history."""

    def __init__(self, case, name, network, sizes, dtype):
        parameters, rule = network[name], network["plasticity"]
        n_steps, (n_sources, n_targets) = int(case.attrs["n_steps"]), sizes
        self.source, self.target = (case[f"connections/{name}/{end}"][:].astype(int) for end in ("source", "target"))
        self.weight = np.zeros((n_targets, n_sources), dtype)
        self.weight[self.target, self.source] = case[f"connections/{name}/weight"][:]
        self.delay, self.plastic = parameters["delay"], parameters["plastic"]
        self.cutoff = np.inf if rule["cutoff"] is None else rule["cutoff"]
        own = {key: parameters[key] for key in ("learning_rate", "fixed_signs") if parameters[key] is not None}
        self.optimizer = rule["optimizer"] | own
        self.emitted = np.zeros((n_steps, n_sources), bool)
        self.active = np.zeros((n_steps, n_sources), bool)
        self.last_spike = np.full(n_sources, -1)
        self.next_step = np.full(n_sources, -1)  # the first step that no update has had yet; -1 before the first spike
        self.trace, self.epsilon, self.filtered, self.filtered_reg = np.zeros((4, *self.weight.shape), dtype)
        self.m, self.v = np.zeros((2, *self.weight.shape), dtype)
        self.filtered_history, self.reg_history = np.zeros((2, n_steps, *self.weight.shape), dtype)
        self.n_adam = np.zeros(n_sources, int)

    def arriving(self, t):
        """Return the spikes that arrive in step t, and the step in which they were emitted."""
        emission = t - self.delay
        return (self.emitted[emission] if emission >= 0 else np.zeros(self.emitted.shape[1], bool)), emission

    def emit(self, t, spikes):
        """Take in the spikes that are emitted in step t; ``active`` are sources less than a cutoff after their last."""
        self.emitted[t] = spikes
        self.last_spike[spikes] = t
        self.active[t] = (self.last_spike >= 0) & (t < self.last_spike + self.cutoff)

    def deliver(self, t, gradient_of_step, lag, decay=0.0, feedback=None):
        """Update the synapses through which spikes arrive in step t; return the input of the targets."""
        arriving, emission = self.arriving(t)
        if self.plastic:
            for i in np.flatnonzero(arriving):
                self.update(i, emission, gradient_of_step, lag, decay, feedback)
        return self.weight @ arriving.astype(self.weight.dtype)

    def update(self, i, emission, gradient_of_step, lag, decay, feedback):
        """Let the gradient of all steps since the last update change the weights of source i."""
        if self.next_step[i] < 0:
            self.next_step[i] = emission
            return
        exists = self.target[self.source == i]
        self.weight[exists, i] *= 1.0 - decay
        if feedback is not None:
            feedback[i, exists] *= 1.0 - decay
        end = emission - lag
        gradient = np.zeros(len(exists), self.weight.dtype)
        for step in range(self.next_step[i], end):
            if self.active[step, i]:
                gradient = gradient + gradient_of_step(step, i)[exists]
                if self.optimizer.get("optimize_each_step"):
                    self.optimize(i, exists, gradient, step + 1, feedback)
                    gradient = np.zeros_like(gradient)
        self.next_step[i] = max(self.next_step[i], end)
        if not self.optimizer.get("optimize_each_step"):
            self.optimize(i, exists, gradient, end, feedback)

    def optimize(self, i, exists, gradient, n_steps, feedback):
        """Change the weights of source i by a gradient; Adam advances to step ``n_steps``."""
        given, weight = self.optimizer, self.weight[exists, i]
        if given["algorithm"] == "adam":
            change, m, v = np.zeros_like(weight), self.m[exists, i], self.v[exists, i]
            while self.n_adam[i] < n_steps:
                self.n_adam[i] += 1
                n, beta_1, beta_2 = int(self.n_adam[i]), given["beta_1"], given["beta_2"]
                m = beta_1 * m + (1.0 - beta_1) * gradient
                v = beta_2 * v + (1.0 - beta_2) * gradient**2
                rate = given["learning_rate"] * (1.0 - beta_2**n) ** 0.5 / (1.0 - beta_1**n)
                change = change - rate * m / (np.sqrt(v) + given["epsilon"])
                gradient = 0.0 * gradient
            self.m[exists, i], self.v[exists, i] = m, v
        else:
            change = -given["learning_rate"] * gradient
        changed = np.clip(weight + change, given["weight_min"], given["weight_max"])
        if given["fixed_signs"]:
            changed = np.where(np.signbit(changed) == np.signbit(weight), changed, np.copysign(0.0, weight))
        self.weight[exists, i] = changed
        if feedback is not None:
            feedback[i, exists] += change


def simulate(case, dtype=np.float64):
    """Return the results of a case by their names in the file."""
    network, n_steps = json.loads(case.attrs["network"]), int(case.attrs["n_steps"])
    neuron, rule, dt = network["neuron"], network["plasticity"], network["dt"]
    n_input, n_recurrent, n_readout = (network[f"n_{name}"] for name in ("input", "recurrent", "readout"))
    tau_m, V_th, beta = (case[f"neurons/{name}"][:].astype(dtype) for name in ("tau_m", "V_th", "beta"))
    alpha, alpha_out = np.exp(-dt / tau_m), float(np.exp(-dt / network["readout"]["tau_m"]))
    rho = float(np.exp(-dt / neuron["adaptation"]["tau"])) if neuron["adaptation"] else 0.0
    current = tau_m / neuron["C_m"] * (1.0 - alpha) * neuron["I_e"]
    n_refractory = round(neuron["t_ref"] / dt)
    surrogate, E_L = neuron["surrogate_gradient"], network["readout"]["E_L"]
    target, window = case["stimulus/target"][:].astype(dtype), case["stimulus/learning_window"][:]
    inputs = np.zeros((n_steps, n_input), bool)
    inputs[case["stimulus/input_steps"][:], case["stimulus/input_channels"][:]] = True
    onto_neurons = [
        Projection(case, name, network, (n_sources, n_recurrent), dtype)
        for name, n_sources in (("input", n_input), ("recurrent", n_recurrent))
    ]
    output = Projection(case, "output", network, (n_recurrent, n_readout), dtype)
    feedback, kind = np.zeros((n_recurrent, n_readout), dtype), network["feedback"]["kind"]
    if kind != "symmetric":
        of_feedback = {name: case[f"connections/feedback/{name}"][:] for name in ("source", "target", "weight")}
        feedback[of_feedback["target"], of_feedback["source"]] = of_feedback["weight"]
    adaptive_feedback = feedback if kind == "adaptive" else None
    signal_delay = output.delay + network["feedback"]["delay"]

    v, a, rate = np.zeros((3, n_recurrent), dtype)
    spikes, refractory = np.zeros(n_recurrent, bool), np.zeros(n_recurrent, int)
    y = np.zeros(n_readout, dtype)
    readout, error = np.zeros((2, n_steps, n_readout), dtype)
    learning_signal, regularization = np.zeros((2, n_steps + signal_delay, n_recurrent), dtype)
    weights = {name: [] for name in ("input", "recurrent", "output", *(["feedback"] if kind == "adaptive" else []))}
    for t in range(n_steps):
        # Spikes arrive at the readouts, then errors at the neurons, with the feedback weights as they are then.
        onto_readouts = output.deliver(
            t,
            lambda s, i: error[s] * output.filtered_history[s, :, i],
            lag=0,
            decay=network["feedback"]["weight_decay"],
            feedback=adaptive_feedback,
        )
        if t >= signal_delay:
            back = output.weight.T if kind == "symmetric" else feedback
            learning_signal[t] = back @ error[t - network["feedback"]["delay"]]
        received = np.zeros(n_recurrent, dtype)
        for projection in onto_neurons:
            lag = max(0, signal_delay - 1 - projection.delay)
            received += projection.deliver(
                t,
                lambda s, i, of=projection: (
                    learning_signal[s + signal_delay] * of.filtered_history[s, :, i]
                    + regularization[s] * of.reg_history[s, :, i]
                ),
                lag,
            )
        # Neurons.
        clamped = (refractory > 0) & (neuron["V_reset"] is not None)
        refractory = np.maximum(refractory - 1, 0)
        lowest = -np.inf if neuron["V_min"] is None else neuron["V_min"]
        v = np.where(clamped, v, np.maximum(alpha * v + received + current, lowest))
        a = np.where(clamped, a, rho * a + spikes)
        distance = v - (V_th + beta * a)
        psi = surrogate["height"] * SURROGATE_GRADIENTS[surrogate["function"]](np.abs(distance) / surrogate["width"])
        psi = np.where(refractory > 0, 0.0, psi).astype(dtype)
        spikes = (distance >= 0.0) & (refractory == 0) & ~clamped
        v = np.where(spikes, v - V_th if neuron["V_reset"] is None else neuron["V_reset"], v).astype(dtype)
        refractory[spikes] = n_refractory
        rate = rule["kappa_reg"] * rate + (1.0 - rule["kappa_reg"]) * spikes.astype(dtype) / dt
        regularization[t] = rule["c_reg"] * (rate - rule["f_target"] / 1000.0)
        # Traces.
        onto_neurons[0].emit(t, inputs[t])
        onto_neurons[1].emit(t, spikes)
        output.emit(t, spikes)
        for of in onto_neurons:
            of.trace = alpha[:, np.newaxis] * of.trace + of.arriving(t)[0]
            e = psi[:, np.newaxis] * (of.trace - beta[:, np.newaxis] * of.epsilon) * of.active[t]
            of.epsilon = rho * of.epsilon + e
            of.filtered = rule["kappa"] * of.filtered + e
            of.filtered_reg = rule["kappa_reg"] * of.filtered_reg + (1.0 - rule["kappa_reg"]) * e
            of.filtered_history[t], of.reg_history[t] = of.filtered, of.filtered_reg
        output.trace = alpha_out * output.trace + output.arriving(t)[0]
        output.filtered_history[t] = output.trace
        # Readouts.
        y = alpha_out * y + onto_readouts
        readout[t] = answer = y + E_L
        if network["readout"]["loss"] == "cross_entropy":
            answer = np.exp(answer) / np.exp(answer).sum()
        error[t] = window[t] * (answer - target[t])
        for name, of in zip(("input", "recurrent", "output"), (*onto_neurons, output), strict=True):
            weights[name].append(of.weight[of.target, of.source])
        if kind == "adaptive":
            weights["feedback"].append(feedback[of_feedback["target"], of_feedback["source"]])
    steps, neurons = np.nonzero(onto_neurons[1].emitted)
    signals = {"readout": readout, "error": error, "learning_signal": learning_signal[:n_steps]}
    of_projections = {f"weights/{name}": np.array(values) for name, values in weights.items()}
    return {"spike_steps": steps, "spike_neurons": neurons, **signals, **of_projections}


def main():
    """Simulate all cases of e-prop+ and write their results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="file to write: results of all cases of e-prop+")
    whole_set = Path(__file__).with_name("eprop_conformance.h5")
    parser.add_argument("conformance_set", type=Path, nargs="?", default=whole_set, help="default: %(default)s")
    options = parser.parse_args()
    with h5py.File(options.conformance_set) as conformance_set, h5py.File(options.results, "w") as file:
        for name, case in conformance_set["cases"].items():
            if case.attrs["rule"] == E_PROP_PLUS:
                for quantity, values in simulate(case).items():
                    file[f"cases/{name}/{quantity}"] = values


if __name__ == "__main__":
    main()
